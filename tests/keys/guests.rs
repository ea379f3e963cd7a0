//! An audit leaves no trace: neither idle times nor access counts nor hits and misses change, and expired keys stay what
//! they are.

use crate::audits::audit;
use crate::support::{Client, Options, Server, neighbour};

/// Puts one key of each type there, idle for a day or (`FREQ`) read often.
fn restore_all(client: &mut Client, how: &str, value: &str) -> Vec<String> {
    let lines = [
        "SET k:string text",
        "SET k:int 12345",
        "RPUSH k:list a b",
        "SADD k:set a b",
        "ZADD k:zset 1 a",
        "HSET k:hash f v",
        "XADD k:stream * f v",
        "LIQ.CREATE k:series IDLE 0",
        "RL.CREATE k:limits LIMIT 5 PERIOD 1s",
    ];
    let mut names = Vec::new();
    for line in lines {
        assert!(!client.run(line).is_error(), "{line}");
        let name = line.split(' ').nth(1).unwrap().to_owned();
        let dump = client.call(&["DUMP", &name]).bytes().to_vec();
        let words = [b"RESTORE".as_slice(), name.as_bytes(), b"0", &dump, b"REPLACE", how.as_bytes(), value.as_bytes()];
        client.call(&words).ok();
        names.push(name);
    }
    names
}

fn stats(client: &mut Client) -> [String; 3] {
    ["keyspace_hits", "keyspace_misses", "expired_keys"].map(|name| client.info(name))
}

#[test]
fn idle_times_hits_and_misses_stay_what_they_were() {
    let server = Server::start();
    let mut client = server.connect();
    let names = restore_all(&mut client, "IDLETIME", "86400");
    client.run("KEYS.POLICY SET k: IDLE 1h MAXBYTES 1 TTL NONE").ok();
    let before = stats(&mut client);
    audit(&mut client);
    assert_eq!(stats(&mut client), before);
    for name in &names {
        let idle_s = client.call(&["OBJECT", "IDLETIME", name]).int();
        assert!(idle_s >= 86_400, "{name}: {idle_s} s");
    }
    let detail = client.run("KEYS.AUDIT REPORT PREFIX k:");
    assert_eq!(detail.field("idle").int(), names.len() as i64);
    assert_eq!(detail.field("broken").field("IDLE").int(), names.len() as i64);
    assert_eq!(detail.field("idle_time").field("<7d").int(), names.len() as i64);
    assert_eq!(detail.field("measured").int(), names.len() as i64);
}

#[test]
fn access_counts_stay_what_they_were() {
    let mut server = Server::with(&["maxmemory-policy allkeys-lfu", "lfu-decay-time 0", "maxmemory 1gb"]);
    server.expect_warning("removes whole series");
    let mut client = server.connect();
    let names = restore_all(&mut client, "FREQ", "100");
    client.run("KEYS.POLICY SET k: IDLE 1h MAXBYTES 1").ok();
    audit(&mut client);
    for name in &names {
        assert_eq!(client.call(&["OBJECT", "FREQ", name]).int(), 100, "{name}");
    }
    let detail = client.run("KEYS.AUDIT REPORT PREFIX k:");
    assert!(detail.field("idle").is_null(), "counts tell no times");
    assert_eq!(detail.field("idle_time").field("none").int(), names.len() as i64);
    assert!(!detail.field("broken").has_field("IDLE"));
}

#[test]
fn giving_expiries_leaves_idle_times_and_hits_alone_too() {
    let server = Server::start();
    let mut client = server.connect();
    let names = restore_all(&mut client, "IDLETIME", "86400");
    client.run("KEYS.POLICY SET k: TTL 1d APPLY").ok();
    let before = stats(&mut client);
    let status = audit(&mut client);
    assert_eq!(status.field("given").int(), names.len() as i64 - 2, "all but the module's own");
    assert_eq!(stats(&mut client), before);
    for name in &names {
        assert!(client.call(&["OBJECT", "IDLETIME", name]).int() >= 86_400, "{name}");
    }
}

#[test]
fn expired_keys_that_are_still_there_are_no_keys() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("DEBUG SET-ACTIVE-EXPIRE 0").ok();
    client.run("SET gone:1 x PX 1").ok();
    client.run("SET here:1 x").ok();
    std::thread::sleep(std::time::Duration::from_millis(20));
    let before = stats(&mut client);
    audit(&mut client);
    assert_eq!(client.run("KEYS.AUDIT REPORT").field("keys").int(), 1);
    assert_eq!(stats(&mut client), before);
}

#[test]
fn types_of_other_modules_are_told_by_their_names() {
    let folder = tempfile::tempdir().unwrap();
    let server = Options::default().line(neighbour::line(folder.path())).start();
    let mut client = server.connect();
    client.run("KEYS.POLICY SET n: TYPE neighbors TTL 1h APPLY").ok();
    client.run("NEIGHBOUR.PUT n:1").ok();
    client.run("NEIGHBOUR.PUT n:2").ok();
    client.run("NEIGHBOUR.PUT other:3").ok();
    client.run("SET n:4 x").ok();
    assert_eq!(client.run("TYPE n:1").text(), "neighbors");
    assert!(client.run("PTTL n:1").int() > 0, "an expiry is given to these too");
    audit(&mut client);
    let detail = client.run("KEYS.AUDIT REPORT PREFIX n:");
    assert_eq!(detail.field("types").field("neighbors").int(), 2);
    assert_eq!(detail.field("broken").field("TYPE").int(), 1);
    let other = client.run("KEYS.AUDIT REPORT PREFIX other:");
    assert_eq!(other.field("types").field("neighbors").int(), 1);
}

#[test]
fn the_first_audit_that_meets_another_modules_type_repairs_its_keys_too() {
    let folder = tempfile::tempdir().unwrap();
    let server = Options::default().line(neighbour::line(folder.path())).start();
    let mut client = server.connect();
    for number in 0..20 {
        client.run(&format!("NEIGHBOUR.PUT n:{number}")).ok();
    }
    client.run("KEYS.POLICY SET n: TTL 1h APPLY").ok();
    assert_eq!(audit(&mut client).field("given").int(), 20);
    for number in 0..20 {
        assert!(client.run(&format!("PTTL n:{number}")).int() > 0, "{number}");
    }
}
