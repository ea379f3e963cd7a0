//! What the server may remove together with its stops is told of in the log.

use crate::support::{Client, Options, Server};

const MARKET: &str = "TICK.CREATE k CLOCK EVENT";

fn set(client: &mut Client, id: u32) {
    assert_eq!(client.run(&format!("TRIG.SET k {id} ABOVE 100")).field("state").text(), "armed");
}

/// How often the policy was told of.
fn told(server: &Server, policy: &str) -> usize {
    server
        .log()
        .matches(&format!("maxmemory-policy {policy} may remove a market and every trigger armed in it"))
        .count()
}

#[test]
fn each_policy_that_may_remove_armed_triggers_is_told_of_once() {
    let mut server = Server::with(&["maxmemory-policy allkeys-lru"]);
    server.expect_warning("every trigger armed in it");
    let mut client = server.connect();
    client.run(MARKET).ok();
    assert_eq!(told(&server, "allkeys-lru"), 0, "none is armed yet");
    assert!(client.run("TRIG.SET none 1 ABOVE 100").is_error());
    assert_eq!(told(&server, "allkeys-lru"), 0);
    (0..3).for_each(|id| set(&mut client, id));
    assert_eq!(told(&server, "allkeys-lru"), 1);
    for (policy, times) in [("volatile-ttl", 0), ("allkeys-random", 1), ("noeviction", 0), ("allkeys-lru", 1)] {
        client.run(&format!("CONFIG SET maxmemory-policy {policy}")).ok();
        (0..3).for_each(|id| set(&mut client, id));
        assert_eq!(told(&server, policy), times, "{policy}");
    }
}

/// What a primary armed is told of there.
#[test]
fn a_replica_tells_nothing() {
    let mut primary = Options::default().tcp().line("maxmemory-policy allkeys-lru").start();
    primary.expect_warning("every trigger armed in it");
    let replica = Server::replica_of(&primary, &["maxmemory-policy allkeys-lru"]);
    let mut client = primary.connect();
    client.run(MARKET).ok();
    set(&mut client, 1);
    assert_eq!(client.run("WAIT 1 0").int(), 1);
    assert_eq!((told(&primary, "allkeys-lru"), told(&replica, "allkeys-lru")), (1, 0));
}

#[test]
fn what_is_loaded_is_not_told_of_and_what_is_set_behind_it_is() {
    let mut server = Options::default().line("appendonly yes").line("maxmemory-policy allkeys-lru").start();
    server.expect_warning("every trigger armed in it");
    let mut client = server.connect();
    client.run(MARKET).ok();
    set(&mut client, 1);
    server.restart();
    let mut client = server.connect();
    assert_eq!(client.run("TICK.INFO k").field("armed").int(), 1);
    let before = told(&server, "allkeys-lru");
    set(&mut client, 2);
    assert_eq!(told(&server, "allkeys-lru"), before + 1);
}
