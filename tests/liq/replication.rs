//! Replicas: the same bytes and the same answers, whatever the replica's own defaults, clock and memory.

use crate::persistence::{assert_same, feed_on, fill, picture};
use crate::support::server::wait_until;
use crate::support::{Options, Server};
use crate::twin::T0;

/// Defaults that would judge otherwise.
const OTHER_DEFAULTS: [&str; 7] = [
    "liq.retention 2h",
    "liq.percentile 5",
    "liq.tail 300",
    "liq.precision 5",
    "liq.max-future 1s",
    "liq.min-size 50",
    "liq.max-batch 1",
];

#[test]
fn a_full_resync_gives_the_same_series() {
    for diskless in ["yes", "no"] {
        let primary = Options::default().tcp().line(format!("repl-diskless-sync {diskless}")).start();
        fill(&mut primary.connect());
        let before = picture(&mut primary.connect());
        let replica = Server::replica_of(&primary, &OTHER_DEFAULTS);
        assert_same(&before, &picture(&mut replica.connect()), "a full resync");
    }
}

#[test]
fn the_stream_of_commands_gives_the_same_series() {
    let primary = Options::default().tcp().start();
    let plain = Server::replica_of(&primary, &[]);
    let other = Server::replica_of(&primary, &OTHER_DEFAULTS);
    let mut client = primary.connect();
    fill(&mut client);
    feed_on(&mut client, 90);
    for replica in [&plain, &other] {
        primary.wait_for_replica(replica);
        assert_same(&picture(&mut client), &picture(&mut replica.connect()), "replication");
    }
    client.run("LIQ.RESET panes").ok();
    client.run("LIQ.ALTER liq:{BTC} RETENTION 2h WINDOW 1h VWAPWINDOW 1h").ok();
    client.run("LIQ.CREATE late").ok();
    client.run("DEL late");
    for replica in [&plain, &other] {
        primary.wait_for_replica(replica);
        assert_same(&picture(&mut client), &picture(&mut replica.connect()), "changes of options");
    }
}

#[test]
fn a_replica_that_was_away_catches_up_by_a_partial_resync() {
    let primary = Options::default().tcp().line("repl-backlog-size 50mb").start();
    let replica = Server::replica_of(&primary, &OTHER_DEFAULTS);
    let mut client = primary.connect();
    fill(&mut client);
    primary.wait_for_replica(&replica);
    let mut there = replica.connect();
    assert_eq!(client.run("CLIENT KILL TYPE replica").int(), 1);
    feed_on(&mut client, 91);
    replica.wait_for_link();
    primary.wait_for_replica(&replica);
    assert_same(&picture(&mut client), &picture(&mut there), "a partial resync");
    assert_eq!(client.info("sync_partial_ok"), "1");
}

#[test]
fn a_promoted_replica_goes_on_where_the_primary_stopped() {
    let primary = Options::default().tcp().start();
    let replica = Server::replica_of(&primary, &OTHER_DEFAULTS);
    let mut client = primary.connect();
    fill(&mut client);
    primary.wait_for_replica(&replica);
    let mut promoted = replica.connect();
    promoted.run("REPLICAOF NO ONE").ok();
    for line in [
        format!("LIQ.ADD panes {} sell 90 123", T0 + 30_000_000),
        "LIQ.MADD panes BATCH producer69 69 EVENTS 5 buy 1 1".into(),
    ] {
        assert_eq!(client.run(&line), promoted.run(&line), "{line}");
    }
    assert_eq!(client.digest("panes"), promoted.digest("panes"));
}

#[test]
fn reads_work_on_a_replica_and_writes_do_not() {
    let primary = Options::default().tcp().start();
    primary.connect().run("LIQ.CREATE s CLOCK EVENT").ok();
    primary.connect().run(&format!("LIQ.ADD s {T0} buy 100 5"));
    let replica = Server::replica_of(&primary, &[]);
    let mut client = replica.connect();
    assert_eq!(client.run("LIQ.PCTL s 50").numbers(), [Some(5.0)]);
    assert_eq!(client.run("LIQ.STATS s").field("count").int(), 1);
    for write in [
        "LIQ.ADD s * buy 1 1",
        "LIQ.CREATE t",
        "LIQ.ALTER s PERCENTILE 5",
        "LIQ.RESET s",
        "LIQ.MADD s EVENTS * buy 1 1",
    ] {
        assert!(client.run(write).error().starts_with("READONLY"), "{write}");
    }
}

#[test]
fn the_replication_stream_holds_no_star_and_no_now() {
    let primary = Options::default().tcp().start();
    let replica = Server::replica_of(&primary, &[]);
    let mut monitor = replica.connect();
    monitor.run("MONITOR").ok();
    let mut client = primary.connect();
    client.run("LIQ.ADD s * buy 100 5 EXCHANGE okx");
    client.run("LIQ.MADD s EVENTS * buy 100 6 * sell 100 7");
    client.run("SET marker 1").ok();
    let mut seen = Vec::new();
    while let Some(line) = monitor.try_receive(std::time::Duration::from_secs(20)) {
        let line = line.text();
        if line.contains("marker") {
            break;
        }
        seen.push(line);
    }
    let module: Vec<&String> = seen.iter().filter(|line| line.to_lowercase().contains("\"liq.")).collect();
    // Servers since Redis 8 show nobody the commands that clients may not call.
    let is_hidden = client.run("COMMAND INFO LIQ.APPLY").array()[0].is_null();
    assert!(is_hidden || !module.is_empty(), "{seen:?}");
    assert!(module.iter().all(|line| !line.contains("\"*\"")), "{module:?}");
}

#[test]
fn a_refused_or_stored_nothing_command_is_not_replicated_as_data() {
    let primary = Options::default().tcp().start();
    let replica = Server::replica_of(&primary, &[]);
    let mut client = primary.connect();
    client.run("LIQ.CREATE s CLOCK EVENT MINSIZE 10").ok();
    for line in [
        format!("LIQ.ADD s {T0} buy 100 50"),
        format!("LIQ.ADD s {T0} buy 100 50"),
        format!("LIQ.ADD s {T0} buy 100 5"),
        "LIQ.ADD s 5 buy 100 50".to_owned(),
        "LIQ.ADD s * buy x 50".to_owned(),
        "LIQ.ADD s 9007199254740992 buy 100 50".to_owned(),
    ] {
        client.run(&line);
    }
    primary.wait_for_replica(&replica);
    let totals = |client: &mut crate::support::Client| {
        let info = client.run("LIQ.INFO s");
        ["events", "total_accepted", "total_duplicate", "total_small", "total_late", "total_future"]
            .map(|name| info.field(name).int())
    };
    assert_eq!(totals(&mut client), [1, 1, 1, 1, 1, 1]);
    assert_eq!(totals(&mut replica.connect()), totals(&mut client), "the totals are part of the series");
    assert_eq!(replica.connect().digest("s"), client.digest("s"));
}

#[test]
fn a_replica_or_an_aof_beyond_maxmemory_records_all_the_same() {
    let mut primary = Options::default().tcp().line("appendonly yes").start();
    let mut replica = Server::replica_of(&primary, &["maxmemory 1000"]);
    // It says so, and changes nothing.
    replica.expect_warning("memory mode critical");
    let mut client = primary.connect();
    fill(&mut client);
    primary.wait_for_replica(&replica);
    let before = picture(&mut client);
    assert_same(&before, &picture(&mut replica.connect()), "replication to a full replica");
    drop(client);
    primary.add_line("maxmemory 1000");
    // Memory modes would take detail; that is another matter.
    primary.add_line("liq.memory-budget 1gb");
    primary.restart();
    assert_same(&before, &picture(&mut primary.connect()), "loading an AOF beyond maxmemory");
}

#[test]
fn what_is_written_while_a_replica_waits_for_its_snapshot_is_decided() {
    // A replica that has asked and waits: from then on there is a backlog, though nothing was sent yet.
    let primary = Options::default().tcp().line("repl-diskless-sync-delay 3600").start();
    let mut client = primary.connect();
    client.run("LIQ.CREATE s PERCENTILE 0").ok();
    client.run("LIQ.ADD s * buy 100 5");
    let _waiting = Options::default().line(format!("replicaof 127.0.0.1 {}", primary.port())).start();
    wait_until("the replica has asked", || client.info("connected_slaves") == "1");
    client.run("LIQ.ADD s * buy 100 6");
    client.run("SAVE").ok();
    client.run("LIQ.ADD s * buy 100 7");
    client.run("LIQ.MADD s EVENTS * buy 100 8");
    client.run("RL.CHECK r LIMIT 5 PERIOD 1h COST 2");

    // Whoever starts from that file goes on from the backlog.
    let mut late = Options::default().start();
    std::fs::copy(primary.dir().join("dump.rdb"), late.dir().join("dump.rdb")).unwrap();
    late.add_line(format!("replicaof 127.0.0.1 {}", primary.port()));
    late.restart();
    late.wait_for_link();
    assert_eq!(client.info("sync_partial_ok"), "1", "the test shows nothing without a partial synchronisation");
    primary.wait_for_replica(&late);
    for key in ["s", "r"] {
        assert_eq!(late.connect().digest(key), client.digest(key), "{key}");
    }
}
