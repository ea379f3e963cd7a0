//! A throwaway redis-server with the built module: own folder, ended by its own process id when dropped.
#![allow(
    dead_code,
    clippy::expect_used,
    clippy::panic,
    reason = "shared by test programs; a broken assumption must stop them"
)]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// How long a server may take; generous, as a slow machine is no failure.
const PATIENCE: Duration = Duration::from_secs(60);

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The module's file: `LIQ_MODULE`, from the root of the repository, else the one of this build, brought up to date.
pub fn module_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("LIQ_MODULE") {
        // Cargo runs tests in the folder of their package.
        Some(path) => Path::new(ROOT).join(path).canonicalize().expect("LIQ_MODULE is the path of a file"),
        None => build_module(),
    })
}

fn build_module() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    let profile_dir = program.parent().and_then(Path::parent).expect("test programs are in <target>/<profile>/deps");
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args(["build", "--quiet", "--lib", "--package", "redis-liq-module"]).current_dir(ROOT);
    if profile_dir.ends_with("release") {
        cargo.arg("--release");
    }
    assert!(cargo.status().expect("cargo runs").success(), "the module does not build; set LIQ_MODULE to use another");
    profile_dir.join("libliq.so")
}

/// A running server on a unix socket, and on a port of 127.0.0.1 when it is a node of a cluster.
pub struct Server {
    dir: tempfile::TempDir,
    child: Option<Child>,
    pub port: u16,
}

impl Server {
    pub fn start() -> Self {
        Self::with(&[])
    }

    /// With further lines of `redis.conf`.
    pub fn with(lines: &[&str]) -> Self {
        Self::launch(0, lines)
    }

    fn launch(port: u16, lines: &[&str]) -> Self {
        let dir = tempfile::Builder::new().prefix("liq-").tempdir().expect("a temporary folder");
        let mut server = Self { dir, child: None, port };
        let mut config = vec![
            "unixsocket socket".to_owned(),
            "bind 127.0.0.1".into(),
            format!("port {port}"),
            "logfile log".into(),
            "save \"\"".into(),
            format!("loadmodule {}", module_path().display()),
        ];
        config.extend(lines.iter().map(|line| (*line).to_owned()));
        std::fs::write(server.dir.path().join("redis.conf"), config.join("\n") + "\n").expect("the folder is writable");
        server.spawn();
        server
    }

    fn spawn(&mut self) {
        let mut command = Command::new("redis-server");
        command.arg("redis.conf").current_dir(self.dir.path()).stdin(Stdio::null()).stdout(Stdio::null());
        self.child = Some(command.spawn().expect("redis-server is installed"));
        wait_until(|| self.answers(), || self.log());
    }

    /// Ends the server as a power failure would.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = std::fs::remove_file(self.dir.path().join("socket"));
    }

    /// Starts the killed server again.
    pub fn restart(&mut self) {
        self.kill();
        self.spawn();
    }

    fn answers(&self) -> bool {
        let connection = redis::Client::open(self.url()).and_then(|client| client.get_connection());
        connection.is_ok_and(|mut con| redis::cmd("PING").exec(&mut con).is_ok())
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default()
    }

    pub fn socket(&self) -> String {
        self.dir.path().join("socket").display().to_string()
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket())
    }

    pub fn url_resp3(&self) -> String {
        format!("{}?protocol=resp3", self.url())
    }

    pub fn connect(&self) -> redis::Connection {
        redis::Client::open(self.url()).and_then(|client| client.get_connection()).expect("the server accepts")
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the server's log:\n{}", self.log());
        }
    }
}

/// A cluster of three primaries that share all slots.
pub struct Cluster {
    pub nodes: Vec<Server>,
}

impl Cluster {
    pub fn start() -> Self {
        let nodes: Vec<Server> = (0..3).map(|_| Self::start_node()).collect();
        let bounds = [(0, 5460), (5461, 10922), (10923, 16383)];
        let ports: Vec<u16> = nodes.iter().map(|node| node.port).collect();
        for (node, (first, last)) in nodes.iter().zip(bounds) {
            let mut con = node.connect();
            redis::cmd("CLUSTER").arg("ADDSLOTSRANGE").arg(first).arg(last).exec(&mut con).expect("slots are free");
            for port in &ports {
                redis::cmd("CLUSTER")
                    .arg("MEET")
                    .arg("127.0.0.1")
                    .arg(port)
                    .arg(bus_port(*port))
                    .exec(&mut con)
                    .expect("a node");
            }
        }
        for node in &nodes {
            let mut con = node.connect();
            let all_known = || {
                let info: String = redis::cmd("CLUSTER").arg("INFO").query(&mut con).unwrap_or_default();
                info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
            };
            wait_until(all_known, || node.log());
        }
        Self { nodes }
    }

    /// With a replica of every primary, in the same order.
    pub fn start_with_replicas() -> (Self, Vec<Server>) {
        let cluster = Self::start();
        let replicas: Vec<Server> = cluster.nodes.iter().map(|primary| cluster.replica_of(primary)).collect();
        for node in cluster.nodes.iter().chain(&replicas) {
            let mut con = node.connect();
            // Every node knows every replica, so that clients may begin at any of them.
            let all_known = || {
                let slots: Vec<Vec<redis::Value>> =
                    redis::cmd("CLUSTER").arg("SLOTS").query(&mut con).unwrap_or_default();
                slots.len() == 3 && slots.iter().all(|slot| slot.len() == 4)
            };
            wait_until(all_known, || node.log());
        }
        (cluster, replicas)
    }

    fn replica_of(&self, primary: &Server) -> Server {
        let replica = Self::start_node();
        let mut con = replica.connect();
        let id: String = redis::cmd("CLUSTER").arg("MYID").query(&mut primary.connect()).expect("an id");
        for node in &self.nodes {
            let mut meet = redis::cmd("CLUSTER");
            meet.arg("MEET").arg("127.0.0.1").arg(node.port).arg(bus_port(node.port));
            meet.exec(&mut con).expect("a node");
        }
        let follow = || redis::cmd("CLUSTER").arg("REPLICATE").arg(&id).exec(&mut con).is_ok();
        wait_until(follow, || replica.log());
        let linked = || {
            let info: String = redis::cmd("INFO").arg("replication").query(&mut con).unwrap_or_default();
            info.contains("master_link_status:up")
        };
        wait_until(linked, || replica.log());
        replica
    }

    fn start_node() -> Server {
        let port = free_port();
        let bus = format!("cluster-port {}", bus_port(port));
        let lines = ["cluster-enabled yes", "cluster-replica-no-failover yes", "repl-diskless-sync-delay 0", &bus];
        Server::launch(port, &lines)
    }

    pub fn urls(&self) -> Vec<String> {
        self.nodes.iter().map(|node| format!("redis://127.0.0.1:{}/", node.port)).collect()
    }
}

/// The bus of a node: beside its port, wrapped into the range of ports.
const fn bus_port(port: u16) -> u16 {
    if port > 55_000 { port - 10_000 } else { port + 10_000 }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    listener.local_addr().expect("a bound socket has an address").port()
}

pub fn wait_until(mut condition: impl FnMut() -> bool, explain: impl Fn() -> String) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "waited in vain:\n{}", explain());
        std::thread::sleep(Duration::from_millis(3));
    }
}
