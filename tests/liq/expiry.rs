//! IDLE: a series nobody feeds goes away, never earlier than promised.

use crate::support::failover::Pair;
use crate::support::oracle::{DAY, HOUR};
use crate::support::{Client, Server};
use crate::twin::T0;

fn ttl_ms(client: &mut Client, key: &str) -> i64 {
    client.run(&format!("PTTL {key}")).int()
}

#[test]
fn a_series_expires_idle_after_the_last_event() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s IDLE 1h").ok();
    client.run("LIQ.ADD s * buy 100 10");
    let ttl = ttl_ms(&mut client, "s");
    let (hour, slack) = (HOUR as i64, (HOUR / 16) as i64);
    assert!(ttl > hour - 60_000 && ttl <= hour + slack, "{ttl}");
}

#[test]
fn the_default_is_twice_the_retention_and_never_with_an_event_clock() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.ADD s * buy 100 10");
    let ttl = ttl_ms(&mut client, "s");
    let days = 2 * DAY as i64;
    assert!(ttl > days - 60_000 && ttl <= days + days / 16, "{ttl}");
    client.run("LIQ.CREATE event CLOCK EVENT").ok();
    client.run(&format!("LIQ.ADD event {T0} buy 100 10"));
    assert_eq!(ttl_ms(&mut client, "event"), -1);
    client.run("LIQ.CREATE never IDLE 0").ok();
    client.run("LIQ.ADD never * buy 100 10");
    assert_eq!(ttl_ms(&mut client, "never"), -1);
}

#[test]
fn the_ttl_follows_the_servers_clock_whatever_the_events_say() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s IDLE 1h").ok();
    let reply = client.run(&format!("LIQ.ADD s {T0} buy 100 10 AT {T0}"));
    assert_eq!(reply.field("status").text(), "accepted");
    let ttl = ttl_ms(&mut client, "s");
    assert!(ttl > (HOUR - 60_000) as i64, "{ttl}");
}

#[test]
fn the_ttl_is_the_same_on_a_replica() {
    let primary = crate::support::Options::default().tcp().start();
    let replica = Server::replica_of(&primary, &["liq.retention 2h"]);
    let mut client = primary.connect();
    client.run("LIQ.CREATE s IDLE 1h").ok();
    for at in 0..5 {
        client.run(&format!("LIQ.ADD s * buy 100 1{at}"));
    }
    primary.wait_for_replica(&replica);
    let at = client.run("PEXPIRETIME s").int();
    assert!(at > 0);
    assert_eq!(replica.connect().run("PEXPIRETIME s").int(), at);
}

#[test]
fn altering_idle_sets_or_lifts_the_ttl() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s IDLE 1h").ok();
    client.run("LIQ.ADD s * buy 100 10");
    client.run("LIQ.ALTER s IDLE 0").ok();
    client.run("LIQ.ADD s * buy 100 11");
    assert_eq!(ttl_ms(&mut client, "s"), -1);
    client.run("LIQ.ALTER s IDLE 2h").ok();
    client.run("LIQ.ADD s * buy 100 12");
    assert!(ttl_ms(&mut client, "s") > HOUR as i64);
}

#[test]
fn an_idle_series_is_gone_in_the_end() {
    let server = Server::start();
    let mut client = server.connect();
    // The shortest IDLE the module allows is not written down; one that is refused is no defect.
    if client.run("LIQ.CREATE s IDLE 300ms").is_error() {
        client.run("LIQ.CREATE s IDLE 1s").ok();
    }
    client.run("LIQ.ADD s * buy 100 10");
    crate::support::server::wait_until("the series expires", || client.run("EXISTS s").int() == 0);
}

#[test]
fn what_a_user_set_stays_where_idle_says_never() {
    let mut server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s IDLE 0").ok();
    client.run("LIQ.ADD s * buy 100 10");
    client.run("EXPIRE s 5000");
    let add = |client: &mut Client, size: u32| {
        assert_eq!(client.run(&format!("LIQ.ADD s * buy 100 {size}")).field("status").text(), "accepted");
        let ttl = ttl_ms(client, "s");
        assert!(ttl > 0 && ttl <= 5_000_000, "{ttl}");
    };
    add(&mut client, 11);
    client.run("DEBUG RELOAD").ok();
    add(&mut client, 12);
    let dump = client.run("DUMP s").bytes().to_vec();
    client.call(&[b"RESTORE".as_slice(), b"s", b"5000000", &dump, b"REPLACE"]).ok();
    add(&mut client, 13);
    drop(client);
    server.restart_saving();
    let mut client = server.connect();
    add(&mut client, 14);
    // Where nothing was set, nothing comes.
    client.run("PERSIST s");
    client.run("DEBUG RELOAD").ok();
    client.run("LIQ.ADD s * buy 100 15");
    assert_eq!(ttl_ms(&mut client, "s"), -1);
}

#[test]
fn altering_to_never_takes_the_expiry_away_here_and_on_a_replica() {
    let primary = crate::support::Options::default().tcp().start();
    let replica = Server::replica_of(&primary, &[]);
    let mut client = primary.connect();
    client.run("LIQ.CREATE s IDLE 1h").ok();
    client.run("LIQ.ADD s * buy 100 10");
    client.run("LIQ.ALTER s IDLE 0").ok();
    assert_eq!(ttl_ms(&mut client, "s"), -1);
    primary.wait_for_replica(&replica);
    assert_eq!(ttl_ms(&mut replica.connect(), "s"), -1);
}

#[test]
fn a_series_that_is_fed_goes_on_behind_a_failover_and_back() {
    let mut pair = Pair::start();
    let mut first = pair.connect();
    // What each has first, and what the other server makes of it.
    let cases = [
        ("altered", "IDLE 2d", "LIQ.ALTER altered IDLE 10m"),
        ("event", "CLOCK EVENT", "LIQ.ALTER event IDLE 10m"),
        ("never", "IDLE 0", "LIQ.ALTER never IDLE 10m"),
        ("retained", "RETENTION 2d", "LIQ.ALTER retained RETENTION 2m WINDOW 1m VWAPWINDOW 1m"),
        ("user", "IDLE 2d", "PEXPIRE user 1000000"),
    ];
    for (key, options, _) in cases {
        first.run(&format!("LIQ.CREATE {key} {options}")).ok();
        first.run(&format!("LIQ.ADD {key} * buy 100 10"));
    }
    pair.change_places();
    let mut second = pair.connect();
    for (_, _, change) in cases {
        assert!(!second.run(change).is_error(), "{change}");
    }
    pair.change_places();
    for (key, ..) in cases {
        let expires = |client: &mut Client| client.run(&format!("PEXPIRETIME {key}")).int();
        let before = expires(&mut first);
        let reply = first.run(&format!("LIQ.ADD {key} * buy 100 11"));
        assert_eq!(reply.field("status").text(), "accepted");
        let after = expires(&mut first);
        assert!(before > 0 && after > before, "{key}: {after} behind {before}");
    }
}
