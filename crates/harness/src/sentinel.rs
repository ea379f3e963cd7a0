//! A Sentinel over a master and its replica.

use std::process::{Child, Stdio};

use crate::{Client, Options, Server, module, wait_until};

/// What servers say of being told their part.
const SAID: [&str; 10] = [
    "FAILOVER",
    "MASTER MODE enabled",
    "Master replication ID changed",
    "REPLICAOF",
    "CONFIG REWRITE",
    "Connection with",
    "Before turning into a replica",
    "Discarding previously cached",
    "Unable to connect to MASTER",
    "Error condition on socket",
];

/// A master, its replica, and the one Sentinel that decides by itself; ended with this.
pub struct Watched {
    child: Child,
    /// Where the Sentinel listens.
    pub port: u16,
    /// What it watches.
    pub master: Server,
    /// What is to take its place.
    pub replica: Server,
    _folder: tempfile::TempDir,
}

impl Watched {
    /// Starts all three, and waits until the Sentinel knows both servers. Its master is called `market`.
    #[track_caller]
    pub fn start() -> Self {
        let options = || SAID.into_iter().fold(Options::default().tcp(), Options::expect_warning);
        let master = options().start();
        let replica = options().line(format!("replicaof 127.0.0.1 {}", master.port())).start();
        replica.wait_for_link();
        let folder = tempfile::tempdir().unwrap();
        let port = crate::free_port();
        let conf = folder.path().join("sentinel.conf");
        let lines = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor market 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds market 2000\n",
            master.port()
        );
        std::fs::write(&conf, lines).unwrap();
        let mut command = module::server_command();
        command.arg(&conf).arg("--sentinel").current_dir(folder.path()).stdout(Stdio::null());
        let watched = Self { child: command.spawn().unwrap(), port, master, replica, _folder: folder };
        wait_until("the sentinel knows both", || {
            let Some(mut client) = watched.try_ask() else { return false };
            let replicas = client.run("SENTINEL REPLICAS market");
            !replicas.is_error() && replicas.array().len() == 1
        });
        watched
    }

    /// Where a client that asks Sentinels finds the master.
    pub fn url(&self) -> String {
        format!("redis+sentinel://127.0.0.1:{}/market", self.port)
    }

    /// Waits until a server has this part. Whoever asks while it is told is cut off, and asks again.
    #[track_caller]
    pub fn wait_for_role(server: &Server, role: &str) {
        wait_until(&format!("the server is a {role}"), || {
            let Ok(mut client) = Client::open(&server.url()) else { return false };
            let Ok(answer) = client.try_call(&["INFO", "replication"]) else { return false };
            format!("{answer:?}").contains(&format!("role:{role}"))
        });
    }

    /// A connection to the Sentinel.
    #[track_caller]
    pub fn ask(&self) -> Client {
        self.try_ask().unwrap()
    }

    fn try_ask(&self) -> Option<Client> {
        Client::open(&format!("redis://127.0.0.1:{}", self.port)).ok()
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
