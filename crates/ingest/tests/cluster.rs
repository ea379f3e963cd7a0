//! A stream and a replay into a cluster of three masters, with slots moving and masters changing under way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::path::Path;
use std::time::{Duration, Instant};

use support::exchange::Exchange;
use support::program::{self, Running};
use support::running::{free_port, metric, one_venue, order, quiet_exchange, stream};
use support::server::wait_until;
use support::{Client, Cluster, Reply, Server, feed, total, url_of};

const SYMBOLS: [&str; 9] = ["AUSDT", "BUSDT", "CUSDT", "DUSDT", "EUSDT", "FUSDT", "GUSDT", "HUSDT", "IUSDT"];

fn url(cluster: &Cluster) -> String {
    let hosts: Vec<String> = cluster.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
    format!("redis+cluster://{}", hosts.join(","))
}

/// A connection to whoever serves the key.
fn serving<'a>(nodes: &[&'a Server], key: &str) -> (&'a Server, Client) {
    for node in nodes {
        let mut client = node.connect();
        if !matches!(client.call(&["LIQ.INFO", key]), Reply::Error(text) if text.starts_with("MOVED")) {
            return (node, client);
        }
    }
    panic!("nobody serves {key}");
}

fn keys() -> [String; SYMBOLS.len()] {
    SYMBOLS.map(|symbol| format!("liq:{{{symbol}}}"))
}

/// A stream of all symbols into a cluster.
struct Feeding {
    exchange: Exchange,
    running: Running,
    port: u16,
    sent: u64,
    _folder: tempfile::TempDir,
}

impl Feeding {
    fn start(cluster: &Cluster, settings: &str) -> Self {
        let (folder, port, exchange) = (tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
        let settings = one_venue(&exchange, settings);
        let running = Running::start(&mut stream(folder.path(), &url(cluster), port, &settings, &["binance-um"]));
        Self { exchange, running, port, sent: 0, _folder: folder }
    }

    /// Ten events of each symbol, which are on the spool when this returns.
    fn send(&mut self) {
        for _ in 0..90 {
            let symbol = SYMBOLS[self.sent as usize % SYMBOLS.len()];
            self.exchange.send(order(symbol, self.sent, 1.0 + self.sent as f64 % 13.0));
            self.sent += 1;
        }
        wait_until("they are read", || self.metric("liq_ingest_received_total") >= self.sent as f64);
    }

    fn metric(&self, name: &str) -> f64 {
        metric(self.port, name, "")
    }

    fn wait_delivered(&self) {
        wait_until("all is delivered", || self.metric("liq_ingest_spool_events") == 0.0);
    }

    /// Waits until nothing is left but the last events of so many symbols.
    fn wait_left(&self, symbols: usize) {
        let left = (symbols * 90 / SYMBOLS.len()) as f64;
        wait_until("the others have theirs", || self.metric("liq_ingest_spool_events") == left);
    }

    /// Waits until the masters hold what was sent, no more and no less.
    fn wait_stored(&self, cluster: &Cluster) {
        let masters: Vec<&Server> = cluster.nodes.iter().collect();
        wait_until("all is there", || stored(&masters, &keys()) == self.sent);
        self.wait_delivered();
        assert_eq!(stored(&masters, &keys()), self.sent);
    }

    /// How many were sent.
    fn end(mut self) -> u64 {
        self.running.terminate();
        self.sent
    }
}

/// Events that the cluster holds of these keys.
fn stored(nodes: &[&Server], keys: &[String]) -> u64 {
    let of = |key: &String| {
        let info = serving(nodes, key).1.call(&["LIQ.INFO", key]);
        let is_there = !matches!(info, Reply::Error(_));
        if is_there { (info.field("total_accepted").int() + info.field("total_filtered").int()) as u64 } else { 0 }
    };
    keys.iter().map(of).sum()
}

/// Moves the slot of a key, with everything in it, from its node to another, as resharding tools do.
fn reshard(nodes: &[&Server], key: &str, between: &mut impl FnMut()) {
    let (from, mut source) = serving(nodes, key);
    let to = nodes.iter().find(|node| node.port() != from.port()).unwrap();
    let mut target = to.connect();
    let id = |client: &mut Client| client.run("CLUSTER MYID").text();
    let (source_id, target_id) = (id(&mut source), id(&mut target));
    let slot = source.run(&format!("CLUSTER KEYSLOT {key}")).int();
    target.run(&format!("CLUSTER SETSLOT {slot} IMPORTING {source_id}")).ok();
    source.run(&format!("CLUSTER SETSLOT {slot} MIGRATING {target_id}")).ok();
    between();
    source.run(&format!("MIGRATE 127.0.0.1 {} {key} 0 5000", to.port())).ok();
    between();
    for client in [&mut target, &mut source] {
        client.run(&format!("CLUSTER SETSLOT {slot} NODE {target_id}")).ok();
    }
    between();
}

/// Makes a replica the master by agreement: its master waits for it and the others vote, so nothing that was acknowledged
/// is lost. (TAKEOVER asks nobody. It loses what the replica had not heard yet, and everything when two epochs collide.)
fn take_over(replica: &Server, between: &mut impl FnMut()) {
    let mut client = replica.connect();
    // A vote is given up after five seconds; moves of slots that are still being told can cost one.
    for _ in 0..6 {
        client.run("CLUSTER FAILOVER").ok();
        between();
        let asked = Instant::now();
        while asked.elapsed() < Duration::from_secs(6) {
            if client.info("role") == "master" {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("the replica was never voted master");
}

#[test]
fn slots_move_and_a_master_changes_under_a_live_stream() {
    let (mut cluster, mut replicas) = Cluster::start_with_replicas();
    for server in cluster.nodes.iter_mut().chain(&mut replicas) {
        let said = [
            "anual failover",
            "Received replication offset",
            "lection",
            "unable to failover",
            "Failover auth",
            "Failing over",
            "Reconfiguring myself",
            "Master replication ID changed",
        ];
        said.into_iter().for_each(|warning| server.expect_warning(warning));
    }
    let masters: Vec<&Server> = cluster.nodes.iter().collect();
    let keys = keys();
    let mut feeding = Feeding::start(&cluster, "");
    feeding.send();
    wait_until("the first are there", || stored(&masters, &keys) == 90);
    for key in &keys[..4] {
        reshard(&masters, key, &mut || feeding.send());
    }
    feeding.wait_delivered();
    // The second master's replica takes its place while events come.
    cluster.nodes[1].wait_for_replica(&replicas[1]);
    take_over(&replicas[1], &mut || feeding.send());
    feeding.send();
    feeding.wait_delivered();
    let all: Vec<&Server> =
        replicas[1..2].iter().chain([&cluster.nodes[0], &cluster.nodes[2], &cluster.nodes[1]]).collect();
    assert_eq!(stored(&all, &keys), feeding.end());
}

/// A node keeps its name when it comes back, with or without what it had taken.
#[test]
fn a_master_that_comes_back_empty_is_given_again_what_it_took() {
    let mut cluster = Cluster::start();
    let mut feeding = Feeding::start(&cluster, "");
    feeding.send();
    feeding.wait_delivered();
    cluster.nodes[0].kill_and_restart();
    feeding.send();
    feeding.wait_stored(&cluster);
    feeding.end();
}

/// A cluster that goes on without one, which nobody can replace, and how many of the symbols are the first master's.
fn without_replicas() -> (Cluster, usize) {
    let cluster = Cluster::with(&["cluster-require-full-coverage no"]);
    for node in &cluster.nodes {
        // The others call it failed for twice as long as that when it is back, and takes events.
        node.connect().run("CONFIG SET cluster-node-timeout 3000").ok();
    }
    let masters: Vec<&Server> = cluster.nodes.iter().collect();
    let port = masters[0].port();
    let owed = keys().iter().filter(|key| serving(&masters, key).0.port() == port).count();
    assert!((1..SYMBOLS.len()).contains(&owed));
    (cluster, owed)
}

fn wait_failed(cluster: &Cluster) {
    wait_until("the others call it failed", || {
        cluster.nodes[1].connect().run("CLUSTER NODES").text().contains("master,fail ")
    });
}

/// Its slots wait for it, and so does what it may lack, although the others are fed meanwhile.
#[test]
fn a_master_is_away_for_longer_than_the_grace() {
    let (mut cluster, owed) = without_replicas();
    // Long enough for a slow machine to kill a server before it is over.
    let mut feeding = Feeding::start(&cluster, "[spool]\ngrace_ms = 8000\n");
    feeding.send();
    feeding.wait_delivered();
    cluster.nodes[0].kill();
    wait_failed(&cluster);
    feeding.send();
    feeding.wait_left(owed);
    // Longer than the grace, and than it takes to ask who answers.
    std::thread::sleep(Duration::from_secs(11));
    cluster.nodes[0].start_again();
    feeding.wait_stored(&cluster);
    feeding.end();
}

#[test]
fn a_master_that_hangs_holds_up_no_events_but_its_own() {
    let (cluster, owed) = without_replicas();
    let mut feeding = Feeding::start(&cluster, "");
    feeding.send();
    feeding.wait_delivered();
    cluster.nodes[0].stall();
    wait_failed(&cluster);
    feeding.send();
    feeding.wait_left(owed);
    cluster.nodes[0].resume();
    feeding.wait_stored(&cluster);
    feeding.end();
}

#[test]
fn a_replay_into_a_cluster_is_that_into_one_server() {
    let (cluster, server) = (Cluster::start(), Server::start());
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.csv");
    feed::capture(&file, 4_000, 51);
    let replay = |url: &str, state: &str| {
        let mut command = program::command(&folder.path().join(state));
        program::succeed(command.args(["--redis-url", url, "replay", "--quiet"]).arg(&file as &Path));
    };
    for _ in 0..2 {
        replay(&url(&cluster), "a");
        replay(&url_of(&server), "b");
        let sum: u64 = cluster.nodes.iter().map(|node| total(node, "total_accepted")).sum();
        assert_eq!((sum, sum > 0), (total(&server, "total_accepted"), true));
    }
}
