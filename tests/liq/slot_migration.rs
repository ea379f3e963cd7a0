//! A slot that moves to another node of a cluster while its series and its limiter are written to: nothing that was
//! answered is lost, and nothing counts twice. By whatever way the server has: as a whole where it can (Valkey 9, Redis
//! 8.4), key by key everywhere.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::support::server::wait_until;
use crate::support::{Client, Reply, Server};
use liq_harness::Cluster;

const SERIES: &str = "liq:{moving}";
const LIMITER: &str = "rl:{moving}";
const MARKET: &str = "tick:{moving}";
const LIMIT: u64 = 1_000_000_000;

/// A client that goes where it is sent, as cluster clients do.
struct Follower<'a> {
    nodes: &'a [Server],
    clients: HashMap<u16, Client>,
    at: u16,
}

impl<'a> Follower<'a> {
    fn new(nodes: &'a [Server]) -> Self {
        Self { nodes, clients: HashMap::new(), at: nodes[0].port() }
    }

    fn client(&mut self, port: u16) -> &mut Client {
        let node = self.nodes.iter().find(|node| node.port() == port).expect("a redirection names a node");
        self.clients.entry(port).or_insert_with(|| node.connect())
    }

    /// The answer of whoever serves the slot; fails when the nodes send us about for a minute.
    #[track_caller]
    fn run(&mut self, line: &str) -> Reply {
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            match self.attempt(line) {
                Ok(reply) => return reply,
                Err(redirection) => assert!(Instant::now() < deadline, "{line:?} is still answered {redirection:?}"),
            }
        }
    }

    /// The answer, or where and whether to try again.
    fn attempt(&mut self, line: &str) -> Result<Reply, String> {
        let at = self.at;
        let reply = self.client(at).run(line);
        let Reply::Error(error) = &reply else { return Ok(reply) };
        let port = || error.rsplit(':').next().and_then(|port| port.parse().ok()).expect("a port");
        if error.starts_with("MOVED ") {
            self.at = port();
        } else if error.starts_with("ASK ") {
            let client = self.client(port());
            client.run("ASKING").ok();
            let asked = client.run(line);
            if !asked.is_error() {
                return Ok(asked);
            }
        } else if !(error.starts_with("TRYAGAIN") || error.starts_with("CLUSTERDOWN")) {
            return Ok(reply);
        }
        Err(error.clone())
    }
}

/// Says that it is over, also when the test fails meanwhile.
struct Finally<'a>(&'a AtomicBool);

impl Drop for Finally<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn has(client: &mut Client, subcommand: &str) -> bool {
    !client.call(&["COMMAND", "INFO", subcommand]).array()[0].is_null()
}

/// Moves `slot` from one node to another, and returns when both know.
#[track_caller]
fn move_slot(from: &Server, to: &Server, slot: i64) {
    let (mut source, mut target) = (from.connect(), to.connect());
    let target_id = target.run("CLUSTER MYID").text();
    if has(&mut source, "cluster|migrateslots") {
        let moving = source.run(&format!("CLUSTER MIGRATESLOTS SLOTSRANGE {slot} {slot} NODE {target_id}"));
        assert!(moving.is_ok(), "{moving:?}");
    } else if has(&mut target, "cluster|migration") {
        let moving = target.run(&format!("CLUSTER MIGRATION IMPORT {slot} {slot}"));
        assert!(!moving.is_error(), "{moving:?}");
    } else {
        move_keys(from, to, slot);
    }
    wait_until("both nodes know where the slot is", || {
        let is_here = |client: &mut Client| !client.run(&format!("EXISTS {SERIES}")).is_error();
        is_here(&mut target) && !is_here(&mut source)
    });
}

/// Key by key, as `redis-cli --cluster reshard` does.
#[track_caller]
fn move_keys(from: &Server, to: &Server, slot: i64) {
    let (mut source, mut target) = (from.connect(), to.connect());
    let [source_id, target_id] = [&mut source, &mut target].map(|client| client.run("CLUSTER MYID").text());
    target.run(&format!("CLUSTER SETSLOT {slot} IMPORTING {source_id}")).ok();
    source.run(&format!("CLUSTER SETSLOT {slot} MIGRATING {target_id}")).ok();
    for key in [SERIES, LIMITER, MARKET] {
        let moved = source.run(&format!("MIGRATE 127.0.0.1 {} {key} 0 30000", to.port()));
        assert!(moved.is_ok(), "{moved:?}");
    }
    for client in [&mut target, &mut source] {
        client.run(&format!("CLUSTER SETSLOT {slot} NODE {target_id}")).ok();
    }
}

/// What a node says of all keys of the slot, to the byte, but for the memory that they take.
fn picture(node: &Server) -> Vec<String> {
    let mut client = node.connect();
    let mut picture: Vec<String> = [SERIES, LIMITER, MARKET].iter().map(|key| client.digest(key)).collect();
    let reads = ["TRIG.LIST KEY COUNT 1000", "CANDLE.RANGE KEY 1m", "TICK.RANGE KEY - + COUNT 1000", "PEXPIRETIME KEY"];
    picture.extend(reads.map(|read| format!("{:?}", client.run(&read.replace("KEY", MARKET)))));
    let info = client.run(&format!("TICK.INFO {MARKET}"));
    picture.extend(info.fields().iter().filter(|(name, _)| name != "memory").map(|field| format!("{field:?}")));
    picture
}

#[test]
fn a_slot_moves_under_load_and_loses_nothing() {
    let mut cluster = Cluster::start();
    // What servers say of a slot on its way, and Valkey of the child that has sent it.
    cluster.nodes.iter_mut().for_each(|node| {
        node.expect_warning("lot");
        node.expect_warning("SLOT MIGRATION");
    });
    let nodes = &cluster.nodes;
    let mut follower = Follower::new(nodes);
    follower.run(&format!("LIQ.CREATE {SERIES} PERCENTILE 0 TAIL 65536 MARKET {MARKET}")).ok();
    follower.run(&format!("TICK.CREATE {MARKET} ORDER ID")).ok();
    let slot = nodes[0].connect().run(&format!("CLUSTER KEYSLOT {SERIES}")).int();
    let home = nodes.iter().position(|node| node.port() == follower.at).expect("the series is somewhere");
    let (is_over, stored) = (AtomicBool::new(false), AtomicU64::new(0));
    let wait_for = |more: u64| {
        let from = stored.load(Ordering::Relaxed);
        wait_until("more is stored", || stored.load(Ordering::Relaxed) >= from + more);
    };
    std::thread::scope(|scope| {
        let _end = Finally(&is_over);
        let writer = scope.spawn(|| {
            let mut follower = Follower::new(nodes);
            while !is_over.load(Ordering::Relaxed) {
                let size = stored.load(Ordering::Relaxed) + 1;
                let added = follower.run(&format!("LIQ.ADD {SERIES} * buy 100 {size}"));
                assert_eq!(added.field("status").text(), "accepted");
                let checked = follower.run(&format!("RL.CHECK {LIMITER} LIMIT {LIMIT} PERIOD 366d ALIGNED"));
                assert_eq!(checked.array()[0].int(), 1, "{checked:?}");
                let traded = follower.run(&format!("TICK.ADD {MARKET} * buy 100.5 0.5 ID {size}"));
                assert_eq!(traded.array()[0].text(), "accepted", "{traded:?}");
                let set = follower.run(&format!("TRIG.SET {MARKET} stop{size} LONG SL 50 TRAILPCT 20"));
                assert_eq!(set.field("state").text(), "armed", "{set:?}");
                stored.fetch_add(1, Ordering::Relaxed);
            }
        });
        // There, on to the next, and back.
        for step in 0..3 {
            wait_for(50);
            move_slot(&nodes[(home + step) % 3], &nodes[(home + step + 1) % 3], slot);
        }
        wait_for(50);
        is_over.store(true, Ordering::Relaxed);
        writer.join().expect("every write is answered");
    });
    // Back home, and at rest: the same bytes and answers where it goes to.
    let before = picture(&nodes[home]);
    move_slot(&nodes[home], &nodes[(home + 1) % 3], slot);
    assert_eq!(picture(&nodes[(home + 1) % 3]), before);
    let stored = stored.into_inner();
    let info = follower.run(&format!("LIQ.INFO {SERIES}"));
    assert_eq!(info.field("events").int() as u64, stored);
    assert_eq!(info.field("total_accepted").int() as u64, stored);
    let market = follower.run(&format!("TICK.INFO {MARKET}"));
    assert_eq!((market.field("total_accepted").int() as u64, market.field("armed").int() as u64), (stored, stored));
    assert_eq!(market.field("gaps").array().len(), 1, "none but that before the first trade: {market:?}");
    assert_eq!(follower.run(&format!("TRIG.DEL {MARKET} PREFIX stop")).int() as u64, stored);
    let peeked = follower.run(&format!("RL.PEEK {LIMITER}"));
    assert_eq!(peeked.array()[2].int() as u64, LIMIT - stored, "{peeked:?}");
}
