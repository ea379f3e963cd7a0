//! The model while it is kept: keys that come and go, a server that goes and comes back, another window.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use liq_top::model::{Link, Snapshot, View};
use liq_top::names::Key;
use liq_top::watch::{self, Source, Wants};
use support::{
    Client, Cluster, Options, Reply, Server, add_events, audit, expect_absences, fill, sentinel, stocked_cluster,
    stocked_server, wait_until,
};
use tokio::sync::watch as channel;

/// A model that is being kept.
struct Watched {
    view: channel::Receiver<View>,
    wants: channel::Sender<Wants>,
    thread: std::thread::JoinHandle<()>,
}

impl Watched {
    fn start(url: &str) -> Self {
        let source = Source::new(url).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (out, view) = channel::channel(View::new(&source.address));
        let (wants, wanted) = channel::channel(Wants { window_ms: 3_600_000, open: Vec::new() });
        let kept = watch::run(source, Duration::from_millis(100), wanted, out);
        Self { view, wants, thread: std::thread::spawn(move || runtime.block_on(kept)) }
    }

    #[track_caller]
    fn wait(&self, what: &str, is_so: impl Fn(&View) -> bool) {
        wait_until(what, || is_so(&self.view.borrow()));
    }

    #[track_caller]
    fn wait_for(&self, what: &str, is_so: impl Fn(&Snapshot) -> bool) -> Arc<Snapshot> {
        self.wait(what, |view| view.link == Link::Up && view.snapshot.as_deref().is_some_and(&is_so));
        self.view.borrow().snapshot.clone().unwrap()
    }

    /// It ends by itself when nobody looks any more.
    fn end(self) {
        drop(self.view);
        self.thread.join().unwrap();
    }
}

fn names(snapshot: &Snapshot) -> Vec<&str> {
    let mut names: Vec<&str> = snapshot.symbols.iter().map(|row| row.symbol.as_str()).collect();
    names.sort_unstable();
    names
}

#[test]
fn keys_come_and_go_by_events() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let mut client = server.connect();
    let watched = Watched::start(&server.url());
    watched.wait_for("three series are there", |seen| seen.symbols.len() == 3);
    add_events(&mut client, b"liq:{NEW}", 10);
    watched.wait_for("a new series is there", |seen| names(seen).contains(&"NEW"));
    client.run("DEL liq:{NEW}");
    client.run("RENAME liq:{SOLUSDT} liq:{MOON}").ok();
    client.run("SET liq:{ETHUSDT} other").ok();
    watched.wait_for("what is gone is gone", |seen| names(seen) == ["BTCUSDT", "MOON"]);
    client.run("FLUSHALL").ok();
    watched.wait_for("nothing is left", |seen| seen.keys.series + seen.keys.markets + seen.keys.limiters == 0);
    watched.end();
}

#[test]
fn without_events_keys_are_found_all_the_same() {
    let server = stocked_server(&[]);
    let mut client = server.connect();
    let watched = Watched::start(&server.url());
    watched.wait_for("three series are there", |seen| seen.symbols.len() == 3);
    add_events(&mut client, b"liq:{NEW}", 10);
    client.run("DEL liq:{SOLUSDT} rl:{okx}");
    let seen = watched.wait_for("the walk finds it", |seen| names(seen) == ["BTCUSDT", "ETHUSDT", "NEW"]);
    assert_eq!(seen.limiters, []);
    watched.end();
}

#[test]
fn a_new_key_is_told_of_by_its_event_alone() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let mut client = server.connect();
    let watched = Watched::start(&server.url());
    watched.wait_for("three series are there", |seen| seen.symbols.len() == 3);
    // From now on no walk over the keys can find it.
    client.run("ACL SETUSER default -scan").ok();
    add_events(&mut client, b"liq:{NEW}", 10);
    client.run("TICK.ADD tick:{NEW} * buy 5 1");
    watched.wait_for("the new keys are there", |seen| names(seen).contains(&"NEW") && seen.markets.len() == 2);
    client.run("ACL SETUSER default +scan").ok();
    watched.end();
}

#[test]
fn figures_move_and_signals_and_large_events_come() {
    let server = stocked_server(&[]);
    let mut client = server.connect();
    let watched = Watched::start(&server.url());
    let before = watched.wait_for("what was there is read", |seen| !seen.signals.is_empty() && !seen.events.is_empty());
    client.run("LIQ.ADD liq:{BTCUSDT} * sell 80 3000000 EXCHANGE OKX");
    let seen = watched.wait_for("the event is there", |seen| {
        seen.events[0].size == 3e6 && seen.signals[0].price == Some(80.0) && seen.symbols[0].count == 122
    });
    assert_eq!(seen.signals.len(), before.signals.len() + 1, "each signal once");
    watched.end();
}

#[test]
fn another_window_is_read_at_once() {
    let server = stocked_server(&[]);
    let watched = Watched::start(&server.url());
    watched.wait_for("the hour is read", |seen| seen.symbols.len() == 3);
    watched.wants.send_replace(Wants { window_ms: 60_000, open: Vec::new() });
    let seen = watched.wait_for("the minute is read", |seen| seen.window_ms == 60_000 && seen.symbols.len() == 3);
    assert!(seen.symbols.iter().all(|row| row.window_ms == 60_000 && row.count < 120));
    watched.end();
}

#[test]
fn a_series_is_looked_at_closely() {
    let server = stocked_server(&[]);
    let watched = Watched::start(&server.url());
    watched.wait_for("what is there is read", |seen| seen.symbols.len() == 3);
    let key = Key::from(b"liq:{BTCUSDT}".as_slice());
    let gone = Key::from(b"liq:{GONE}".as_slice());
    watched.wants.send_replace(Wants { window_ms: 3_600_000, open: vec![key.clone(), gone] });
    watched.wait("it is read", |view| view.details.contains_key(&key));
    let detail = watched.view.borrow().details[&key].clone();
    assert_eq!(detail.error, None);
    assert_eq!(detail.classes.iter().map(|class| class.count).sum::<u64>(), 121);
    assert_eq!(detail.events.len(), 121);
    let (spans, venues) = (&detail.spans, &detail.venues);
    let volume: f64 = spans.iter().map(|span| span.buy_volume + span.sell_volume).sum();
    assert_eq!(volume, venues.iter().map(|venue| venue.volume).sum::<f64>());
    assert_eq!(venues.iter().map(|venue| venue.name.as_str()).collect::<Vec<_>>(), ["BYBIT", "OKX"]);
    let bands = detail.bands.unwrap();
    assert!(bands.lower < bands.vwap && bands.vwap < bands.upper, "{bands:?}");
    // And over windows whose minutes are not told apart any more.
    for window_ms in [60_000, 14_400_000, 86_400_000] {
        watched.wants.send_replace(Wants { window_ms, open: vec![key.clone()] });
        watched.wait("the window is read", |view| {
            view.details.get(&key).is_some_and(|detail| detail.to_ms - detail.from_ms == window_ms)
        });
        let detail = watched.view.borrow().details[&key].clone();
        assert_eq!(detail.error, None, "{window_ms}");
        assert!((1..200).contains(&detail.spans.len()), "{window_ms}: {}", detail.spans.len());
    }
    watched.end();
}

#[test]
fn a_server_that_went_away_is_said_to_be_and_found_again() {
    let mut server = stocked_server(&["appendonly yes"]);
    let watched = Watched::start(&server.url());
    watched.wait_for("the server is read", |seen| seen.symbols.len() == 3);
    server.kill();
    watched.wait(
        "its absence is noticed",
        |view| matches!(&view.link, Link::Down { why, .. } if why.contains("does not answer") || why.contains(':')),
    );
    assert!(watched.view.borrow().snapshot.is_some(), "the last picture stays");
    server.start_again();
    add_events(&mut server.connect(), b"liq:{AFTER}", 5);
    watched.wait_for("it is read again", |seen| seen.symbols.len() == 4);
    watched.end();
}

/// A script that runs for long has every command refused for a while.
#[test]
fn what_a_busy_server_refused_is_read_once_it_answers_again() {
    let mut server = stocked_server(&["notify-keyspace-events Engxe", "lua-time-limit 1"]);
    for text in ["low script detected", "script killed by user"] {
        server.expect_warning(text);
    }
    let mut client = server.connect();
    audit(&mut client);
    let watched = Watched::start(&server.url());
    let before = watched.wait_for("the audit is read", |seen| seen.audit.at_ms.is_some() && seen.warnings.is_empty());
    let mut script = server.connect();
    // A loop without an end, and without blanks.
    script.send("EVAL repeat--[[]]until(1>2) 0");
    watched.wait_for("that it is busy is said", |seen| {
        let is_said = |command| seen.warnings.iter().any(|text| text.starts_with(command) && text.contains("BUSY"));
        ["INFO", "LIQ.MEMORY", "KEYS.AUDIT", "XREVRANGE", "RL.INFO"].into_iter().all(is_said)
    });
    wait_until("the script is ended", || !client.run("SCRIPT KILL").is_error());
    assert!(script.receive().is_error());
    client.run("KEYS.POLICY SET tick: TTL 1h").ok();
    client.run("SET other 1").ok();
    audit(&mut client);
    let seen = watched.wait_for("all is read again", |seen| {
        seen.warnings.is_empty() && seen.audit.at_ms > before.audit.at_ms && seen.policies.len() == 1
    });
    assert_eq!(seen.audit.keys, before.audit.keys.map(|keys| keys + 1));
    assert_eq!((seen.limiters.len(), seen.symbols.len()), (1, 3));
    assert!(seen.symbols.iter().all(|row| row.error.is_none()), "{:?}", seen.symbols);
    watched.end();
}

#[test]
fn a_server_that_gets_its_module_later_is_waited_for() {
    let server = Server::plain();
    let watched = Watched::start(&server.url());
    watched.wait(
        "the missing module is said",
        |view| matches!(&view.link, Link::Down { why, .. } if why.contains("has no module")),
    );
    watched.end();
}

#[test]
fn a_master_of_a_cluster_that_went_away_is_named_and_found_again() {
    let (mut cluster, url) = stocked_cluster(&["appendonly yes", "cluster-require-full-coverage no"]);
    expect_absences(&mut cluster.nodes);
    let watched = Watched::start(&url);
    watched.wait_for("all masters are read", |seen| seen.symbols.len() == 20);
    let key = Key::from(b"liq:{S07}".as_slice());
    watched.wants.send_replace(Wants { window_ms: 3_600_000, open: vec![key.clone()] });
    watched
        .wait("one is looked at closely", |view| view.details.get(&key).is_some_and(|detail| detail.events.len() == 3));
    // The very node of the address; the others are known by now.
    let gone = format!("127.0.0.1:{} ", cluster.nodes[0].port());
    cluster.nodes[0].kill();
    let seen = watched.wait_for("its absence is said", |seen| seen.warnings.iter().any(|line| line.contains(&gone)));
    assert!(seen.warnings[0].starts_with("a part is old since "), "{:?}", seen.warnings);
    assert_eq!(seen.symbols.len(), 20, "its last picture stays");
    // The others go on.
    let there = (0..20).map(|n| format!("liq:{{S{n:02}}}")).find(|key| {
        cluster.nodes[1..].iter().any(|node| node.connect().run(&format!("EXISTS {key}")) == Reply::Int(1))
    });
    let there = there.unwrap();
    let node = cluster.nodes[1..].iter().find(|node| node.connect().run(&format!("EXISTS {there}")) == Reply::Int(1));
    add_events(&mut node.unwrap().connect(), there.as_bytes(), 4);
    watched.wait_for("what moves is seen", |seen| seen.symbols.iter().any(|row| row.count == 7));
    cluster.nodes[0].start_again();
    watched.wait_for("it is read again", |seen| {
        seen.symbols.len() == 20 && seen.warnings.iter().all(|line| !line.contains("a part is"))
    });
    cluster.nodes.iter_mut().for_each(Server::kill);
    watched.wait(
        "nobody is there",
        |view| matches!(&view.link, Link::Down { why, .. } if why.contains("none of 3 masters is there")),
    );
    watched.end();
}

#[test]
fn a_master_of_a_cluster_that_hangs_holds_up_no_other() {
    let (mut cluster, url) = stocked_cluster(&["cluster-require-full-coverage no"]);
    expect_absences(&mut cluster.nodes);
    let watched = Watched::start(&url);
    watched.wait_for("all masters are read", |seen| seen.symbols.len() == 20);
    // The node of the address, which is asked first.
    cluster.nodes[0].stall();
    let mut clients: Vec<_> = cluster.nodes[1..].iter().map(Server::connect).collect();
    let holds = |client: &mut Client, key: &str| client.run(&format!("EXISTS {key}")) == Reply::Int(1);
    let keys = (0..20).map(|n| format!("liq:{{S{n:02}}}"));
    let there: Vec<(usize, String)> =
        keys.filter_map(|key| Some((clients.iter_mut().position(|client| holds(client, &key))?, key))).collect();
    let mut moves = |round: usize| {
        let (place, key) = &there[round];
        add_events(&mut clients[*place], key.as_bytes(), 4);
        watched.wait_for("what moves is seen", |seen| {
            seen.symbols.iter().filter(|row| row.count == 7).count() == round + 1
        });
    };
    moves(0);
    let gone = format!("127.0.0.1:{} ", cluster.nodes[0].port());
    watched.wait_for("its absence is said", |seen| seen.warnings.iter().any(|line| line.contains(&gone)));
    // While it is waited for again and again.
    (1..4).for_each(&mut moves);
    cluster.nodes[0].resume();
    watched.wait_for("it is read again", |seen| {
        seen.symbols.len() == 20 && seen.warnings.iter().all(|line| !line.contains("a part is"))
    });
    watched.end();
}

#[test]
fn the_replica_that_takes_over_in_a_cluster_is_watched() {
    let (mut cluster, mut replicas) = Cluster::start_with_replicas();
    expect_absences(cluster.nodes.iter_mut().chain(&mut replicas));
    fill(&cluster);
    cluster.nodes.iter().zip(&replicas).for_each(|(primary, replica)| primary.wait_for_replica(replica));
    let watched = Watched::start(&format!("redis+cluster://127.0.0.1:{}", cluster.nodes[0].port()));
    watched.wait_for("all masters are read", |seen| seen.symbols.len() == 20 && seen.server.masters == 3);
    cluster.nodes[0].kill();
    watched.wait_for("its absence is said", |seen| !seen.warnings.is_empty() && seen.warnings[0].contains("a part is"));
    replicas[0].connect().run("CLUSTER FAILOVER TAKEOVER").ok();
    watched.wait_for("all are read, of the new master too", |seen| {
        let is_told = seen.warnings.iter().any(|line| line.contains("a part is"));
        assert!(seen.symbols.len() == 20 || is_told, "a part is left out without a word");
        seen.symbols.len() == 20
            && seen.server.masters == 3
            && seen.symbols.iter().all(|row| row.error.is_none())
            && seen.warnings.iter().all(|line| !line.contains("a part is"))
    });
    watched.end();
}

#[test]
fn the_next_master_is_watched_when_sentinels_name_it() {
    let sentinel = sentinel::Watched::start();
    let (old, new) = (&sentinel.master, &sentinel.replica);
    add_events(&mut old.connect(), b"liq:{BTCUSDT}", 5);
    old.wait_for_replica(new);
    let watched = Watched::start(&sentinel.url());
    let is_master = |seen: &Snapshot| seen.server.role.as_deref() == Some("master");
    watched.wait_for("the master is read", |seen| names(seen) == ["BTCUSDT"] && is_master(seen));
    let mut client = sentinel.ask();
    wait_until("the sentinel begins", || !client.run("SENTINEL FAILOVER market").is_error());
    sentinel::Watched::wait_for_role(new, "master");
    sentinel::Watched::wait_for_role(old, "slave");
    add_events(&mut new.connect(), b"liq:{AFTER}", 5);
    watched.wait_for("the new master is read", |seen| names(seen) == ["AFTER", "BTCUSDT"] && is_master(seen));
    watched.end();
}

#[test]
fn a_master_that_sentinels_name_no_longer_is_left_although_it_goes_on() {
    let sentinel = sentinel::Watched::start();
    add_events(&mut sentinel.master.connect(), b"liq:{BTCUSDT}", 5);
    let watched = Watched::start(&sentinel.url());
    watched.wait_for("the master is read", |seen| names(seen) == ["BTCUSDT"]);
    let other = Options::default().tcp().start();
    add_events(&mut other.connect(), b"liq:{OTHER}", 5);
    let mut client = sentinel.ask();
    client.run("SENTINEL REMOVE market").ok();
    client.run(&format!("SENTINEL MONITOR market 127.0.0.1 {} 1", other.port())).ok();
    watched.wait_for("the one that is named now is read", |seen| names(seen) == ["OTHER"]);
    assert_eq!(sentinel.master.connect().info("role"), "master");
    watched.end();
    // Before the server that it watches.
    drop(sentinel);
}

#[test]
fn a_master_that_died_is_followed_by_the_one_that_sentinels_choose() {
    let mut sentinel = sentinel::Watched::start();
    add_events(&mut sentinel.master.connect(), b"liq:{BTCUSDT}", 5);
    sentinel.master.wait_for_replica(&sentinel.replica);
    let watched = Watched::start(&sentinel.url());
    watched.wait_for("the master is read", |seen| names(seen) == ["BTCUSDT"]);
    sentinel.master.kill();
    watched.wait("its absence is said", |view| matches!(&view.link, Link::Down { .. }));
    assert!(watched.view.borrow().snapshot.is_some(), "the last picture stays");
    sentinel::Watched::wait_for_role(&sentinel.replica, "master");
    add_events(&mut sentinel.replica.connect(), b"liq:{AFTER}", 5);
    watched.wait_for("the new master is read", |seen| names(seen) == ["AFTER", "BTCUSDT"]);
    watched.end();
}
