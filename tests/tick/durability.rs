//! The same everywhere: RDB, AOF, replicas, COPY and DUMP hold the same bytes and answer the same.

use crate::support::failover::Pair;
use crate::support::{Client, Options, Server};

const M: u64 = 1_723_161_300_000;
const KEYS: [&str; 4] = ["ids", "names", "levels", "quotes"];

/// Markets of every kind: numbered with holes, named, with candles in every level, with quotes only.
fn fill(client: &mut Client, from: u64) {
    if from == 0 {
        client
            .run("TICK.CREATE ids ORDER ID KEEP 1s 100 CLOCK EVENT TZ +05:30 ANNOUNCE 1m ANNOUNCE 1h CLOSES closes")
            .ok();
        client.run("TICK.CREATE names TAIL 30 MAXJUMP 5 CLOCK EVENT").ok();
        client.run("TICK.CREATE levels KEEP 1m 5 KEEP 5m 12 KEEP 1h 24 KEEP 1d 2 TAIL 0 CLOCK EVENT").ok();
    }
    let mut lines = Vec::new();
    for at in from..from + 400 {
        let price = 60_000 + at * 37 % 900;
        let side = ["buy", "sell", "-"][at as usize % 3];
        let id = 1_000 + at + at / 50;
        lines.push(format!("TICK.ADD ids {} {side} {price}.{} 0.{at} ID {id}", M + at * 700 - at % 5 * 900, at % 10));
        lines.push(format!("TICK.ADD names {} {side} {price} 0.{at} ID t{}", M + at * 2_000, at % 60));
        lines.push(format!(
            "TICK.ADD levels {} {side} {price} 1 {}",
            M + at * 500_000,
            if at % 90 == 0 { "GAP" } else { "" }
        ));
        lines.push(format!("TICK.QUOTE quotes * BID {price} 1 ASK {} 2 MARK {price}.5", price + 1));
    }
    // Ids that were missing come late by more than lies unpacked: what holds them stays open for the next.
    let late = |at: u64| format!("TICK.ADD ids {} buy 60000 1 ID {}", M + at * 700, 999 + at + at / 50);
    lines.extend([from + 300, from + 350].map(late));
    lines.push(format!("TICK.MADD ids BATCH me {from} IDS TICKS {} buy - 0 {}", M + from * 700, 2_000_000 + from));
    for reply in client.pipeline(&lines) {
        assert!(!reply.is_error(), "{reply:?}");
    }
    client.run(&format!("TICK.ALTER levels KEEP 5m {}", 12 + from % 7)).ok();
}

fn picture(client: &mut Client) -> Vec<String> {
    let mut picture = Vec::new();
    for key in KEYS {
        picture.push(client.digest(key));
        picture.push(format!("{:?}", client.run(&format!("PEXPIRETIME {key}"))));
        let info = client.run(&format!("TICK.INFO {key}"));
        let kept: Vec<_> = info.fields().into_iter().filter(|(name, _)| name != "memory").collect();
        picture.push(format!("{kept:?}"));
        for read in [
            "TICK.LAST KEY FULL AT 0",
            "TICK.RANGE KEY - + COUNT 10000",
            "CANDLE.RANGE KEY 1m - + COUNT 5000",
            "CANDLE.RANGE KEY 1h FILL COUNT 50",
            "CANDLE.RANGE KEY 1M REV",
            "CANDLE.RANGE KEY 1d AS pack",
        ] {
            let read = read.replace("KEY", key).replace(" FULL AT 0", " AT 1723161400000");
            picture.push(format!("{read}: {:?}", client.run(&read)));
        }
    }
    picture
}

#[track_caller]
fn check(mut server: Server, what: &str, mut disturb: impl FnMut(&mut Server)) {
    fill(&mut server.connect(), 0);
    for round in 1..3 {
        let before = picture(&mut server.connect());
        disturb(&mut server);
        assert_eq!(before, picture(&mut server.connect()), "{what}");
        fill(&mut server.connect(), round * 400);
    }
}

#[test]
fn a_restart_from_rdb_is_invisible() {
    check(Server::start(), "a restart from RDB", Server::restart_saving);
}

#[test]
fn a_restart_from_an_aof_of_commands_is_invisible() {
    check(Server::with(&["appendonly yes"]), "a restart from AOF", Server::restart);
}

#[test]
fn a_restart_from_a_rewritten_aof_is_invisible() {
    for preamble in ["yes", "no"] {
        let server = Server::with(&["appendonly yes", &format!("aof-use-rdb-preamble {preamble}")]);
        check(server, "a rewritten AOF", |server| {
            let mut client = server.connect();
            assert!(!client.run("BGREWRITEAOF").is_error());
            server.wait_for_background();
            assert_eq!(client.info("aof_last_bgrewrite_status"), "ok");
            drop(client);
            server.restart();
        });
    }
}

/// Defaults that would judge otherwise.
const OTHER_DEFAULTS: [&str; 5] =
    ["liq.tick-keep \"1h 5\"", "liq.tick-tail 3", "liq.tick-max-future 0", "liq.tick-order ID", "liq.tick-max-jump 1"];

#[test]
fn replicas_hold_the_same_whatever_their_defaults() {
    let primary = Options::default().tcp().start();
    let other = Server::replica_of(&primary, &OTHER_DEFAULTS);
    let mut client = primary.connect();
    fill(&mut client, 0);
    fill(&mut client, 400);
    let late = Server::replica_of(&primary, &[]);
    for replica in [&other, &late] {
        primary.wait_for_replica(replica);
        assert_eq!(picture(&mut client), picture(&mut replica.connect()));
    }
    // The stream of closes is replicated with its ids.
    assert_eq!(client.run("XRANGE closes - +"), other.connect().run("XRANGE closes - +"));
    let mut there = other.connect();
    assert!(there.run("TICK.ADD ids * buy 1 1 ID 5").error().starts_with("READONLY"));
    assert!(!there.run("TICK.LAST ids").field("price").is_null());
    there.run("REPLICAOF NO ONE").ok();
    for line in [
        format!("TICK.ADD names {} buy 60001 1 ID t7", M + 9_000_000),
        "TICK.MADD ids BATCH me 400 TICKS 1 buy 1 1".into(),
    ] {
        assert_eq!(client.run(&line), there.run(&line), "{line}");
    }
    assert_eq!(client.digest("names"), there.digest("names"), "a promoted replica goes on");
}

#[test]
fn copies_and_dumps_are_the_same_and_share_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client, 0);
    for key in KEYS {
        client.run(&format!("PERSIST {key}"));
        client.run(&format!("COPY {key} copy"));
        let payload = client.run(&format!("DUMP {key}"));
        client.call(&[b"RESTORE".as_slice(), b"restored", b"0", payload.bytes()]).ok();
        for other in ["copy", "restored"] {
            assert_eq!(client.digest(key), client.digest(other), "{key} {other}");
        }
        client.run("TICK.QUOTE copy * INDEX 7");
        assert_eq!(client.digest(key), client.digest("restored"), "{key}");
        assert_ne!(client.digest(key), client.digest("copy"), "{key}");
        client.run("DEL copy restored");
    }
}

#[test]
fn a_killed_server_comes_back_with_what_it_acknowledged() {
    let mut server = Server::with(&["appendonly yes", "appendfsync always"]);
    fill(&mut server.connect(), 0);
    let before = picture(&mut server.connect());
    server.kill_and_restart();
    assert_eq!(before, picture(&mut server.connect()));
}

/// Of a transaction that was cut within a command the server drops that command only when it starts; the ones before it
/// are executed when it starts once more, though what was sent again for them stands behind them.
#[test]
fn a_batch_of_a_transaction_that_was_cut_counts_once() {
    for cut in [10, 14, 20, 60, 120] {
        let mut server = Server::with(&["appendonly yes", "appendfsync always"]);
        let mut client = server.connect();
        client.run("TICK.CREATE key CLOCK EVENT").ok();
        client.run(&format!("TICK.ADD key {M} buy 100 1"));
        assert!(!client.run("TRIG.SET key stop ABOVE 101").is_error());
        let before = client.run("TICK.RANGE key - +");
        let send = |client: &mut Client, seqs: &[u64]| {
            client.run("MULTI").ok();
            for seq in seqs {
                client.run(&format!("TICK.MADD key BATCH me {seq} TICKS {} buy {} 1", M + seq, 100 + seq));
            }
            assert_eq!(client.run("EXEC").array().len(), seqs.len());
        };
        send(&mut client, &[1, 2]);
        drop(client);
        server.kill();
        server.cut_appended(cut);
        server.start_again();
        let mut client = server.connect();
        assert_eq!(client.run("TICK.RANGE key - +"), before);
        send(&mut client, &[1, 2, 3]);
        let sent = client.digest("key");
        drop(client);
        server.kill_and_restart();
        assert_eq!(server.connect().digest("key"), sent, "{cut} bytes cut");
    }
}

#[test]
fn a_market_that_is_fed_goes_on_behind_a_failover_and_back() {
    let mut pair = Pair::start();
    let mut first = pair.connect();
    // What each has first, and what the other server makes of it.
    let cases = [
        ("altered", "IDLE 2d", "TICK.ALTER altered IDLE 10m"),
        ("event", "CLOCK EVENT", "TICK.ALTER event IDLE 10m"),
        ("never", "IDLE 0", "TICK.ALTER never IDLE 10m"),
        ("user", "IDLE 2d", "PEXPIRE user 1000000"),
        ("disarmed", "IDLE 10m", "TRIG.DEL disarmed stop"),
    ];
    for (key, options, _) in cases {
        first.run(&format!("TICK.CREATE {key} {options}")).ok();
        first.run(&format!("TICK.ADD {key} * buy 100 10"));
    }
    first.run("TRIG.SET disarmed stop BELOW 90");
    pair.change_places();
    let mut second = pair.connect();
    for (_, _, change) in cases {
        assert!(!second.run(change).is_error(), "{change}");
    }
    pair.change_places();
    for (key, ..) in cases {
        let expires = |client: &mut Client| client.run(&format!("PEXPIRETIME {key}")).int();
        let before = expires(&mut first);
        assert!(!first.run(&format!("TICK.ADD {key} * buy 100 11")).is_error());
        let after = expires(&mut first);
        assert!(before > 0 && after > before, "{key}: {after} behind {before}");
    }
}
