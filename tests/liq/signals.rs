//! Signals: which events give one, what is appended to the stream, and what an append can fail of.

use crate::support::oracle::{HOUR, MINUTE, SECOND};
use crate::support::{Client, Options, Reply, Server};
use crate::twin::T0;

/// An ADD that is judged 10 % below a VWAP of 100, as a fresh long liquidation.
fn add_signal(client: &mut Client, key: &str, ts: u64) -> Reply {
    client.run(&format!("LIQ.ADD {key} {ts} sell 90 500 EXCHANGE okx AT {ts}"))
}

/// A series whose VWAP is 100, with the given options.
#[track_caller]
fn prepare(client: &mut Client, key: &str, options: &str) {
    client.run(&format!("LIQ.CREATE {key} PERCENTILE 0 {options}")).ok();
    client.run(&format!("LIQ.ADD {key} {T0} buy 100 1000 AT {T0}"));
}

fn entry_fields(entry: &Reply) -> Vec<(String, String)> {
    entry.array()[1].fields().into_iter().map(|(name, value)| (name, value.text())).collect()
}

#[track_caller]
fn field(entry: &Reply, name: &str) -> String {
    let fields = entry_fields(entry);
    fields.iter().find(|(field, _)| field == name).unwrap_or_else(|| panic!("no {name} in {fields:?}")).1.clone()
}

fn total_of(client: &mut Client, key: &str, field: &str) -> i64 {
    client.run(&format!("LIQ.INFO {key}")).field(field).int()
}

#[test]
fn a_signal_is_appended_with_the_documented_fields() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "liq:{BTCUSDT}", "SIGNALS sig:{BTCUSDT}");
    let ts = T0 + SECOND;
    let judged = add_signal(&mut client, "liq:{BTCUSDT}", ts);
    assert_eq!(judged.field("signal").text(), "buy");
    let entries = client.run("XRANGE sig:{BTCUSDT} - +");
    let entry = &entries.array()[0];
    let names: Vec<String> = entry_fields(entry).into_iter().map(|(name, _)| name).collect();
    let documented = [
        "symbol",
        "key",
        "side",
        "entry_reason",
        "vwap",
        "vwap_deviation",
        "liquidation_size",
        "price",
        "timestamp",
        "exchange",
    ];
    assert_eq!(names, documented);
    for (name, expected) in [
        ("symbol", "BTCUSDT"),
        ("key", "liq:{BTCUSDT}"),
        ("side", "buy"),
        ("entry_reason", "liquidation_long"),
        ("vwap", "100"),
        ("liquidation_size", "500"),
        ("price", "90"),
        ("timestamp", &ts.to_string()),
        ("exchange", "okx"),
    ] {
        assert_eq!(field(entry, name), expected, "{name}");
    }
    assert_eq!(field(entry, "vwap_deviation").parse::<f64>().unwrap(), -10.0);
    assert_eq!(total_of(&mut client, "liq:{BTCUSDT}", "total_signals"), 1);

    let judged = client.run(&format!("LIQ.ADD liq:{{BTCUSDT}} {ts} short 130 500 AT {ts}"));
    assert_eq!(judged.field("signal").text(), "sell");
    let entries = client.run("XRANGE sig:{BTCUSDT} - +");
    let entry = &entries.array()[1];
    assert_eq!((field(entry, "side"), field(entry, "entry_reason")), ("sell".into(), "liquidation_short".into()));
    assert_eq!(field(entry, "exchange"), "");
}

#[test]
fn without_a_hash_tag_the_symbol_is_the_key() {
    let server = Server::start();
    let mut client = server.connect();
    for (key, symbol) in [("BTC", "BTC"), ("a{b}c{d}", "b"), ("a{}b", "a{}b"), ("{x", "{x")] {
        prepare(&mut client, key, "SIGNALS out");
        add_signal(&mut client, key, T0 + SECOND);
        let entries = client.run("XREVRANGE out + - COUNT 1");
        assert_eq!(field(&entries.array()[0], "symbol"), symbol, "{key}");
    }
}

#[test]
fn a_signal_needs_its_side_and_its_offset() {
    let server = Server::start();
    let mut client = server.connect();
    let cases = [
        ("sell 90", "2", "2", Some("buy")),
        ("sell 98.5", "2", "2", None),
        ("sell 97", "2", "2", Some("buy")),
        ("sell 97", "4", "2", None),
        ("sell 90", "0", "2", None),
        ("sell 110", "2", "2", None),
        ("buy 90", "2", "2", None),
        ("buy 110", "2", "2", Some("sell")),
        ("buy 101.5", "2", "2", None),
        ("buy 103", "2", "4", None),
        ("buy 110", "2", "0", None),
    ];
    for (at, (event, long, short, expected)) in cases.iter().enumerate() {
        let key = format!("s{at}");
        prepare(&mut client, &key, &format!("SIGNALS out{at} LONGOFFSET {long} SHORTOFFSET {short}"));
        let judged = client.run(&format!("LIQ.ADD {key} {} {event} 10 AT {}", T0 + 1, T0 + 1));
        let signal = judged.field("signal");
        assert_eq!((!signal.is_null()).then(|| signal.text()).as_deref(), *expected, "{event} {long} {short}");
        assert_eq!(client.run(&format!("XLEN out{at}")).int(), i64::from(expected.is_some()));
    }
}

#[test]
fn only_accepted_events_signal() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s PERCENTILE 100 MINSIZE 10 SIGNALS out").ok();
    client.run(&format!("LIQ.ADD s {T0} buy 100 1000 AT {T0}"));
    for size in [5, 500] {
        let judged = client.run(&format!("LIQ.ADD s {} sell 80 {size} AT {T0}", T0 + 1));
        assert!(judged.field("deviation").f64() < -10.0 && judged.field("signal").is_null(), "{judged:?}");
    }
    assert_eq!(client.run("EXISTS out").int(), 0);
}

#[test]
fn stale_events_do_not_trade() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "s", "SIGNALS out");
    let judge = |client: &mut Client, ts: u64, now: u64| {
        let judged = client.run(&format!("LIQ.ADD s {ts} sell 80 500 ID {now} AT {now}"));
        assert_eq!(judged.field("status").text(), "accepted");
        !judged.field("signal").is_null()
    };
    assert!(judge(&mut client, T0 + 1, T0 + 1 + MINUTE), "a minute old is young enough");
    assert!(!judge(&mut client, T0 + 1, T0 + 2 + MINUTE), "a millisecond more is stale");
    assert_eq!(total_of(&mut client, "s", "total_signals"), 1);
    assert_eq!(total_of(&mut client, "s", "total_stale_signals"), 1);
    assert_eq!(client.run("XLEN out").int(), 1);
    client.run("CONFIG SET liq.signal-max-age 1h").ok();
    assert!(judge(&mut client, T0 + 2, T0 + HOUR / 2));
}

#[test]
fn a_batch_appends_every_signal_in_order() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "s", "SIGNALS out");
    let t = T0 + 1;
    let reply = client.run(&format!("LIQ.MADD s AT {t} EVENTS {t} sell 90 1 {t} buy 99 1 {t} sell 80 2 {t} buy 200 3"));
    assert_eq!(reply.field("signals").int(), 3, "{reply:?}");
    let entries = client.run("XRANGE out - +");
    let sizes: Vec<String> = entries.array().iter().map(|entry| field(entry, "liquidation_size")).collect();
    assert_eq!(sizes, ["1", "2", "3"]);
}

#[test]
fn the_stream_is_capped_about_maxlen() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "s", "SIGNALS out MAXLEN 10 LONGOFFSET 0.0001");
    for at in 1..1000_u64 {
        let price = 100.0 / (1.0 + at as f64);
        client.run(&format!("LIQ.ADD s {} sell {price} 0.001 AT {}", T0 + at, T0 + at));
    }
    assert_eq!(total_of(&mut client, "s", "total_signals"), 999);
    let length = client.run("XLEN out").int();
    assert!((10..=300).contains(&length), "trimming may keep part of a node: {length}");
}

#[test]
fn no_signals_are_appended_once_switched_off() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "s", "SIGNALS out");
    client.call(&["LIQ.ALTER", "s", "SIGNALS", ""]).ok();
    assert_eq!(add_signal(&mut client, "s", T0 + 1).field("signal").text(), "buy", "the judgement is the same");
    assert_eq!(client.run("EXISTS out").int(), 0);
}

#[test]
fn a_blocked_reader_is_woken() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "s", "SIGNALS out");
    let mut reader = server.connect();
    let waiting = std::thread::spawn(move || reader.run("XREAD BLOCK 30000 STREAMS out 0"));
    crate::support::server::wait_until("the reader is blocked", || client.info("blocked_clients") == "1");
    add_signal(&mut client, "s", T0 + 1);
    let read = waiting.join().unwrap();
    assert!(!read.is_null(), "the reader got the signal");
}

#[test]
fn a_stream_key_of_another_type_fails_no_add() {
    let mut server = Server::start();
    server.expect_warning("signal");
    let mut client = server.connect();
    prepare(&mut client, "s", "SIGNALS out");
    client.run("SET out text").ok();
    let judged = add_signal(&mut client, "s", T0 + 1);
    assert_eq!((judged.field("status").text(), judged.field("signal").text()), ("accepted".into(), "buy".into()));
    assert_eq!(client.run("GET out").text(), "text");
    assert_eq!(client.run("LIQ.INFO s").field("events").int(), 2);
    let all = client.run("INFO liq").text();
    let failed = all.lines().filter(|line| line.contains("signal") && line.contains("fail"));
    assert!(failed.into_iter().any(|line| line.trim().ends_with(":1")), "the failure is counted in INFO:\n{all}");
}

#[test]
fn creating_with_a_stream_key_of_another_type_is_allowed_or_refused_but_never_harmful() {
    let mut server = Server::start();
    server.expect_warning("signal");
    let mut client = server.connect();
    client.run("SET out text").ok();
    let reply = client.run("LIQ.CREATE s SIGNALS out");
    assert!(reply.is_ok() || reply.error().contains("SIGNALS") || reply.error().starts_with("WRONGTYPE"), "{reply:?}");
    let refused = client.run("LIQ.CREATE same SIGNALS same");
    if refused.is_ok() {
        client.run(&format!("LIQ.ADD same {T0} buy 100 1000 AT {T0}"));
        add_signal(&mut client, "same", T0 + 1);
        assert_eq!(client.run("TYPE same").text(), "liqseries");
    }
}

#[test]
fn the_caller_needs_write_permission_on_the_stream() {
    let mut server = Server::start();
    server.expect_warning("signal");
    let mut client = server.connect();
    client.run("ACL SETUSER feed on >pw ~s* +@all").ok();
    client.run("ACL SETUSER full on >pw ~s* ~out +@all").ok();
    client.run("ACL SETUSER reader on >pw ~s* %R~out +@all").ok();
    let (mut feed, mut full, mut reader) =
        (server.connect_as("feed", "pw"), server.connect_as("full", "pw"), server.connect_as("reader", "pw"));
    for user in [&mut feed, &mut reader] {
        let refused = user.run("LIQ.CREATE s1 SIGNALS out");
        assert!(refused.is_error(), "{refused:?}");
        assert_eq!(user.run("EXISTS s1").int(), 0);
    }
    full.run("LIQ.CREATE s1 PERCENTILE 0 SIGNALS out").ok();
    feed.run("LIQ.CREATE s2").ok();
    let refused = feed.run("LIQ.ALTER s2 SIGNALS out PERCENTILE 5");
    assert!(refused.is_error(), "{refused:?}");
    // Checked again at every append, for whoever adds.
    full.run(&format!("LIQ.ADD s1 {T0} buy 100 1000 AT {T0}"));
    assert_eq!(add_signal(&mut feed, "s1", T0 + 1).field("signal").text(), "buy");
    assert_eq!(client.run("EXISTS out").int(), 0, "a user without permission appends nothing");
    assert_eq!(add_signal(&mut full, "s1", T0 + 2).field("signal").text(), "buy");
    assert_eq!(client.run("XLEN out").int(), 1);
}

#[test]
fn explicit_ids_reach_replica_and_aof() {
    let primary = Options::default().line("appendonly yes").tcp().start();
    let replica = Server::replica_of(&primary, &[]);
    let mut client = primary.connect();
    prepare(&mut client, "s", "SIGNALS out");
    for at in 1..20 {
        add_signal(&mut client, "s", T0 + at);
    }
    let entries = client.run("XRANGE out - +");
    assert!(!entries.array().is_empty());
    primary.wait_for_replica(&replica);
    assert_eq!(replica.connect().run("XRANGE out - +"), entries);
    assert_eq!(replica.connect().digest("s"), client.digest("s"));
    drop(client);
    let mut primary = primary;
    primary.restart();
    assert_eq!(primary.connect().run("XRANGE out - +"), entries);
}
