//! `ACCEPTED`: the filtered feed itself as a stream.

use crate::support::cluster::Cluster;
use crate::support::{Client, Options, Reply, Server};
use crate::twin::T0;

fn fields(entry: &Reply) -> Vec<String> {
    entry.array()[1].array().iter().map(|field| field.text()).collect()
}

/// The sizes in a stream, in its order.
fn sizes(client: &mut Client, stream: &str) -> Vec<String> {
    let entries = client.run(&format!("XRANGE {stream} - +"));
    let size = |entry: &Reply| {
        let fields = fields(entry);
        fields[fields.iter().position(|field| field == "liquidation_size").unwrap() + 1].clone()
    };
    entries.array().iter().map(size).collect()
}

#[test]
fn an_accepted_event_is_appended_with_the_documented_fields() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE liq:{BTCUSDT} ACCEPTED out").ok();
    client.run(&format!("LIQ.ADD liq:{{BTCUSDT}} {T0} long 93500.5 25000 EXCHANGE okx ID x AT {T0}"));
    client.run(&format!("LIQ.ADD liq:{{BTCUSDT}} {T0} short 1e15 1e15 AT {T0}"));
    let entries = client.run("XRANGE out - +");
    let expected = format!(
        "symbol BTCUSDT key liq:{{BTCUSDT}} side sell liquidation_size 25000 price 93500.5 timestamp {T0} exchange okx"
    );
    assert_eq!(fields(&entries.array()[0]).join(" "), expected);
    let side = &fields(&entries.array()[1])[4..6];
    assert_eq!(side, ["side", "buy"], "that of the event, not what to trade");
    let info = client.run("LIQ.INFO liq:{BTCUSDT}");
    assert_eq!((info.field("accepted").text(), info.field("accepted_maxlen").int()), ("out".into(), 1000));
}

#[test]
fn only_accepted_events_are_and_each_once() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s PERCENTILE 80 MINSIZE 10 RETENTION 1h ACCEPTED out").ok();
    let add = |client: &mut Client, ts: u64, size: u32| {
        client.run(&format!("LIQ.ADD s {ts} buy 100 {size} AT {T0}")).field("status").text()
    };
    let statuses = [(T0, 1000), (T0, 1000), (T0, 20), (T0, 5), (T0 - 7_200_000, 2000), (T0 + 1, 3000)]
        .map(|(ts, size)| add(&mut client, ts, size));
    assert_eq!(statuses, ["accepted", "duplicate", "filtered", "small", "late", "accepted"]);
    assert_eq!(sizes(&mut client, "out"), ["1000", "3000"]);
    let batch = format!("LIQ.MADD s BATCH feed 1 AT {T0} EVENTS {T0} buy 100 11 {T0} buy 100 5000 {T0} sell 1 6000");
    assert_eq!(client.run(&batch).field("accepted").int(), 2);
    assert_eq!(client.run(&batch).field("duplicate").int(), 3, "delivered before");
    assert_eq!(sizes(&mut client, "out"), ["1000", "3000", "5000", "6000"]);
}

#[test]
fn one_stream_may_take_both_each_event_before_its_signal() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s PERCENTILE 0 SHORTOFFSET 0 SIGNALS out ACCEPTED out MAXLEN 50").ok();
    let at = T0 + 1;
    client.run(&format!("LIQ.ADD s {T0} buy 100 1 AT {T0}"));
    client.run(&format!("LIQ.MADD s AT {at} EVENTS {at} sell 90 2 {at} buy 100 3 {at} sell 80 4"));
    let entries = client.run("XRANGE out - +");
    let is_signal: Vec<bool> =
        entries.array().iter().map(|entry| fields(entry).contains(&"entry_reason".to_owned())).collect();
    assert_eq!(is_signal, [false, false, true, false, false, true]);
    assert_eq!(sizes(&mut client, "out"), ["1", "2", "2", "3", "4", "4"]);
    let info = client.run("LIQ.INFO s");
    assert_eq!(
        (info.field("maxlen").int(), info.field("accepted_maxlen").int()),
        (1000, 50),
        "MAXLEN is the nearest's"
    );
    client.call(&["LIQ.ALTER", "s", "ACCEPTED", ""]).ok();
    client.run(&format!("LIQ.ADD s {at} sell 70 5 AT {at}"));
    assert_eq!(client.run("XLEN out").int(), 7, "signals go on");
}

#[test]
fn the_stream_is_capped_about_maxlen() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s PERCENTILE 0 ACCEPTED out MAXLEN 10").ok();
    let events: Vec<String> = (1..1000).map(|size| format!("{T0} buy 100 {size}")).collect();
    let counts = client.run(&format!("LIQ.MADD s AT {T0} EVENTS {}", events.join(" ")));
    assert_eq!(counts.field("accepted").int(), 999);
    let length = client.run("XLEN out").int();
    assert!((10..=300).contains(&length), "trimming may keep part of a node: {length}");
}

#[test]
fn what_cannot_be_appended_fails_no_add() {
    let mut server = Server::start();
    server.expect_warning("an accepted event of 's' was not appended");
    let mut client = server.connect();
    client.run("LIQ.CREATE s ACCEPTED out").ok();
    client.run("SET out text").ok();
    for size in 1..4 {
        let judged = client.run(&format!("LIQ.ADD s {T0} buy 100 {size} AT {T0}"));
        assert_eq!(judged.field("status").text(), "accepted");
    }
    assert_eq!(client.run("GET out").text(), "text");
    assert_eq!(client.info("liq_failed_accepted"), "3");
    assert_eq!(client.info("liq_failed_signals"), "0");
    let refused = client.run("LIQ.ALTER s ACCEPTED s");
    assert_eq!(refused.error(), "ERR ACCEPTED: cannot be the key itself, got 's'");
}

#[test]
fn the_caller_needs_write_permission_on_the_stream() {
    let mut server = Server::start();
    server.expect_warning("an accepted event of 's' was not appended");
    let mut client = server.connect();
    client.run("ACL SETUSER feed on >pw ~s* %R~out +@all").ok();
    let mut feed = server.connect_as("feed", "pw");
    client.run("LIQ.CREATE s PERCENTILE 0 ACCEPTED out").ok();
    for refused in ["LIQ.CREATE s1 ACCEPTED out", "LIQ.ALTER s ACCEPTED out PERCENTILE 5"] {
        assert!(feed.run(refused).error().starts_with("NOPERM ACCEPTED: "), "{refused}");
    }
    for (user, length) in [(&mut feed, 0), (&mut client, 1)] {
        user.run(&format!("LIQ.ADD s {} buy 100 1 AT {T0}", T0 + length));
        assert_eq!(server.connect().run("XLEN out").int(), length as i64);
    }
}

#[test]
fn a_stream_in_another_slot_is_refused() {
    let cluster = Cluster::start();
    let mut client = cluster.connect_for("liq:{BTC}");
    let refused = client.run("LIQ.CREATE liq:{BTC} ACCEPTED accepted:{ETH}");
    assert_eq!(refused.error(), "ERR ACCEPTED: must be in the key's hash slot, got 'accepted:{ETH}'");
    client.run("LIQ.CREATE liq:{BTC} ACCEPTED accepted:{BTC}").ok();
    client.run(&format!("LIQ.ADD liq:{{BTC}} {T0} buy 100 1 AT {T0}"));
    assert_eq!(client.run("XLEN accepted:{BTC}").int(), 1);
}

#[test]
fn explicit_ids_reach_replica_and_aof() {
    let mut primary = Options::default().line("appendonly yes").tcp().start();
    let replica = Server::replica_of(&primary, &[]);
    let mut client = primary.connect();
    client.run("LIQ.CREATE s PERCENTILE 0 ACCEPTED out MAXLEN 40 SIGNALS sig").ok();
    for at in 1..20 {
        client.run(&format!("LIQ.ADD s {} buy 100 {at} AT {T0}", T0 + at));
    }
    let read = |client: &mut Client| {
        let info = client.run("LIQ.INFO s");
        (
            client.run("XRANGE out - +"),
            client.digest("s"),
            info.field("accepted").text(),
            info.field("accepted_maxlen").int(),
        )
    };
    let before = read(&mut client);
    assert_eq!(before.0.array().len(), 19);
    primary.wait_for_replica(&replica);
    assert_eq!(read(&mut replica.connect()), before);
    drop(client);
    primary.restart();
    assert_eq!(read(&mut primary.connect()), before);
}
