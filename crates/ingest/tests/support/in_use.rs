//! A server on which everything that can be counted is in use, and the program beside it.

use std::path::{Path, PathBuf};

use super::exchange::Exchange;
use super::program::Running;
use super::running::{free_port, get, metric, one_venue, order, quiet_exchange, stored, stream};
use super::server::{wait_until, wait_until_is};
use super::{Options, Server, url_of};

/// The program and what it stands between; all end when this is dropped.
pub struct InUse {
    /// Ended before its primary, of whose end it would complain.
    pub replica: Server,
    pub server: Server,
    pub port: u16,
    pub running: Running,
    _exchange: Exchange,
    _folder: tempfile::TempDir,
}

/// With a replica, an append-only file, policies that were audited, refused commands, and an event from a venue.
pub fn everything() -> InUse {
    let server = Options::default().tcp().line("appendonly yes").start();
    let replica = Server::replica_of(&server, &[]);
    let mut client = server.connect();
    client.run("CONFIG SET liq.key-policies \"market: TTL 30s APPLY; a,b=1: TTL NONE; '' IDLE 7d\"").ok();
    client.run("CONFIG SET liq.memory-budget 1gb").ok();
    for command in ["SET market:1 x", "SET a,b=1:x y", "LIQ.ADD other * buy 1 1", "LIQ.ADD x * buy 1 -1"] {
        client.run(command);
    }
    for command in ["RL.CHECK api LIMIT 1 PERIOD 1m", "RL.CHECK api LIMIT 1 PERIOD 1m", "RL.BAN api 1m", "RL.BAN api 0"]
    {
        client.run(command);
    }
    client.run("KEYS.AUDIT START").ok();
    wait_until("the audit is over", || client.info("liq_key_audits") == "1");

    let (folder, port, exchange) = (tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
    let mut command = stream(folder.path(), &url_of(&server), port, &one_venue(&exchange, ""), &["binance-um"]);
    let running = Running::start(&mut command);
    wait_until("it is connected", || exchange.finished() > 0);
    exchange.send(order("AUSDT", 1, 1.0));
    wait_until("the event is stored", || stored(&server) == 1);
    wait_until("it is counted", || metric(port, "liq_ingest_answers_total", "") >= 1.0);
    // Of both the event and the one before it.
    wait_until_is("the accepted events shown", 2.0, || metric(port, "liq_adds_total", "status=\"accepted\""));
    InUse { server, replica, port, running, _exchange: exchange, _folder: folder }
}

/// Everything that `/metrics` shows.
pub fn figures(port: u16) -> String {
    get(port, "/metrics").expect("the program listens").1
}

/// A program of Prometheus: the one that `scripts/prometheus` fetched, else the one in the PATH.
pub fn prometheus_program(name: &str) -> PathBuf {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let fetched = root.join("target/prometheus/usr/bin").join(name);
    if fetched.is_file() { fetched } else { PathBuf::from(name) }
}
