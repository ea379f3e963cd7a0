//! Two servers that change places as `FAILOVER` has them do: the one that was the primary keeps its keys and goes on
//! from the backlog.

use super::server::wait_until;
use super::{Client, Options, Server};

/// What servers say of a failover although it was asked for.
const SAID: [&str; 4] = ["Failover request received", "FAILOVER", "Failover target", "eplication ID"];

/// A primary and its replica.
pub struct Pair {
    replica: Server,
    primary: Server,
}

impl Pair {
    /// Starts both.
    #[track_caller]
    pub fn start() -> Self {
        let options = || SAID.into_iter().fold(Options::default().tcp(), Options::expect_warning);
        let primary = options().start();
        let replica = options().line(format!("replicaof 127.0.0.1 {}", primary.port())).start();
        replica.wait_for_link();
        Self { replica, primary }
    }

    /// A connection to the one that is the primary.
    pub fn connect(&self) -> Client {
        self.primary.connect()
    }

    /// Lets both change places.
    #[track_caller]
    pub fn change_places(&mut self) {
        self.primary.wait_for_replica(&self.replica);
        let mut promoted = self.replica.connect();
        let made_anew = promoted.info("sync_full");
        self.primary.connect().run("FAILOVER").ok();
        wait_until("the replica is the primary", || promoted.info("role") == "master");
        self.primary.wait_for_link();
        std::mem::swap(&mut self.primary, &mut self.replica);
        assert_eq!(promoted.info("sync_full"), made_anew, "who follows now kept its keys");
    }
}
