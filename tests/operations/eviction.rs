//! What each `maxmemory-policy` takes, as docs/operations.md says: series are filled until the server is full, and more.

use crate::support::{Client, Options, Reply, Server};

/// Room for the server's own, and for some of the series.
const ROOM_BYTES: i64 = 3 << 20;

/// A server that is about to be full.
fn server(policy: &str) -> Server {
    let options = Options::default().line(format!("maxmemory-policy {policy}")).expect_warning("memory mode");
    let server = options.expect_warning("removes whole series").start();
    let mut client = server.connect();
    let used: i64 = client.info("used_memory").parse().unwrap();
    client.run(&format!("CONFIG SET maxmemory {}", used + ROOM_BYTES)).ok();
    server
}

/// Adds to series after series, 200 events each, until one is refused or so many were made; how many were.
fn flood(client: &mut Client, most: usize) -> usize {
    let begin_ms = client.time_ms() - 3_600_000;
    let events: Vec<String> = (0..200).map(|n| format!("{} sell 100 {}", begin_ms + n * 7, n * 13 + 1)).collect();
    for series in 0..most {
        let line = format!("LIQ.MADD s:{series} EVENTS {}", events.join(" "));
        if client.run(&line).is_error() {
            return series;
        }
    }
    most
}

fn evicted(client: &mut Client) -> i64 {
    client.run("LIQ.MEMORY").field("evicted_keys").int()
}

#[test]
fn without_eviction_what_is_there_goes_on_and_nothing_goes() {
    let server = server("noeviction");
    let mut client = server.connect();
    client.run("RL.CREATE limit LIMIT 5 PERIOD 1m").ok();
    let made = flood(&mut client, 5_000);
    assert!(made > 10 && made < 5_000, "{made} series until it was full");
    // Until the server itself is full as well, not only what the module may use of it, and the modes have given all they
    // can: what they free is filled again.
    let mut filler = 0;
    loop {
        while !matches!(client.run(&format!("SET filler:{filler} {}", "x".repeat(10_000))), Reply::Error(_)) {
            filler += 1;
            assert!(filler < 1_000, "it never was full");
        }
        if let Reply::Error(refusal) = client.run("LIQ.CREATE new") {
            assert!(refusal.starts_with("OOM"), "{refusal}");
            break;
        }
        client.run("DEL new");
    }
    assert!(client.run("TICK.CREATE new").error().starts_with("OOM"));
    assert!(!client.run("RL.CHECK limit").is_error());
    for series in 0..made {
        let reply = client.run(&format!("LIQ.ADD s:{series} * buy 100 5"));
        assert!(!reply.is_error(), "s:{series}: {reply:?}");
        let info = client.run(&format!("LIQ.INFO s:{series}"));
        assert_eq!(info.field("total_accepted").int() + info.field("total_filtered").int(), 201, "s:{series}");
    }
    assert_eq!(evicted(&mut client), 0);
    assert!(client.run("LIQ.MEMORY").field("warning").is_null());
}

#[test]
fn volatile_policies_take_series_that_have_an_expiry_and_leave_the_others() {
    for policy in ["volatile-lru", "volatile-lfu", "volatile-random", "volatile-ttl"] {
        let server = server(policy);
        let mut client = server.connect();
        client.run("LIQ.CREATE stays IDLE 0").ok();
        client.run("LIQ.ADD stays * buy 100 5");
        assert_eq!(client.run("PTTL stays").int(), -1);
        let warning = client.run("LIQ.MEMORY").field("warning").text();
        assert!(warning.contains(policy), "{warning}");
        fill_beyond(&mut client, policy);
        assert_eq!(client.run("EXISTS stays").int(), 1, "{policy}");
    }
}

#[test]
fn allkeys_policies_take_whatever_there_is() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
        let server = server(policy);
        let mut client = server.connect();
        assert!(client.run("LIQ.MEMORY").field("warning").text().contains(policy));
        fill_beyond(&mut client, policy);
    }
}

/// Series, and then plain keys, until some series are gone.
#[track_caller]
fn fill_beyond(client: &mut Client, policy: &str) {
    flood(client, 2_000);
    for filler in 0..600 {
        client.run(&format!("SET filler:{filler} {} EX 1000000", "x".repeat(10_000)));
    }
    assert!(evicted(client) > 0, "{policy} evicts nothing");
    let before = client.run("EVAL \"return #redis.call('KEYS', 's:*')\" 0").int();
    assert!(before < 2_000, "{policy} leaves all series");
}
