//! `MARKET`: a series that judges prices by the trades of a market.

use crate::support::cluster::Cluster;
use crate::support::oracle::{HOUR, MINUTE};
use crate::support::{Client, Options, Reply, Server, neighbour};
use crate::twin::T0;

/// A market whose trades around T0 have the VWAP 100, and a series beside it.
#[track_caller]
fn prepare(client: &mut Client, options: &str) {
    client.run("TICK.CREATE m IDLE 0").ok();
    for (price, qty) in [(98, 2), (101, 4)] {
        assert_eq!(client.run(&format!("TICK.ADD m {T0} buy {price} {qty}")).array()[0].text(), "accepted");
    }
    client.run(&format!("LIQ.CREATE s PERCENTILE 0 IDLE 0 MARKET m {options}")).ok();
}

/// A long liquidation at 90, and what it is judged by; each is another.
fn judge(client: &mut Client, key: &str, after_ms: u64) -> Reply {
    let at = T0 + after_ms;
    client.run(&format!("LIQ.ADD {key} {at} sell 90 500 EXCHANGE okx AT {at}"))
}

fn vwap(judged: &Reply) -> Option<f64> {
    assert_eq!(judged.field("status").text(), "accepted", "{judged:?}");
    let vwap = judged.field("vwap");
    assert_eq!(vwap.is_null(), judged.field("deviation").is_null(), "{judged:?}");
    assert!(!vwap.is_null() || judged.field("signal").is_null(), "{judged:?}");
    (!vwap.is_null()).then(|| vwap.f64())
}

#[test]
fn adding_is_judged_by_the_markets_trades() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "SIGNALS out");
    let judged = judge(&mut client, "s", 1);
    assert_eq!((vwap(&judged), judged.field("deviation").f64()), (Some(100.0), -10.0));
    assert_eq!(judged.field("signal").text(), "buy");
    let entries = client.run("XRANGE out - +");
    let fields = entries.array()[0].array()[1].fields();
    let field = |name: &str| fields.iter().find(|(field, _)| field == name).unwrap().1.text();
    assert_eq!((field("vwap"), field("vwap_deviation"), field("price")), ("100".into(), "-10".into(), "90".into()));
    // Of the events, as ever.
    assert_eq!(client.run(&format!("LIQ.VWAP s AT {}", T0 + 2)).field("vwap").f64(), 90.0);
    let at = T0 + 3;
    let batch = client.run(&format!("LIQ.MADD s AT {at} EVENTS {at} sell 97 1 {at} sell 99 1 {at} buy 103 1"));
    assert_eq!((batch.field("accepted").int(), batch.field("signals").int()), (3, 2), "{batch:?}");
    // A trade that comes counts at once.
    client.run(&format!("TICK.ADD m {} buy 20 1000", T0 + 4));
    assert!(vwap(&judge(&mut client, "s", 5)).unwrap() < 21.0);
    assert_eq!(client.run("LIQ.INFO s").field("market").text(), "m");
}

#[test]
fn without_a_trade_of_the_market_there_is_no_price_and_never_the_events() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "");
    assert_eq!(vwap(&judge(&mut client, "s", 1)), Some(100.0));
    client.run("RENAME m elsewhere").ok();
    assert_eq!(vwap(&judge(&mut client, "s", 2)), None, "missing");
    client.run("RENAME elsewhere m").ok();
    assert_eq!(vwap(&judge(&mut client, "s", 3)), Some(100.0), "there again");
    for (number, other) in
        ["SET m x", "LIQ.CREATE m", "RL.CREATE m LIMIT 5 PERIOD 1s", "XADD m * a b"].iter().enumerate()
    {
        client.run("DEL m");
        assert!(!client.run(other).is_error());
        assert_eq!(vwap(&judge(&mut client, "s", 4 + number as u64)), None, "{other}");
    }
    client.run("DEL m");
    client.run(&format!("TICK.QUOTE m {T0} BID 99 1 ASK 101 1 MARK 100"));
    assert_eq!(vwap(&judge(&mut client, "s", 10)), None, "quotes are no trades");
    client.run(&format!("TICK.ADD m {T0} buy 100 0"));
    assert_eq!(vwap(&judge(&mut client, "s", 11)), None, "nor is a price without a quantity");
    client.run(&format!("TICK.ADD m {T0} buy 50 1"));
    assert_eq!(vwap(&judge(&mut client, "s", 12)), Some(50.0));
    client.run("PEXPIRE m 1");
    std::thread::sleep(std::time::Duration::from_millis(5));
    assert_eq!(vwap(&judge(&mut client, "s", 13)), None, "expired");
    client.run("DEL m");
    client.run(&format!("TICK.ADD m {T0} buy 50 1"));
    assert_eq!(vwap(&judge(&mut client, "s", 20)), Some(50.0));
    assert_eq!(vwap(&judge(&mut client, "s", 2 * HOUR)), None, "its trades are older than VWAPWINDOW");
    client.run("DEL m");
    client.run("LIQ.RESET s").ok();
    let start = T0 / MINUTE * MINUTE;
    client.run(&format!("CANDLE.PUT m 1m OHLCV {start} 100 100 100 100 5"));
    assert_eq!(vwap(&judge(&mut client, "s", 14)), None, "a row of six columns does not tell its quote volume");
}

#[test]
fn a_market_may_be_named_and_forgotten_while_events_are_held() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "");
    client.call(&["LIQ.ALTER", "s", "MARKET", ""]).ok();
    assert_eq!(vwap(&judge(&mut client, "s", 1)), None, "of no events yet");
    assert_eq!(vwap(&judge(&mut client, "s", 2)), Some(90.0), "the events' own again");
    client.run("LIQ.ALTER s MARKET m").ok();
    assert_eq!(vwap(&judge(&mut client, "s", 3)), Some(100.0));
    client.run("LIQ.ALTER s MARKET another").ok();
    assert_eq!(vwap(&judge(&mut client, "s", 4)), None, "it need not be there");
    client.run(&format!("TICK.ADD another {T0} buy 80 1"));
    assert_eq!(vwap(&judge(&mut client, "s", 5)), Some(80.0));
    client.run("LIQ.RESET s").ok();
    assert_eq!(client.run("LIQ.INFO s").field("market").text(), "another", "options are kept");
    let long = "m".repeat(1025);
    for (value, problem) in [("s", "cannot be the key itself"), (&long, "longer than 1024 bytes")] {
        let refused = client.call(&["LIQ.ALTER", "s", "MARKET", value]);
        assert!(refused.error().starts_with("ERR MARKET: ") && refused.error().contains(problem), "{refused:?}");
    }
    assert!(client.run("LIQ.CREATE t MARKET t").is_error());
    assert_eq!(client.run("EXISTS t").int(), 0);
}

#[test]
fn a_series_may_come_to_lie_where_its_market_was() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "");
    client.run("COPY s m REPLACE").int();
    assert_eq!(vwap(&judge(&mut client, "m", 1)), None, "it names itself");
    assert_eq!(vwap(&judge(&mut client, "s", 1)), None, "and the other is no market either");
    client.run("RENAME s m").ok();
    assert_eq!(vwap(&judge(&mut client, "m", 2)), None);
    assert_eq!(client.run("LIQ.INFO m").field("events").int(), 2);
}

#[test]
fn the_caller_needs_read_permission_on_the_market() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "");
    client.run("ACL SETUSER feed on >pw ~s* +@all").ok();
    client.run("ACL SETUSER writer on >pw ~s* %W~m +@all").ok();
    client.run("ACL SETUSER reader on >pw ~s* %R~m +@all").ok();
    let mut users = ["feed", "writer", "reader"].map(|name| server.connect_as(name, "pw"));
    for (number, user) in users.iter_mut().enumerate() {
        let may_read = number == 2;
        let created = user.run(&format!("LIQ.CREATE s{number} MARKET m"));
        let altered = user.run("LIQ.ALTER s MARKET m");
        assert_eq!((created.is_ok(), altered.is_ok()), (may_read, may_read), "{created:?} {altered:?}");
        if !may_read {
            assert!(created.error().starts_with("NOPERM MARKET: "), "{created:?}");
        }
        // Looked at again for whoever adds, whatever way the add takes.
        let expected = may_read.then_some(100.0);
        assert_eq!(vwap(&judge(user, "s", 1 + number as u64)), expected);
        let at = T0 + 10 + number as u64;
        let script = format!("return redis.call('LIQ.ADD', KEYS[1], {at}, 'sell', 90, 500, 'AT', {at})");
        let judged = user.call(&["EVAL", &script, "1", "s"]);
        assert_eq!(vwap(&judged), expected, "a script lends nobody more than its user may");
        user.run("MULTI");
        judge(user, "s", 20 + number as u64);
        assert_eq!(vwap(&user.run("EXEC").array()[0]), expected);
    }
    client.run("ACL SETUSER feed %R~m").ok();
    let [feed, ..] = &mut users;
    assert_eq!(vwap(&judge(feed, "s", 30)), Some(100.0), "from the moment it is given");
}

#[test]
fn who_is_no_user_may_read_every_market() {
    let folder = tempfile::tempdir().unwrap();
    let server = Options::default().line(neighbour::line(folder.path())).start();
    let mut client = server.connect();
    prepare(&mut client, "");
    client.run("NEIGHBOUR.RUN LIQ.ALTER s MARKET m").ok();
    let judged = client.run(&format!("NEIGHBOUR.RUN LIQ.ADD s {T0} sell 90 500 AT {T0}"));
    assert_eq!(vwap(&judged), Some(100.0));
}

#[test]
fn what_was_decided_is_the_same_everywhere() {
    let mut primary = Options::default().line("appendonly yes").tcp().start();
    let replica = Server::replica_of(&primary, &[]);
    let mut client = primary.connect();
    prepare(&mut client, "SIGNALS out");
    for after_ms in 1..10 {
        judge(&mut client, "s", after_ms);
    }
    let read = |client: &mut Client| {
        let info = client.run("LIQ.INFO s");
        let total = info.field("total_signals").int();
        (client.digest("s"), client.digest("m"), total, info.field("market").text(), client.run("XRANGE out - +"))
    };
    let before = read(&mut client);
    assert_eq!((before.2, before.3.as_str()), (9, "m"));
    primary.wait_for_replica(&replica);
    assert_eq!(read(&mut replica.connect()), before);
    for rewritten in [false, true] {
        if rewritten {
            assert!(!client.run("BGREWRITEAOF").is_error());
            crate::support::server::wait_until("the file is written anew", || {
                client.info("aof_rewrite_in_progress") == "0" && client.info("aof_rewrite_scheduled") == "0"
            });
        }
        primary.restart();
        client = primary.connect();
        assert_eq!(read(&mut client), before, "rewritten: {rewritten}");
    }
    assert_eq!(vwap(&judge(&mut client, "s", 20)), Some(100.0), "judged on, wherever the market stood in the file");
}

#[test]
fn copies_and_dumps_name_the_market_too() {
    let server = Server::start();
    let mut client = server.connect();
    prepare(&mut client, "");
    judge(&mut client, "s", 1);
    assert_eq!(client.run("COPY s copied").int(), 1);
    let payload = client.run("DUMP s");
    client.call(&[b"RESTORE", b"restored".as_slice(), b"0", payload.bytes()]).ok();
    for key in ["copied", "restored"] {
        assert_eq!(vwap(&judge(&mut client, key, 2)), Some(100.0), "{key}");
    }
    // In another database there is no such market.
    assert_eq!(client.run("MOVE copied 1").int(), 1);
    client.run("SELECT 1").ok();
    assert_eq!(vwap(&judge(&mut client, "copied", 3)), None);
}

#[test]
fn a_market_in_another_slot_is_refused_and_never_read() {
    let single = Server::start();
    let mut client = single.connect();
    client.run("LIQ.CREATE s PERCENTILE 0 MARKET tick:{ETH}").ok();
    let payload = client.run("DUMP s");
    let cluster = Cluster::start();
    let mut client = cluster.connect_for("liq:{BTC}");
    let refused = client.run("LIQ.CREATE liq:{BTC} MARKET tick:{ETH}");
    assert_eq!(refused.error(), "ERR MARKET: must be in the key's hash slot, got 'tick:{ETH}'");
    client.run("LIQ.CREATE liq:{BTC} PERCENTILE 0 MARKET tick:{BTC}").ok();
    client.run(&format!("TICK.ADD tick:{{BTC}} {T0} buy 100 1"));
    assert_eq!(vwap(&judge(&mut client, "liq:{BTC}", 1)), Some(100.0));
    cluster.connect_for("tick:{ETH}").run(&format!("TICK.ADD tick:{{ETH}} {T0} buy 100 1"));
    // A series of a single server may name any market; restored into a cluster it must not look there.
    client.call(&[b"RESTORE", b"liq:{BTC}".as_slice(), b"0", payload.bytes(), b"REPLACE"]).ok();
    assert_eq!(vwap(&judge(&mut client, "liq:{BTC}", 1)), None);
}

/// Small numbers from a seed.
fn mixed(seed: u64, most: u64) -> u64 {
    (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33) % most
}

#[test]
fn it_is_the_vwap_of_the_ticker_whatever_comes_between() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE m CLOCK EVENT KEEP 1m 50 KEEP 5m 20 KEEP 1h 0 KEEP 1d 0").ok();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0 MARKET m VWAPWINDOW 45m").ok();
    let mut now = T0;
    for step in 0..600 {
        now += mixed(step, 7) * 9_000;
        let (price, qty) = (100 + mixed(step + 1, 50), 1 + mixed(step + 2, 90));
        client.run(&format!("TICK.ADD m {now} buy {price}.5 0.{qty}"));
        if mixed(step + 3, 5) == 0 {
            let late = now - mixed(step + 4, 3_000_000);
            client.run(&format!("TICK.ADD m {late} sell {price}.25 3.{qty}"));
        }
        if mixed(step + 5, 40) == 0 {
            let start = (now - 20 * MINUTE) / MINUTE * MINUTE;
            let end = start + MINUTE - 1;
            client.run(&format!("CANDLE.PUT m 1m KLINE {start} 90 99 80 95 7 {end} 630 5 1 90"));
        }
        if mixed(step + 6, 100) == 0 {
            client.run("TICK.ALTER m KEEP 1m 30").ok();
        }
        let ticker = client.run("TICK.LAST m WINDOW 45m");
        let judged = client.run(&format!("LIQ.ADD s {now} buy 100 {}", step + 1));
        assert_eq!(judged.field("vwap"), ticker.field("vwap"), "step {step}");
    }
}

#[test]
fn opening_a_market_is_heard_of_before_the_series_is_open() {
    let folder = tempfile::tempdir().unwrap();
    for (event, losing) in [("keymiss", "DEL m"), ("expired", "PEXPIRE m 1")] {
        let server = Options::default().line(neighbour::line(folder.path())).line("lazyfree-lazy-user-del no").start();
        let mut client = server.connect();
        prepare(&mut client, "");
        assert_eq!(vwap(&judge(&mut client, "s", 1)), Some(100.0));
        client.run("DEBUG SET-ACTIVE-EXPIRE 0");
        client.run(losing);
        std::thread::sleep(std::time::Duration::from_millis(5));
        // The series itself is replaced by whoever hears that the market is gone.
        client.run(&format!("NEIGHBOUR.REPLACE {event} s")).ok();
        let judged = judge(&mut client, "s", 2);
        assert_eq!(judged.field("status").text(), "accepted");
        let info = client.run("LIQ.INFO s");
        assert_eq!((info.field("signals").text(), info.field("events").int()), ("elsewhere".into(), 1), "{event}");
    }
}
