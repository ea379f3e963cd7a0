//! A throwaway server: own temporary folder, unix socket or free port, ended by its own process id when dropped. A
//! test fails when its server died or logged a warning nobody expected.

use std::fmt::{Debug, Display};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use crate::signal::{self, Signal};
use crate::{Client, Options, free_port, log, module};

/// How long a server may take to answer; generous, as slow machines and loaded data are no failure.
const PATIENCE: Duration = Duration::from_secs(180);

/// A running server.
pub struct Server {
    options: Options,
    dir: tempfile::TempDir,
    port: u16,
    cluster_port: u16,
    child: Option<Child>,
    expected_warnings: Vec<String>,
}

impl Server {
    pub(crate) fn prepare(options: Options) -> Self {
        let dir = tempfile::Builder::new().prefix("liq-").tempdir().expect("a temporary folder");
        let expected_warnings = options.expected_warnings.clone();
        Self { options, dir, port: 0, cluster_port: 0, child: None, expected_warnings }
    }

    /// A server with the module, on a unix socket, keeping nothing on disk unless told.
    #[track_caller]
    pub fn start() -> Self {
        Options::default().start()
    }

    /// A server without the module.
    #[track_caller]
    pub fn plain() -> Self {
        Options::default().without_module().start()
    }

    /// A server with further lines of `redis.conf`.
    #[track_caller]
    pub fn with(lines: &[&str]) -> Self {
        Options::default().lines(lines).start()
    }

    /// A replica of `primary` (which listens on a port), in sync when this returns.
    #[track_caller]
    pub fn replica_of(primary: &Self, lines: &[&str]) -> Self {
        let mut options = Options::default().lines(lines).line(format!("replicaof 127.0.0.1 {}", primary.port()));
        options.without_module = primary.options.without_module;
        let replica = options.start();
        replica.wait_for_link();
        replica
    }

    /// A RESP2 connection.
    #[track_caller]
    pub fn connect(&self) -> Client {
        Client::open(&self.url()).expect("the server accepts")
    }

    /// A RESP3 connection.
    #[track_caller]
    pub fn connect_resp3(&self) -> Client {
        Client::open(&self.url_resp3()).expect("the server accepts RESP3")
    }

    /// A RESP2 connection of an ACL user.
    #[track_caller]
    pub fn connect_as(&self, user: &str, password: &str) -> Client {
        let mut client = self.connect();
        client.call(&["AUTH", user, password]).ok();
        client
    }

    /// Its address on the unix socket, for redis-rs.
    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// As [`Self::url`], for RESP3.
    pub fn url_resp3(&self) -> String {
        format!("{}?protocol=resp3", self.url())
    }

    /// The unix socket's path.
    pub fn socket(&self) -> PathBuf {
        self.dir.path().join("socket")
    }

    /// The port of a server started with [`Options::tcp`].
    #[track_caller]
    pub fn port(&self) -> u16 {
        assert_ne!(self.port, 0, "start this server with Options::tcp");
        self.port
    }

    /// The bus port of a node started with [`Options::cluster`].
    pub fn cluster_port(&self) -> u16 {
        self.cluster_port
    }

    /// The folder that holds its files.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let bytes = std::fs::read(self.dir.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("the server runs").id()
    }

    /// A warning with this text is what the test provokes.
    pub fn expect_warning(&mut self, text: &str) {
        self.expected_warnings.push(text.to_owned());
    }

    /// Adds a line to `redis.conf` for the next start.
    pub fn add_line(&mut self, line: impl Into<String>) {
        self.options.lines.push(line.into());
    }

    /// Shuts down in order, saving to RDB, and starts again.
    #[track_caller]
    pub fn restart_saving(&mut self) {
        self.stop("SAVE");
        self.launch();
    }

    /// Shuts down in order without saving to RDB, and starts again: what comes back is what the AOF holds.
    #[track_caller]
    pub fn restart(&mut self) {
        self.stop("NOSAVE");
        self.launch();
    }

    /// Ends the server by signal 9, as a power failure would, and starts it again.
    #[track_caller]
    pub fn kill_and_restart(&mut self) {
        self.assert_alive();
        self.kill();
        self.launch();
    }

    /// Ends the server by signal 9, as a power failure would.
    pub fn kill(&mut self) {
        log::CUT_SHORT.iter().for_each(|warning| self.expect_warning(warning));
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_file(self.socket());
    }

    /// Cuts the last bytes off what a killed server has appended, as a failure of power in the midst of a write does.
    #[track_caller]
    pub fn cut_appended(&self, bytes: u64) {
        assert!(self.child.is_none(), "kill the server first");
        let file = self.dir.path().join("appendonlydir/appendonly.aof.1.incr.aof");
        let file = std::fs::OpenOptions::new().write(true).open(file).expect("there is an append-only file");
        let length = file.metadata().expect("a file has a length").len();
        file.set_len(length.checked_sub(bytes).expect("so much was appended")).expect("a file can be cut");
    }

    /// Starts a killed server again, on the same socket, port and files.
    #[track_caller]
    pub fn start_again(&mut self) {
        assert!(self.child.is_none(), "kill the server first");
        self.launch();
    }

    /// Stops the process where it stands (SIGSTOP): connections stay open and nothing answers.
    #[track_caller]
    pub fn stall(&self) {
        self.signal(Signal::STOP);
    }

    /// Lets a stalled server go on.
    #[track_caller]
    pub fn resume(&self) {
        self.signal(Signal::CONT);
    }

    /// Sends a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        signal::send(self.child.as_ref().expect("the server runs"), signal);
    }

    /// Polls until the replica has everything its primary has sent.
    #[track_caller]
    pub fn wait_for_link(&self) {
        let mut client = self.connect();
        wait_until("the replica is in sync", || client.info("master_link_status") == "up");
    }

    /// Polls until `replica` has applied everything this primary has written so far.
    #[track_caller]
    pub fn wait_for_replica(&self, replica: &Self) {
        let sent = self.connect().info("master_repl_offset");
        let sent: i64 = sent.parse().expect("an offset is an integer");
        let mut client = replica.connect();
        wait_until("the replica has caught up", || {
            client.info("slave_repl_offset").parse::<i64>().is_ok_and(|applied| applied >= sent)
        });
    }

    /// Polls until no child process saves or rewrites.
    #[track_caller]
    pub fn wait_for_background(&self) {
        let mut client = self.connect();
        wait_until("background saving ends", || {
            // In this order: a rewrite waits for the snapshot to end, and is scheduled until it is in progress.
            client.info("rdb_bgsave_in_progress") == "0"
                && client.info("aof_rewrite_scheduled") == "0"
                && client.info("aof_rewrite_in_progress") == "0"
        });
    }

    /// Fails unless the server still runs.
    #[track_caller]
    pub fn assert_alive(&mut self) {
        if let Some(status) = self.child.as_mut().and_then(|child| child.try_wait().expect("a child can be asked")) {
            panic!("the server ended by itself ({status}):\n{}", tail(&self.log()));
        }
    }

    /// Polls until the server has ended by itself.
    #[track_caller]
    pub fn wait_for_end(&mut self) {
        let child = self.child.as_mut().expect("the server was started");
        wait_until("the server ends", || child.try_wait().expect("a child can be asked").is_some());
    }

    #[track_caller]
    pub(crate) fn launch(&mut self) {
        if let Err(log) = self.try_launch() {
            panic!("the server did not start:\n{}", tail(&log));
        }
    }

    pub(crate) fn try_launch(&mut self) -> Result<(), String> {
        // A free port may be taken before the server binds it: a server that starts for the first time takes another.
        let chosen = (self.port, self.cluster_port);
        for attempt in 0..5 {
            self.write_config();
            let mut command = module::server_command();
            command.arg("redis.conf").current_dir(self.dir.path());
            command.envs(self.options.environment.iter().map(|(name, value)| (name, value)));
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(self.stderr_file());
            self.child = Some(command.spawn().expect("the server's program runs (LIQ_TEST_SERVER or PATH)"));
            let deadline = Instant::now() + PATIENCE;
            while Instant::now() < deadline {
                if self.answers() {
                    return Ok(());
                }
                let child = self.child.as_mut().expect("just started");
                if child.try_wait().expect("a child can be asked").is_some() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(2));
            }
            self.kill();
            let log = self.log();
            if attempt == 4 || !log.contains("Address already in use") {
                return Err(log);
            }
            (self.port, self.cluster_port) = chosen;
            let _ = std::fs::remove_file(self.dir.path().join("log"));
        }
        unreachable!("the last attempt returns")
    }

    fn answers(&self) -> bool {
        let Ok(client) = redis::Client::open(self.url()) else { return false };
        let Ok(mut connection) = client.get_connection() else { return false };
        redis::cmd("PING").query::<String>(&mut connection).is_ok_and(|reply| reply == "PONG")
    }

    fn write_config(&mut self) {
        let mut lines = vec![
            "unixsocket socket".to_owned(),
            "dir .".into(),
            "logfile log".into(),
            "save \"\"".into(),
            "enable-debug-command yes".into(),
            "repl-diskless-sync-delay 0".into(),
            "repl-ping-replica-period 1".into(),
        ];
        if self.options.tcp {
            self.port = if self.port == 0 { free_port() } else { self.port };
            lines.push("bind 127.0.0.1".into());
        }
        lines.push(format!("port {}", self.port));
        if self.options.cluster {
            lines.push("cluster-enabled yes".into());
            lines.push("cluster-config-file nodes.conf".into());
            lines.push("cluster-node-timeout 5000".into());
            self.cluster_port = if self.cluster_port == 0 { free_port() } else { self.cluster_port };
            lines.push(format!("cluster-port {}", self.cluster_port));
        }
        if !self.options.without_module {
            lines.push(module::load_line(module::module_path(), &self.options.module_args));
        }
        lines.extend(self.options.lines.iter().cloned());
        std::fs::write(self.dir.path().join("redis.conf"), lines.join("\n") + "\n").expect("the folder is writable");
    }

    fn stderr_file(&self) -> std::fs::File {
        let path = self.dir.path().join("log");
        std::fs::File::options().append(true).create(true).open(path).expect("the folder is writable")
    }

    #[track_caller]
    fn stop(&mut self, how: &str) {
        self.assert_alive();
        // The server closes the connection instead of answering.
        let _ = self.connect().try_call(&["SHUTDOWN", how]);
        let child = self.child.as_mut().expect("the server runs");
        wait_until("the server shuts down", || child.try_wait().expect("a child can be asked").is_some());
        let status = child.wait().expect("a child can be waited for");
        self.child = None;
        assert!(status.success(), "the server ended with {status}:\n{}", tail(&self.log()));
        // A replica that is shut down may have left its socket; the next start must not be taken for the old one.
        let _ = std::fs::remove_file(self.socket());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.child.as_mut().and_then(|child| child.try_wait().ok().flatten());
        self.kill();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", tail(&self.log()));
            return;
        }
        if let Some(status) = ended {
            panic!("the server ended by itself ({status}):\n{}", tail(&self.log()));
        }
        let warnings = log::unexpected_warnings(&self.log(), &self.expected_warnings);
        assert!(warnings.is_empty(), "unexpected warnings in the server's log:\n{}", warnings.join("\n"));
    }
}

/// Polls `condition` until it holds; fails when it does not within three minutes: what takes ten
/// seconds takes a minute where several suites run on two cores.
#[track_caller]
pub fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    poll(|| if condition() { Ok(()) } else { Err(what) });
}

/// Polls a value until it is the expected one; a failure tells the last one.
#[track_caller]
pub fn wait_until_is<T: PartialEq + Debug>(what: &str, expected: T, mut value: impl FnMut() -> T) {
    poll(|| match value() {
        last if last == expected => Ok(()),
        last => Err(format!("{what} are {expected:?}: they are {last:?}")),
    });
}

#[track_caller]
fn poll<E: Display>(mut attempt: impl FnMut() -> Result<(), E>) {
    let deadline = Instant::now() + PATIENCE;
    while let Err(wanted) = attempt() {
        assert!(Instant::now() < deadline, "waited in vain until {wanted}");
        std::thread::sleep(Duration::from_millis(3));
    }
}

fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().collect();
    lines[lines.len().saturating_sub(60)..].join("\n")
}
