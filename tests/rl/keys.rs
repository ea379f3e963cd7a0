//! The life of a key: expiry, memory, events, copies, what the server is told of the commands.

use crate::support::{Client, Options, Reply, Server};

fn expiry_ms(client: &mut Client, key: &str) -> i64 {
    client.call(&["PEXPIRETIME", key]).int()
}

#[test]
fn a_checked_key_expires_soon_after_it_is_full_and_a_created_one_stays() {
    let server = Server::start();
    let mut client = server.connect();
    let verdict = client.run("RL.CHECK a LIMIT 10 PERIOD 10h COST 3");
    let full_ms = client.time_ms().cast_signed() + verdict.array()[4].int();
    let late_ms = 10 * 3_600_000 / 16;
    let before = expiry_ms(&mut client, "a");
    assert!((full_ms - 5_000..=full_ms + late_ms + 1).contains(&before), "{} ms off", before - full_ms);
    client.run("RL.CHECK a COST 2");
    let moved_ms = expiry_ms(&mut client, "a") - before;
    // On a grid of 32 points a period.
    assert!((moved_ms - 2 * 3_600_000).abs() <= 10 * 3_600_000 / 32 + 1, "{moved_ms}");
    client.run("RL.BAN a 20h").ok();
    assert!(expiry_ms(&mut client, "a") > before + 10 * 3_600_000);
    client.run("RL.CREATE a LIMIT 10 PERIOD 10h").ok();
    assert_eq!(expiry_ms(&mut client, "a"), -1);
    client.run("RL.CHECK a");
    assert_eq!(expiry_ms(&mut client, "a"), -1);
    client.run("EXPIRE a 1000");
    let foreign = expiry_ms(&mut client, "a");
    client.run("RL.CHECK a");
    assert_eq!(expiry_ms(&mut client, "a"), foreign, "an expiry that somebody gave a created key is theirs");
}

#[test]
fn a_key_is_gone_once_it_is_full() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("RL.CHECK a LIMIT 1000 PERIOD 1s COST 20");
    crate::support::server::wait_until("the key expires", || client.run("EXISTS a").int() == 0);
    client.run("RL.CHECK b LIMIT 10 PERIOD 10h COST 3");
    assert_eq!(client.run("RL.RESET b").int(), 1);
    assert_eq!(client.run("EXISTS b").int(), 0);
}

#[test]
fn one_limit_takes_at_most_120_bytes() {
    let server = Server::start();
    let mut client = server.connect();
    let mut usage = |key: &str, limits: &str| {
        client.run(&format!("RL.CHECK {key} {limits}"));
        client.call(&["MEMORY", "USAGE", key]).int()
    };
    let one = usage("user:0000001", "LIMIT 10 PERIOD 10h");
    let aligned = usage("user:0000002", "LIMIT 10 PERIOD 366d ALIGNED");
    let three = usage("user:0000003", "LIMIT 10 PERIOD 10h LIMIT 9 PERIOD 366d ALIGNED LIMIT 90 PERIOD 1h");
    let sliding = usage("user:0000004", "LIMIT 10 PERIOD 10h SLIDING");
    println!("bytes per key: one {one}, aligned {aligned}, three {three}, sliding with one use {sliding}");
    assert!(one <= 120 && aligned <= 120, "{one} {aligned}");
    assert!(three <= 320, "{three}");
    let value = client.run("MEMORY USAGE user:0000004").int();
    for _ in 0..300 {
        client.run("RL.CHECK user:0000004 LIMIT 1000 PERIOD 10s SLIDING");
    }
    assert!(client.run("MEMORY USAGE user:0000004").int() < value + 2_000, "64 sub-intervals bound it");
}

#[test]
fn refused_checks_publish_an_event_and_write_nothing() {
    let server = Options::default().line("notify-keyspace-events Kd").start();
    let mut client = server.connect();
    client.run("RL.CHECK a LIMIT 2 PERIOD 10h COST 2");
    let mut subscriber = server.connect();
    subscriber.run("PSUBSCRIBE __keyspace@0__:*");
    let (before, dirty) = (client.digest("a"), client.info("rdb_changes_since_last_save"));
    for _ in 0..3 {
        assert_eq!(client.run("RL.CHECK a").array()[0].int(), 0);
    }
    client.run("RL.PEEK a COST 2");
    assert_eq!((client.digest("a"), client.info("rdb_changes_since_last_save")), (before, dirty));
    for _ in 0..3 {
        let message = subscriber.receive();
        assert_eq!(message.array()[2].text(), "__keyspace@0__:a");
        assert_eq!(message.array()[3].text(), "rl.block");
    }
    client.run("RL.CHECK a COST -1");
    assert!(subscriber.try_receive(std::time::Duration::from_millis(50)).is_none());
    assert_eq!((client.info("liq_rate_checks"), client.info("liq_rate_blocks")), ("5".into(), "3".into()));
}

#[test]
fn watched_keys_are_touched_by_changes_only() {
    let server = Server::start();
    let mut client = server.connect();
    let mut other = server.connect();
    let mut survives = |line: &str| {
        client.run("WATCH a");
        other.run(line);
        client.run("MULTI").ok();
        client.run("PING");
        client.run("EXEC") != Reply::Nil
    };
    assert!(!survives("RL.CHECK a LIMIT 2 PERIOD 10h COST 2"));
    assert!(survives("RL.CHECK a"));
    assert!(survives("RL.PEEK a"));
    assert!(survives("RL.SYNC a PERIOD 10h USED 1"));
    assert!(survives("RL.BAN a 0"));
    assert!(!survives("RL.SYNC a PERIOD 10h USED 1 FORCE"));
    assert!(!survives("RL.BAN a 1h"));
    assert!(!survives("RL.RESET a"));
}

#[test]
fn copies_and_renamed_keys_go_on_counting() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("RL.CHECK a LIMIT 10 PERIOD 10h LIMIT 10 PERIOD 2h SLIDING COST 4");
    assert_eq!(client.run("COPY a b").int(), 1);
    client.run("RL.CHECK b COST 5");
    let remaining = |client: &mut Client, key: &str| client.call(&["RL.PEEK", key]).array()[2].int();
    assert_eq!((remaining(&mut client, "a"), remaining(&mut client, "b")), (6, 1));
    assert_eq!(client.run("OBJECT ENCODING a").text(), "raw");
    client.run("RENAME b c").ok();
    assert_eq!(remaining(&mut client, "c"), 1);
    assert_eq!(client.run("TYPE c").text(), "ratelimit");
    // The digest tells keys that expire from those that do not, and RESTORE is told no expiry.
    client.run("PERSIST c");
    let payload = client.run("DUMP c").bytes().to_vec();
    client.call(&[b"RESTORE".as_slice(), b"d", b"0", &payload]).ok();
    assert_eq!(client.digest("c"), client.digest("d"));
    client.run("UNLINK a c d");
    client.run("FLUSHALL ASYNC").ok();
}

#[test]
fn the_server_knows_the_commands() {
    let server = Server::start();
    let mut client = server.connect();
    let keys = client.run("COMMAND GETKEYS RL.CHECK the-key LIMIT 5 PERIOD 1s LIMIT 7 PERIOD 1m ALIGNED COST 3");
    assert_eq!(keys.array(), [Reply::Bytes(b"the-key".to_vec())]);
    for (command, flag, summary) in [
        ("rl.check", "write", "Takes a cost"),
        ("rl.create", "denyoom", "Stores the limits"),
        ("rl.peek", "readonly", "Tells whether"),
        ("rl.info", "readonly", "The limits of a key"),
        ("rl.reset", "write", "Forgets"),
        ("rl.sync", "write", "Takes over"),
        ("rl.ban", "write", "Refuses everything"),
    ] {
        let info = client.call(&["COMMAND", "INFO", command]);
        let flags: Vec<String> = info.array()[0].array()[2].array().iter().map(Reply::text).collect();
        assert!(flags.iter().any(|known| known == flag), "{command}: {flags:?}");
        let docs = client.call(&["COMMAND", "DOCS", command]);
        assert!(docs.field(command).field("summary").text().starts_with(summary), "{command}: {docs:?}");
    }
    assert!(
        client.run("COMMAND INFO cl.throttle").array()[0].is_null(),
        "redis-cell's command is offered on request only"
    );
}

#[test]
fn access_rules_hold_for_limiters() {
    let server = Server::start();
    server.connect().run("ACL SETUSER bot on >pw ~mine:* +@all").ok();
    server.connect().run("RL.CREATE other LIMIT 5 PERIOD 1h").ok();
    let mut bot = server.connect_as("bot", "pw");
    assert_eq!(bot.run("RL.CHECK mine:a LIMIT 5 PERIOD 1h").array()[0].int(), 1);
    for line in ["RL.CHECK other", "RL.PEEK other", "RL.BAN other 1h", "RL.RESET other"] {
        assert!(bot.run(line).error().starts_with("NOPERM"), "{line}");
    }
}

#[test]
fn a_full_server_makes_no_new_limiter_and_keeps_those_it_has() {
    let mut server = Options::default().line("maxmemory-policy noeviction").start();
    server.expect_warning("new maxmemory value set via CONFIG SET");
    server.expect_warning("liq: memory mode");
    let mut client = server.connect();
    client.run("RL.CREATE a LIMIT 5 PERIOD 10h").ok();
    client.run("CONFIG SET maxmemory 1").ok();
    for line in ["RL.CREATE b LIMIT 5 PERIOD 1h", "RL.CHECK b LIMIT 5 PERIOD 1h", "RL.BAN b 1h"] {
        assert!(client.run(line).error().starts_with("OOM"), "{line}");
    }
    assert_eq!(client.run("RL.CHECK a").array()[2].int(), 4);
    assert_eq!(client.run("RL.CHECK b LIMIT 5 PERIOD 1h COST 0").array()[2].int(), 5);
    client.run("CONFIG SET maxmemory 0").ok();
    assert_eq!(client.run("EXISTS b").int(), 0);
}
