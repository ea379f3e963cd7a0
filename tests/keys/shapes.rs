//! Every way in which a key comes to be or its expiry changes: the policy holds at the next command, and primary, replica
//! and append-only file agree to the millisecond.

use crate::support::{Client, Options, Reply, Server};

/// Commands, the key they are about, and the longest it may then stay, ms; 0 for no expiry.
struct Shape {
    lines: &'static [&'static str],
    key: &'static str,
    stays_ms: i64,
}

const fn shape(lines: &'static [&'static str], key: &'static str, stays_ms: i64) -> Shape {
    Shape { lines, key, stays_ms }
}

/// Under `t: TTL 10m MAXTTL 1h APPLY`, the rest of the names without a policy.
const SHAPES: [Shape; 30] = [
    shape(&["SET t:a 1"], "t:a", 600_000),
    shape(&["SET t:b 1", "SET t:b 2"], "t:b", 600_000),
    shape(&["SET t:c 1 EX 200"], "t:c", 200_000),
    shape(&["SET t:d 1 EX 200", "SET t:d 2 KEEPTTL"], "t:d", 200_000),
    shape(&["SET t:e 1 EX 200", "SET t:e 2"], "t:e", 600_000),
    shape(&["SET t:f 1 EX 7200"], "t:f", 3_600_000),
    shape(&["HSET t:g f v"], "t:g", 600_000),
    shape(&["INCR t:h"], "t:h", 600_000),
    shape(&["RPUSH t:i 1"], "t:i", 600_000),
    shape(&["MSET t:j 1 t:k 2 other 3"], "t:k", 600_000),
    shape(&["SET plain:l 1", "RENAME plain:l t:l"], "t:l", 600_000),
    shape(&["SADD s1 a b", "SUNIONSTORE t:m s1 s1"], "t:m", 600_000),
    shape(&["SADD s2 a", "SUNIONSTORE t:n s2 s2", "SUNIONSTORE t:n s2 s2"], "t:n", 600_000),
    shape(&["SET t:o 1", "PERSIST t:o"], "t:o", 600_000),
    shape(&["SET t:p 1", "EXPIRE t:p 100000"], "t:p", 3_600_000),
    shape(&["SET t:q 1", "EXPIRE t:q 100"], "t:q", 100_000),
    shape(&["MULTI", "SET t:r 1", "RPUSH t:r2 1", "EXEC"], "t:r", 600_000),
    shape(&["EVAL \"redis.call('SET', KEYS[1], 1); return 1\" 1 t:s"], "t:s", 600_000),
    shape(&["SET plain:u 1", "COPY plain:u t:u"], "t:u", 600_000),
    shape(&["ZADD z1 1 a", "ZUNIONSTORE t:v 1 z1", "ZUNIONSTORE t:v 1 z1"], "t:v", 600_000),
    shape(&["RPUSH l1 2 1", "SORT l1 STORE t:w", "SORT l1 STORE t:w"], "t:w", 600_000),
    shape(&["GEOADD g1 1 1 a", "GEOSEARCHSTORE t:x g1 FROMLONLAT 1 1 BYRADIUS 5 km", "SET t:x2 1"], "t:x", 600_000),
    shape(&["XADD t:y * f v"], "t:y", 600_000),
    shape(&["SETRANGE t:z 5 a"], "t:z", 600_000),
    shape(&["PFADD t:ab a"], "t:ab", 600_000),
    shape(&["SET t:ac 1", "GETEX t:ac PERSIST"], "t:ac", 600_000),
    shape(&["SETBIT b1 1 1", "BITOP NOT t:ad b1", "BITOP NOT t:ad b1"], "t:ad", 600_000),
    shape(&["SET plain:ae 1"], "plain:ae", 0),
    shape(&["SET t:af 1", "RENAME t:af plain:af"], "plain:af", 600_000),
    shape(&["SET t:ag 1", "GETSET t:ag 2"], "t:ag", 600_000),
];

const POLICY: &str = "liq.key-policies \"t: TTL 10m MAXTTL 1h APPLY\"";

fn expiry_ms(client: &mut Client, key: &str) -> i64 {
    let expiry_ms = client.call(&["PEXPIRETIME", key]).int();
    assert_ne!(expiry_ms, -2, "{key} is there");
    expiry_ms
}

#[test]
fn every_shape_of_a_write_keeps_the_policy_on_primary_replica_and_in_the_file() {
    let mut primary = Options::default().tcp().lines(&["appendonly yes", POLICY]).start();
    let replica = Server::replica_of(&primary, &[POLICY]);
    let mut client = primary.connect();
    let begun_ms = client.time_ms().cast_signed();
    for Shape { lines, key, stays_ms } in &SHAPES {
        for line in *lines {
            assert!(!client.run(line).is_error(), "{line}");
        }
        let at_ms = expiry_ms(&mut client, key);
        if *stays_ms == 0 {
            assert_eq!(at_ms, -1, "{lines:?}");
        } else {
            let now_ms = client.time_ms().cast_signed();
            assert!((begun_ms + stays_ms..=now_ms + stays_ms).contains(&at_ms), "{lines:?}: {} ms", at_ms - now_ms);
        }
    }
    primary.wait_for_replica(&replica);
    let mut other = replica.connect();
    let expected: Vec<i64> = SHAPES.iter().map(|shape| expiry_ms(&mut client, shape.key)).collect();
    let replicated: Vec<i64> = SHAPES.iter().map(|shape| expiry_ms(&mut other, shape.key)).collect();
    assert_eq!(replicated, expected);
    let dropped = client.info("liq_key_checks_dropped");
    drop(client);
    primary.restart();
    let mut client = primary.connect();
    let loaded: Vec<i64> = SHAPES.iter().map(|shape| expiry_ms(&mut client, shape.key)).collect();
    assert_eq!(loaded, expected);
    assert_eq!((dropped.as_str(), client.info("liq_key_ttl_given").as_str()), ("0", "0"), "loading decides nothing");
}

#[test]
fn a_key_that_is_gone_when_its_step_is_over_is_left_alone() {
    let server = Server::with(&[POLICY]);
    let mut client = server.connect();
    let steps: [&[&str]; 9] = [
        &["SET t:past 1 PXAT 1"],
        &["MULTI", "SET t:a 1", "DEL t:a", "EXEC"],
        &["MULTI", "SET t:lock 1 NX", "DEL t:lock", "EXEC"],
        &["EVAL \"redis.call('SET', KEYS[1], 1) redis.call('DEL', KEYS[1])\" 1 t:b"],
        &["MULTI", "RPUSH t:queue a", "LPOP t:queue", "EXEC"],
        &["MULTI", "SET t:c 1", "RENAME t:c plain", "EXEC"],
        &["MULTI", "SET t:d 1", "MOVE t:d 1", "EXEC"],
        &["MULTI", "SET t:e 1", "SWAPDB 2 0", "EXEC"],
        &["MULTI", "SET t:f 1", "FLUSHALL", "EXEC"],
    ];
    for lines in steps {
        for line in lines {
            assert!(!client.run(line).is_error(), "{line}");
        }
        assert_eq!(client.run("PING").text(), "PONG", "{lines:?}");
    }
}

#[test]
fn adding_to_a_key_does_not_restart_its_expiry() {
    let server = Server::with(&[POLICY]);
    let mut client = server.connect();
    client.run("RPUSH t:l 1");
    client.run("HSET t:h f 1");
    client.run("SET t:n 1").ok();
    let before: Vec<i64> = ["t:l", "t:h", "t:n"].iter().map(|key| expiry_ms(&mut client, key)).collect();
    std::thread::sleep(std::time::Duration::from_millis(5));
    client.run("RPUSH t:l 2");
    client.run("HSET t:h g 1");
    client.run("INCR t:n");
    client.run("APPEND t:n 0");
    let after: Vec<i64> = ["t:l", "t:h", "t:n"].iter().map(|key| expiry_ms(&mut client, key)).collect();
    assert_eq!(after, before);
}

#[test]
fn restored_moved_and_swapped_keys_keep_the_policy() {
    let primary = Options::default().tcp().line(POLICY).start();
    let replica = Server::replica_of(&primary, &[]);
    let mut client = primary.connect();
    client.run("SET plain:a 1").ok();
    let dump = client.run("DUMP plain:a").bytes().to_vec();
    client.call(&[b"RESTORE".as_slice(), b"t:restored", b"0", &dump]).ok();
    client.call(&[b"RESTORE".as_slice(), b"t:restored", b"0", &dump, b"REPLACE"]).ok();
    client.call(&[b"RESTORE".as_slice(), b"t:later", b"999999999", &dump]).ok();
    assert!((1..=600_000).contains(&client.run("PTTL t:restored").int()));
    assert!((60_001..=3_600_000).contains(&client.run("PTTL t:later").int()));
    // A key that was there before its policy is one for an audit, and keeps what it has where it goes.
    client.run("CONFIG SET liq.key-policies \"\"").ok();
    client.run("SET t:moved 1").ok();
    client.run("CONFIG SET liq.key-policies \"t: TTL 60s APPLY\"").ok();
    assert_eq!(client.run("MOVE t:moved 1").int(), 1);
    assert_eq!(client.run("EXISTS plain:a").int(), 1, "the client is where it was");
    client.run("SELECT 1").ok();
    assert!((1..=600_000).contains(&client.run("PTTL t:moved").int()));
    client.run("SET t:there 1").ok();
    client.run("SWAPDB 0 1").ok();
    client.run("SELECT 0").ok();
    let (moved, there) = (expiry_ms(&mut client, "t:moved"), expiry_ms(&mut client, "t:there"));
    assert!(moved > 0 && there > 0);
    primary.wait_for_replica(&replica);
    let mut other = replica.connect();
    assert_eq!((expiry_ms(&mut other, "t:moved"), expiry_ms(&mut other, "t:there")), (moved, there));
    client.run("FLUSHALL").ok();
    client.run("SET t:new 1").ok();
    assert!(client.run("PTTL t:new").int() > 0);
}

#[test]
fn the_modules_own_keys_are_left_alone() {
    let server = Server::with(&["liq.key-policies \"\\\"\\\" TTL 5s MAXTTL 10s APPLY\""]);
    let mut client = server.connect();
    client.run("LIQ.CREATE series IDLE 0").ok();
    client.run("LIQ.CREATE idle IDLE 30d").ok();
    client.run("RL.CREATE limits LIMIT 5 PERIOD 1s").ok();
    client.run("LIQ.ADD idle * buy 100 5");
    client.run("SET plain 1").ok();
    assert_eq!((client.run("PTTL series").int(), client.run("PTTL limits").int()), (-1, -1));
    assert!(client.run("PTTL idle").int() > 3_600_000);
    assert!((1..=5_000).contains(&client.run("PTTL plain").int()));
    assert_eq!(client.run("RENAME limits renamed"), Reply::Status("OK".into()));
    assert_eq!(client.run("PTTL renamed").int(), -1);
}
