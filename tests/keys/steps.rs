//! When a policy acts: with the step that wrote, once, on primaries only; and what becomes of a server that is killed in
//! between.

use crate::audits::audit;
use crate::support::server::wait_until;
use crate::support::{Options, Reply, Server};

const POLICY: &str = "liq.key-policies \"t: TTL 60s MAXTTL 1h APPLY\"";

/// Whether the server looks at keys in the same step as the write.
fn acts_in_the_same_step(client: &mut crate::support::Client) -> bool {
    let text = client.run("INFO server").text();
    text.contains("valkey_version") || !text.lines().any(|line| line.starts_with("redis_version:7.0"))
}

#[test]
fn watchers_are_not_disturbed_by_what_a_policy_gives() {
    let server = Server::with(&[POLICY]);
    let (mut client, mut other) = (server.connect(), server.connect());
    client.run("SET t:watched 1").ok();
    client.run("WATCH t:watched").ok();
    // The audit gives the expiry anew after this.
    other.run("CONFIG SET liq.key-policies \"t: TTL 1s MAXTTL 2s APPLY\"").ok();
    audit(&mut other);
    assert!((1..=2_000).contains(&other.run("PTTL t:watched").int()));
    client.run("MULTI").ok();
    client.run("INCR t:watched");
    assert!(matches!(client.run("EXEC"), Reply::Array(_)), "the value was the same");
}

#[test]
fn a_transaction_and_its_expiries_reach_the_file_together() {
    let mut server = Options::default().durable().line(POLICY).start();
    let mut client = server.connect();
    let together = acts_in_the_same_step(&mut client);
    for line in ["MULTI", "SET t:1 a", "SET t:2 a", "PTTL t:1", "EXEC"] {
        client.run(line);
    }
    assert!(client.run("PTTL t:1").int() > 0 && client.run("PTTL t:2").int() > 0);
    drop(client);
    if together {
        let folder = server.dir().join("appendonlydir");
        let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        let written = files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect::<String>();
        let at = |word: &str| written.rfind(word).unwrap_or_else(|| panic!("no {word} in {written}"));
        assert!(at("MULTI") < at("t:1") && at("PEXPIREAT") < at("EXEC"), "{written}");
    }
    server.kill_and_restart();
    let mut client = server.connect();
    assert!(client.run("PTTL t:1").int() > 0 && client.run("PTTL t:2").int() > 0);
}

#[test]
fn no_client_sees_a_key_without_its_expiry_where_the_server_can_do_that() {
    let server = Server::with(&[POLICY]);
    let mut client = server.connect();
    if !acts_in_the_same_step(&mut client) {
        // There, who waits for the reply finds the expiry at the next command.
        for round in 0..200 {
            client.run(&format!("SET t:{round} 1")).ok();
            assert!(client.run(&format!("PTTL t:{round}")).int() > 0);
        }
        return;
    }
    let lines: Vec<String> = (0..200).flat_map(|n| [format!("SET t:{n} 1"), format!("PTTL t:{n}")]).collect();
    let replies = client.pipeline(&lines);
    assert!(replies.iter().skip(1).step_by(2).all(|reply| reply.int() > 0));
}

#[test]
fn what_is_too_much_for_one_step_is_counted_and_left_to_an_audit() {
    let server = Server::with(&[POLICY, "lua-time-limit 0"]);
    let mut client = server.connect();
    let script = "for i = 1, 65537 do redis.call('SET', 't:' .. i, 1) end return 1";
    assert_eq!(client.call(&["EVAL", script, "0"]).int(), 1);
    wait_until("the expiries are given", || client.info("liq_key_ttl_given") == "65536");
    assert_eq!(client.info("liq_key_checks_dropped"), "1");
    assert_eq!(client.run("PTTL t:65537").int(), -1);
    assert!(client.run("PTTL t:65536").int() > 0);
    let status = audit(&mut client);
    assert_eq!((status.field("given").int(), status.field("scanned").int()), (1, 65_537));
    let left_ms = client.run("PTTL t:65537").int();
    assert!((1..=66_000).contains(&left_ms), "{left_ms}");
}

#[test]
fn keys_that_one_script_comes_back_to_count_once() {
    let server = Server::with(&[POLICY, "lua-time-limit 0"]);
    let mut client = server.connect();
    let script = "for i = 1, 33000 do redis.call('SET', 't:a', i) redis.call('SET', 't:b', i) end
        return redis.call('SET', 't:c', 1)";
    client.call(&["EVAL", script, "0"]).ok();
    wait_until("the expiries are given", || client.info("liq_key_ttl_given") == "3");
    assert!(client.run("PTTL t:c").int() > 0);
    assert_eq!(client.info("liq_key_checks_dropped"), "0");
    let script = "for i = 1, 65636 do redis.call('SET', 't:n' .. i, 1) redis.call('SET', 't:n1', 2) end return 1";
    assert_eq!(client.call(&["EVAL", script, "0"]).int(), 1);
    assert_eq!(client.info("liq_key_checks_dropped"), "100");
}

#[test]
fn a_replica_takes_over_what_its_primary_decided_and_goes_on_when_promoted() {
    let expect = |options: Options| options.expect_warning("Master replication ID changed");
    let primary = expect(Options::default().tcp().line("liq.key-policies \"t: TTL 60s APPLY\"")).start();
    let replica = Server::replica_of(&primary, &["liq.key-policies \"t: TTL 5s APPLY; only: TTL 5s APPLY\""]);
    let (mut client, mut other) = (primary.connect(), replica.connect());
    client.run("SET t:a 1").ok();
    client.run("SET only:a 1").ok();
    primary.wait_for_replica(&replica);
    assert_eq!(other.run("PEXPIRETIME t:a"), client.run("PEXPIRETIME t:a"));
    assert_eq!(other.run("PTTL only:a").int(), -1);
    assert_eq!(audit(&mut other).field("given").int(), 0, "a replica's audit gives nothing");
    assert_eq!(other.run("PTTL only:a").int(), -1);
    other.run("REPLICAOF NO ONE").ok();
    other.run("SET t:b 1").ok();
    assert!((1..=5_000).contains(&other.run("PTTL t:b").int()));
    assert_eq!(audit(&mut other).field("given").int(), 1);
    assert!((1..=5_500).contains(&other.run("PTTL only:a").int()));
    // And no longer when it follows again.
    other.call(&["REPLICAOF", "127.0.0.1", &primary.port().to_string()]).ok();
    replica.wait_for_link();
    client.run("SET only:c 1").ok();
    primary.wait_for_replica(&replica);
    assert_eq!(other.run("PTTL only:c").int(), -1);
}

#[test]
fn a_server_killed_between_write_and_expiry_is_mended_by_its_next_audit() {
    // The file as such a server leaves it behind: the write is there, the expiry is not.
    let mut server = Options::default().durable().start();
    let mut client = server.connect();
    for place in 0..100 {
        client.run(&format!("SET t:{place} 1")).ok();
    }
    drop(client);
    server.add_line(POLICY);
    server.kill_and_restart();
    let mut client = server.connect();
    assert_eq!(client.run("PTTL t:7").int(), -1, "loading decides nothing");
    let status = audit(&mut client);
    assert_eq!(status.field("given").int(), 100);
    let left: Vec<i64> = (0..100).map(|place| client.run(&format!("PTTL t:{place}")).int()).collect();
    assert!(left.iter().all(|ms| (50_000..=66_000).contains(ms)), "{left:?}");
    let (first, last) = (left.iter().min().unwrap(), left.iter().max().unwrap());
    assert!(last - first > 1_000, "they do not all go at once: {first} to {last}");
    drop(client);
    server.kill_and_restart();
    assert!(server.connect().run("PTTL t:7").int() > 0);
}

#[test]
fn a_killed_server_has_every_key_with_its_expiry_or_mends_it() {
    let mut server = Options::default().durable().line(POLICY).start();
    for round in 0..5 {
        let mut client = server.connect();
        let lines: Vec<String> = (0..50).map(|place| format!("SET t:{round}:{place} 1")).collect();
        client.pipeline(&lines);
        drop(client);
        server.kill_and_restart();
        let mut client = server.connect();
        audit(&mut client);
        for place in 0..50 {
            assert!(client.run(&format!("PTTL t:{round}:{place}")).int() > 0, "{round}:{place}");
        }
    }
}

/// A write and a pause in one round of the server, as in a failover or where a shutdown waits for replicas: Redis 7.0 ends
/// when something is replicated then.
#[test]
fn a_pause_behind_a_write_ends_no_server_and_no_key_stays_without_expiry() {
    let server = Options::default().durable().line(POLICY).start();
    let (mut client, mut other) = (server.connect(), server.connect());
    for round in 0..20 {
        let mut lines = vec![format!("SET t:{round} 1"), "CLIENT PAUSE 60000 WRITE".to_owned()];
        if round % 2 == 1 {
            lines.insert(0, "MULTI".to_owned());
            lines.push("EXEC".to_owned());
        }
        client.pipeline(&lines);
        // For longer than the server waits until it looks again.
        std::thread::sleep(std::time::Duration::from_millis(30));
        assert_eq!(other.run("PING").text(), "PONG");
        other.run("CLIENT UNPAUSE").ok();
        wait_until("it has its expiry", || other.run(&format!("PTTL t:{round}")).int() > 0);
    }
}
