//! What each fault plays on: an exchange that sends what it is told, the program, a relay, and a server behind an
//! address that can be turned to another.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::support::exchange::Exchange;
use super::support::program::Running;
use super::support::running::{free_port, get, metric, one_venue, order, quiet_exchange, stream};
use super::support::server::wait_until;
use super::support::{Options, Proxy, Server, total};

pub const SYMBOLS: [&str; 3] = ["AUSDT", "BUSDT", "CUSDT"];

pub struct Stage {
    pub servers: Vec<Server>,
    pub folder: tempfile::TempDir,
    pub exchange: Exchange,
    pub proxy: Proxy,
    pub port: u16,
    pub running: Running,
    /// Events that the exchange has sent.
    pub sent: u64,
    settings: String,
    /// What the program is started by, when not by itself.
    prefix: Vec<String>,
}

impl Stage {
    pub fn start(options: Options, settings: &str) -> Self {
        Self::start_by(Vec::new(), tempfile::tempdir().unwrap(), options, settings)
    }

    /// With the program started by another, such as one that puts it into a name space.
    pub fn start_by(prefix: Vec<String>, folder: tempfile::TempDir, options: Options, settings: &str) -> Self {
        let server = options.start();
        // The relay goes where this link leads: an address behind which another server may stand one day.
        let link = folder.path().join("address");
        std::os::unix::fs::symlink(server.socket(), &link).unwrap();
        let (proxy, exchange, port) = (Proxy::to_socket(&link), quiet_exchange(), free_port());
        let settings = one_venue(&exchange, settings);
        let command = stream(folder.path(), &proxy.url(), port, &settings, &["binance-um"]);
        let running = Running::start(&mut started_by(&prefix, &folder.path().join("log"), command));
        let stage = Self { servers: vec![server], folder, exchange, proxy, port, running, sent: 0, settings, prefix };
        stage.wait_green();
        stage
    }

    pub fn server(&self) -> &Server {
        &self.servers[0]
    }

    pub fn state_dir(&self) -> PathBuf {
        self.folder.path().join("state")
    }

    /// Starts the program again, after it was ended.
    pub fn start_again(&mut self) {
        let command = stream(self.folder.path(), &self.proxy.url(), self.port, &self.settings, &["binance-um"]);
        self.running = Running::start(&mut started_by(&self.prefix, &self.folder.path().join("log"), command));
        let port = self.port;
        wait_until("the venue is connected", || metric(port, "liq_ingest_connected", "") == 1.0);
    }

    /// Has the exchange send so many events; they are on the spool when this returns.
    pub fn send(&mut self, count: u64) {
        let before = metric(self.port, "liq_ingest_received_total", "");
        for _ in 0..count {
            let symbol = SYMBOLS[self.sent as usize % SYMBOLS.len()];
            self.exchange.send(order(symbol, self.sent, 1.0 + self.sent as f64 % 17.0));
            self.sent += 1;
        }
        let port = self.port;
        wait_until("the events are on the spool", || {
            metric(port, "liq_ingest_received_total", "") >= before + count as f64
        });
    }

    pub fn metric(&self, name: &str) -> f64 {
        metric(self.port, &format!("liq_ingest_{name}"), "")
    }

    /// Waits until health says this; it must within 5 seconds, of which a busy machine gets a multiple.
    pub fn wait_red(&self, complaint: &str) {
        let (begun, mut said) = (Instant::now(), String::new());
        wait_until(&format!("health says: {complaint}"), || {
            let answer = get(self.port, "/healthz");
            said = answer.as_ref().map(|(_, text)| text.trim().replace('\n', "; ")).unwrap_or_default();
            answer.is_some_and(|(status, text)| status == 503 && text.contains(complaint))
        });
        println!("    red after {:.1} s: {said}", begun.elapsed().as_secs_f64());
    }

    pub fn wait_green(&self) {
        let begun = Instant::now();
        wait_until("all is well", || get(self.port, "/healthz").is_some_and(|(status, _)| status == 200));
        println!("    green after {:.1} s", begun.elapsed().as_secs_f64());
    }

    /// A figure of the program's process.
    pub fn process(&self, name: &str) -> f64 {
        metric(self.port, &format!("process_{name}"), "")
    }

    /// What a counter says now, for the table.
    pub fn tell(&self, name: &str) {
        println!("    {name} {}", self.metric(name));
    }

    /// Turns the address to another of the servers; connections that stand stay.
    pub fn turn_to(&self, place: usize) {
        let (link, next) = (self.folder.path().join("address"), self.folder.path().join("next"));
        std::os::unix::fs::symlink(self.servers[place].socket(), &next).unwrap();
        std::fs::rename(next, link).unwrap();
    }

    /// Events that one of the servers holds.
    pub fn stored_by(&self, place: usize) -> u64 {
        let server = &self.servers[place];
        total(server, "total_accepted") + total(server, "total_filtered")
    }

    /// Waits until a server has all that was sent and the spool nothing, and all is well: then exactly that, no more.
    pub fn wait_exact(&mut self, place: usize) {
        wait_until("all is delivered", || self.stored_by(place) >= self.sent && self.metric("spool_events") == 0.0);
        self.wait_green();
        assert_eq!(self.stored_by(place), self.sent);
    }

    /// Ends the program by signal 15, which it must heed whatever goes on.
    pub fn end(&mut self) {
        let before = Instant::now();
        self.running.terminate();
        // It promises 5 s; a machine under load gets some more.
        assert!(before.elapsed() < Duration::from_secs(15), "it took {:?} to end", before.elapsed());
        // So that none complains of the other's end.
        for server in &self.servers {
            server.connect().run("REPLICAOF NO ONE").ok();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "the program's log:\n{}",
                std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
            );
            eprintln!("health: {:?}", get(self.port, "/healthz"));
        }
    }
}

/// The same command behind the words of another.
fn started_by(prefix: &[String], log: &Path, command: Command) -> Command {
    let Some((program, words)) = prefix.split_first() else { return command };
    let mut wrapped = Command::new(program);
    wrapped.args(words).arg(command.get_program()).args(command.get_args()).stdin(Stdio::null());
    wrapped.stderr(std::fs::File::options().append(true).create(true).open(log).unwrap());
    for (name, _) in command.get_envs() {
        wrapped.env_remove(name);
    }
    wrapped
}
