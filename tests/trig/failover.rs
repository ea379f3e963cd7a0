//! What a failover loses and what not, word by word: an arming that a replica had heard of is armed, pending or in the
//! stream there, and exactly one of them; a fire that it had not heard of comes again under the same name, or not at all.
//! By hand, by the nodes of a cluster, and by a sentinel.

use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::armings::{FIRES, MARKET, Told, Waits, assert_in_one_place, create, names, places, trade};
use crate::commands::fired;
use crate::support::cluster::Cluster;
use crate::support::module::server_command;
use crate::support::server::wait_until;
use crate::support::{Client, Options, Server};

/// One fire a command, so that those of one price are pending for a while.
const ONE_FIRE: &str = "liq.max-fires 1";

/// Two traders at work; what they were told is to be had when what they trade with is gone.
fn under_load(server: &Server, seed: u64, waits: Waits) -> impl FnOnce() -> Told + use<> {
    let answered = Arc::new(AtomicUsize::new(0));
    let begin = |trader: u64| {
        let (client, answered) = (server.connect(), Arc::clone(&answered));
        thread::spawn(move || trade(client, seed * 2 + trader, waits, &answered))
    };
    let traders = [0, 1].map(begin);
    wait_until("work", || answered.load(Ordering::Relaxed) > 100);
    || {
        let mut all = Told::default();
        for told in traders.map(|trader| trader.join().unwrap()) {
            all.armed.extend(told.armed);
            all.heard.extend(told.heard);
        }
        all
    }
}

/// Every stop that is left fires under one price, each once.
#[track_caller]
fn assert_all_fire(client: &mut Client) {
    client.run("CONFIG SET liq.max-fires 100000").ok();
    let armings = places(client);
    client.run(&format!("TICK.ADD {MARKET} * sell 1 1"));
    let left = places(client);
    assert!(left.values().all(|found| *found == [0, 0, 1]), "{left:?}");
    assert_eq!(left.len(), armings.len());
}

#[test]
fn what_a_promoted_replica_had_not_heard_of_comes_again_under_its_name_or_is_gone() {
    let mut primary = Options::default().tcp().line(ONE_FIRE).start();
    let mut replica = Server::replica_of(&primary, &[ONE_FIRE]);
    // What a replica says that is not let in any more.
    ["NOAUTH", "REPLCONF", "SYNC"].iter().for_each(|said| replica.expect_warning(said));
    let mut client = primary.connect();
    create(&mut client);
    let arm = |client: &mut Client, id: &str, level: u64| {
        let set = client.run(&format!("TRIG.SET {MARKET} {id} LONG SL {level}"));
        assert_eq!(set.field("state").text(), "armed");
        set.field("arming").int()
    };
    let price = |client: &mut Client, price: u64| fired(&client.run(&format!("TICK.ADD {MARKET} * sell {price} 1")));
    let [told, owed, again, quiet] =
        [("told", 995), ("owed", 995), ("again", 990), ("quiet", 950)].map(|(id, level)| arm(&mut client, id, level));
    price(&mut client, 995);
    assert_eq!(client.run("WAIT 1 60000").int(), 1, "WAIT tells that it was heard");

    client.run("CONFIG SET requirepass shut").ok();
    client.run("CLIENT KILL TYPE slave");
    let mut there = replica.connect();
    wait_until("the link is cut", || there.info("master_link_status") == "down");
    let unheard = arm(&mut client, "late", 900);
    price(&mut client, 940);
    client.run(&format!("TICK.QUOTE {MARKET} *"));
    client.run(&format!("TICK.QUOTE {MARKET} *"));
    assert_eq!(client.run("WAIT 1 20").int(), 0, "WAIT tells that it was not");
    let name = |id: &str, arming: i64| format!("{id}:{arming}");
    let all = [("told", told), ("owed", owed), ("again", again), ("quiet", quiet)].map(|(id, at)| name(id, at));
    assert_eq!(names(&mut client), all);
    assert_eq!(price(&mut client, 930), [""; 0], "an arming fires once");
    assert_eq!(names(&mut client), all);
    drop(client);
    primary.kill();

    there.run("REPLICAOF NO ONE").ok();
    let expected = [(told, [0, 0, 1]), (owed, [0, 1, 0]), (again, [1, 0, 0]), (quiet, [1, 0, 0])];
    assert_eq!(places(&mut there), expected.into(), "what was heard is whole, what was not is not there");
    price(&mut there, 985);
    there.run(&format!("TICK.QUOTE {MARKET} *"));
    assert_eq!(names(&mut there), all[..3], "again under the same name; the price of the other did not come again");
    let rearmed = arm(&mut there, "late", 900);
    assert!(rearmed > unheard, "no number of an arming comes again: {rearmed} behind {unheard}");
    assert_all_fire(&mut there);
}

/// What servers say of a failover although it was asked for.
const SAID: [&str; 10] = [
    "ailover",
    "ailing over",
    "lection",
    "FAIL",
    "Reconfiguring myself",
    "eplication ID",
    "replication handshake",
    "SYNC",
    "read response",
    "CONFIG REWRITE",
];

/// Three nodes and their replicas, and which of them serves the market.
fn cluster() -> (Cluster, Vec<Server>, usize) {
    let (mut cluster, mut replicas) = Cluster::start_with_replicas();
    for server in cluster.nodes.iter_mut().chain(&mut replicas) {
        SAID.iter().for_each(|said| server.expect_warning(said));
        server.connect().run(&format!("CONFIG SET {ONE_FIRE}")).ok();
    }
    let slot = cluster.nodes[0].connect().run(&format!("CLUSTER KEYSLOT {MARKET}")).int();
    let home = usize::from(slot > 5460) + usize::from(slot > 10922);
    create(&mut cluster.nodes[home].connect());
    cluster.nodes[home].wait_for_replica(&replicas[home]);
    (cluster, replicas, home)
}

/// Makes a replica the primary by the vote of the others, and returns when it serves the market.
#[track_caller]
fn promote(replica: &Server, how: &str) {
    let mut client = replica.connect();
    let ask = |client: &mut Client| drop(client.run(how));
    ask(&mut client);
    // A vote is given up after five seconds.
    let mut asked = Instant::now();
    wait_until("the replica is voted primary", || {
        if asked.elapsed() > Duration::from_secs(6) {
            ask(&mut client);
            asked = Instant::now();
        }
        client.info("role") == "master"
    });
    wait_until("it serves", || !client.run(&format!("EXISTS {MARKET}")).is_error());
}

#[test]
fn nodes_of_a_cluster_that_change_places_lose_nothing() {
    let (cluster, replicas, home) = cluster();
    let (mut primary, mut replica) = (&cluster.nodes[home], &replicas[home]);
    let mut acknowledged = Vec::new();
    // There and back.
    for round in 0..2 {
        let join = under_load(primary, round, Waits::Never);
        promote(replica, "CLUSTER FAILOVER");
        acknowledged.extend(join().armed);
        let mut client = replica.connect();
        assert_in_one_place(&mut client, &acknowledged, "behind the failover");
        // A node that does not know yet that the other follows would not vote for it when it is to come back.
        let id = client.run("CLUSTER MYID").text();
        for node in &cluster.nodes {
            let mut asked = node.connect();
            let knows = |asked: &mut Client| {
                // An error until it knows who is primary.
                let replicas = asked.run(&format!("CLUSTER REPLICAS {id}"));
                !replicas.is_error() && replicas.array().len() == 1
            };
            wait_until("every node knows who follows", || knows(&mut asked) && knows(&mut client));
        }
        primary.wait_for_link();
        replica.wait_for_replica(primary);
        assert_eq!(client.digest(MARKET), primary.connect().digest(MARKET));
        (primary, replica) = (replica, primary);
    }
    let mut client = primary.connect();
    let fires = client.run(&format!("XLEN {FIRES}")).int();
    assert!(fires > 10 && acknowledged.len() > 100, "{fires} fires of {} armings", acknowledged.len());
    assert_all_fire(&mut client);
}

#[test]
fn a_node_that_is_killed_takes_with_it_only_what_no_replica_had_heard() {
    let (mut cluster, replicas, home) = cluster();
    let (primary, replica) = (&mut cluster.nodes[home], &replicas[home]);
    let join = under_load(primary, 3, Waits::Sometimes);
    primary.kill();
    let told = join();
    promote(replica, "CLUSTER FAILOVER FORCE");
    let mut client = replica.connect();
    assert!(told.heard.len() > 10, "{} of {} were waited for", told.heard.len(), told.armed.len());
    assert_in_one_place(&mut client, &told.heard, "on the new primary");
    // The killed one comes back, and what it alone had is no more.
    primary.start_again();
    wait_until("it follows", || primary.connect().info("role") == "slave");
    primary.wait_for_link();
    assert_all_fire(&mut client);
    replica.wait_for_replica(primary);
    let mut back = primary.connect();
    back.run("READONLY").ok();
    assert_eq!((client.digest(MARKET), names(&mut client)), (back.digest(MARKET), names(&mut back)));
}

/// A sentinel that watches one primary and alone decides.
struct Sentinel {
    process: Child,
    url: String,
    _folder: tempfile::TempDir,
}

impl Sentinel {
    /// Returns when it knows the primary's replica. It takes no silence for an end until it is told to.
    #[track_caller]
    fn of(primary: &Server) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = liq_harness::free_port();
        let conf: PathBuf = folder.path().join("sentinel.conf");
        let lines = format!(
            "port {port}\nbind 127.0.0.1\nsentinel monitor market 127.0.0.1 {} 1\n\
             sentinel down-after-milliseconds market 600000\nsentinel failover-timeout market 20000\n",
            primary.port()
        );
        std::fs::write(&conf, lines).unwrap();
        let mut command = server_command();
        command.arg(&conf).arg("--sentinel").current_dir(folder.path()).stdout(Stdio::null());
        let sentinel =
            Self { process: command.spawn().unwrap(), url: format!("redis://127.0.0.1:{port}"), _folder: folder };
        wait_until("the sentinel knows the replica", || {
            let Ok(mut client) = Client::open(&sentinel.url) else { return false };
            let replicas = client.run("SENTINEL REPLICAS market");
            !replicas.is_error() && replicas.array().len() == 1
        });
        sentinel
    }
}

impl Drop for Sentinel {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
fn a_sentinel_promotes_a_replica_that_has_what_it_had_heard() {
    let mut primary = Options::default().tcp().line(ONE_FIRE).start();
    let following = format!("replicaof 127.0.0.1 {}", primary.port());
    let options = SAID.into_iter().fold(Options::default().tcp().line(ONE_FIRE), Options::expect_warning);
    let replica = options.line(following).start();
    replica.wait_for_link();
    create(&mut primary.connect());
    let sentinel = Sentinel::of(&primary);
    let join = under_load(&primary, 5, Waits::Sometimes);
    primary.kill();
    // At once: it never promotes a replica that had lost its primary ten times as long before it noticed.
    let mut asking = Client::open(&sentinel.url).unwrap();
    asking.run("SENTINEL SET market down-after-milliseconds 3000").ok();
    let told = join();
    wait_until("the sentinel names the replica", || {
        asking.run("SENTINEL GET-MASTER-ADDR-BY-NAME market").array()[1].text() == replica.port().to_string()
    });
    // Only now, as it closes the connections of whom it promotes.
    let mut client = replica.connect();
    assert_eq!(client.info("role"), "master");
    assert!(told.heard.len() > 10, "{} of {} were waited for", told.heard.len(), told.armed.len());
    assert_in_one_place(&mut client, &told.heard, "on the new primary");
    // It goes on there.
    assert_all_fire(&mut client);
}
