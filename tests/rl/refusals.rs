//! Bad input: a clear error naming the argument, and nothing changed.

use crate::support::{Client, Server};

/// Limits that nobody can mean, and what is said of them.
const BAD_LIMITS: &[(&str, &str)] = &[
    ("LIMIT 0 PERIOD 1s", "ERR LIMIT: must be 1 to 9007199254740992, got '0'"),
    ("LIMIT -5 PERIOD 1s", "ERR LIMIT: must be 1 to 9007199254740992, got '-5'"),
    ("LIMIT 2.5 PERIOD 1s", "ERR LIMIT: not an integer, got '2.5'"),
    ("LIMIT nan PERIOD 1s", "ERR LIMIT: not an integer, got 'nan'"),
    ("LIMIT 9007199254740993 PERIOD 1s", "ERR LIMIT: must be 1 to 9007199254740992, got '9007199254740993'"),
    ("LIMIT 5 PERIOD 0", "ERR PERIOD: must be 1ms to 366d, got '0'"),
    ("LIMIT 5 PERIOD -1s", "ERR PERIOD: not a duration such as 1500, 90s, 5m, 24h or 7d, got '-1s'"),
    ("LIMIT 5 PERIOD 0.5s", "ERR PERIOD: not a duration such as 1500, 90s, 5m, 24h or 7d, got '0.5s'"),
    ("LIMIT 5 PERIOD 367d", "ERR PERIOD: must be 1ms to 366d, got '367d'"),
    ("LIMIT 5 PERIOD 1s BURST 0", "ERR BURST: must be 1 to 9007199254740992, got '0'"),
    ("LIMIT 5 PERIOD 1s BURST -1", "ERR BURST: must be 1 to 9007199254740992, got '-1'"),
    ("LIMIT 5 PERIOD 1s BURST 1.5", "ERR BURST: not an integer, got '1.5'"),
    (
        "LIMIT 5 PERIOD 1s BURST 6 ALIGNED",
        "ERR BURST: only a smooth limit, neither SLIDING nor ALIGNED, has one, got '6'",
    ),
    ("LIMIT 5 PERIOD 1s SLIDING ALIGNED", "ERR ALIGNED: a limit counts in one way only, got 'ALIGNED'"),
    (
        "LIMIT 5 PERIOD 1s LIMIT 9 PERIOD 1000ms",
        "ERR PERIOD: the same kind of limit is given twice for it, got '1000ms'",
    ),
    (
        "LIMIT 1 PERIOD 1 LIMIT 1 PERIOD 2 LIMIT 1 PERIOD 3 LIMIT 1 PERIOD 4 LIMIT 1 PERIOD 5 LIMIT 1 PERIOD 6 \
         LIMIT 1 PERIOD 7 LIMIT 1 PERIOD 8 LIMIT 1 PERIOD 9",
        "ERR LIMIT: a key has at most 8, got '1'",
    ),
    ("LIMIT 5 BURST 3", "ERR PERIOD: every LIMIT needs one, got '5'"),
    ("LIMIT 5 PERIOD 1s TWICE", "ERR option: unknown, got 'TWICE'"),
];

#[track_caller]
fn refused(client: &mut Client, line: &str, error: &str) {
    assert_eq!(client.run(line).error(), error, "{line}");
}

#[test]
fn bad_limits_are_refused_and_leave_no_key() {
    let server = Server::start();
    let mut client = server.connect();
    for (limits, error) in BAD_LIMITS {
        refused(&mut client, &format!("RL.CHECK a {limits}"), error);
        refused(&mut client, &format!("RL.CREATE a {limits}"), error);
    }
    assert_eq!(client.run("DBSIZE").int(), 0);
}

#[test]
fn bad_arguments_leave_the_limiter_as_it_was() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("RL.CREATE a LIMIT 10 PERIOD 10h LIMIT 7 PERIOD 1h SLIDING").ok();
    client.run("RL.CHECK a COST 3");
    let before = client.digest("a");
    for (limits, error) in BAD_LIMITS {
        refused(&mut client, &format!("RL.CHECK a {limits}"), error);
        refused(&mut client, &format!("RL.CREATE a {limits}"), error);
    }
    for (line, error) in [
        ("RL.CHECK a COST 1.5", "ERR COST: not an integer, got '1.5'"),
        ("RL.CHECK a COST", "ERR COST: needs a value, got ''"),
        ("RL.CHECK a COST 1 COST 1", "ERR COST: given more than once, got '1'"),
        (
            "RL.CHECK a COST 9007199254740993",
            "ERR COST: must be -9007199254740992 to 9007199254740992, got '9007199254740993'",
        ),
        ("RL.PEEK a COST -1", "ERR COST: must be 0 to 9007199254740992, got '-1'"),
        ("RL.PEEK a LIMIT 1 PERIOD 1s", "ERR option: unknown, got 'LIMIT'"),
        ("RL.BAN a forever", "ERR duration: not a duration such as 1500, 90s, 5m, 24h or 7d, got 'forever'"),
        ("RL.BAN a 367d", "ERR duration: must be 0 to 366d, got '367d'"),
        ("RL.BAN a -1", "ERR duration: not a duration such as 1500, 90s, 5m, 24h or 7d, got '-1'"),
        ("RL.SYNC a PERIOD 10h USED -1", "ERR USED: must be 0 to 9007199254740992, got '-1'"),
        ("RL.SYNC a PERIOD 10h USED 1 AT x", "ERR AT: not an integer, got 'x'"),
        ("RL.SYNC a PERIOD 10h USED 1 NOW", "ERR option: unknown, got 'NOW'"),
        ("RL.CHECK", "ERR wrong number of arguments for 'rl.check' command"),
        ("RL.CREATE a", "ERR wrong number of arguments for 'rl.create' command"),
        ("RL.PEEK", "ERR wrong number of arguments for 'rl.peek' command"),
        ("RL.INFO a b", "ERR wrong number of arguments for 'rl.info' command"),
        ("RL.RESET a b", "ERR wrong number of arguments for 'rl.reset' command"),
        ("RL.SYNC a PERIOD 10h", "ERR wrong number of arguments for 'rl.sync' command"),
        ("RL.SYNC a USED 1 FORCE AT 5", "ERR wrong number of arguments for 'rl.sync' command"),
        ("RL.BAN a", "ERR wrong number of arguments for 'rl.ban' command"),
    ] {
        refused(&mut client, line, error);
    }
    assert_eq!(client.digest("a"), before);
}

#[test]
fn another_type_is_refused_and_kept() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("SET s x").ok();
    client.run("LIQ.CREATE q").ok();
    for key in ["s", "q"] {
        for line in [
            "RL.CHECK @ LIMIT 5 PERIOD 1s",
            "RL.CHECK @",
            "RL.CREATE @ LIMIT 5 PERIOD 1s",
            "RL.PEEK @",
            "RL.INFO @",
            "RL.RESET @",
            "RL.SYNC @ PERIOD 1s USED 1",
            "RL.BAN @ 1s",
            "RL.BAN @ 0",
        ] {
            let error = "WRONGTYPE Operation against a key holding the wrong kind of value";
            refused(&mut client, &line.replace('@', key), error);
        }
    }
    assert_eq!(client.run("GET s").text(), "x");
    client.run("RL.CREATE r LIMIT 5 PERIOD 1s").ok();
    assert!(client.run("GET r").error().starts_with("WRONGTYPE"));
    assert!(client.run("LIQ.STATS r").error().starts_with("WRONGTYPE"));
}

#[test]
fn internal_commands_are_refused_to_clients_and_scripts() {
    let server = Server::start();
    let mut client = server.connect();
    for command in ["RL.APPLY", "RL.LOAD"] {
        let error = format!("ERR {} is for replication only", command.to_lowercase());
        let script = format!("return redis.call('{command}', KEYS[1], 'x')");
        for call in [vec![command, "a", "x"], vec!["EVAL", &script, "1", "a"]] {
            let refused = client.call(&call);
            // Servers since Redis 8 do not let clients know of it, nor scripts run it.
            let text = refused.error().to_lowercase();
            let is_hidden = text.contains("unknown") || text.contains("not allowed from script");
            assert!(refused.error().starts_with(&error) || is_hidden, "{refused:?}");
        }
    }
    assert_eq!(client.run("EXISTS a").int(), 0);
}

#[test]
fn arguments_of_any_bytes_are_answered() {
    let server = Server::start();
    let mut client = server.connect();
    let odd: [&[u8]; 6] = [b"", b"\0", b"\xff\xfe", b"LIMIT\0", &[b'9'; 5000], b"%s%n"];
    for one in odd {
        for other in odd {
            for command in ["RL.CHECK", "RL.CREATE", "RL.PEEK", "RL.SYNC", "RL.BAN"] {
                let name = command.as_bytes();
                assert!(client.call(&[name, b"a", one]).is_error());
                assert!(client.call(&[name, b"a", b"LIMIT", one, b"PERIOD", other]).is_error());
                assert!(client.call(&[name, b"a", b"PERIOD", one, b"USED", other]).is_error());
            }
        }
    }
    assert_eq!(client.run("DBSIZE").int(), 0);
}
