//! `CL.THROTTLE` as redis-cell 0.5 answers it, by its published algorithm and documentation.

use std::time::Instant;

use crate::support::{Options, Reply, Server};

/// `key max_burst count_per_period period [quantity]` and the reply: limited, limit, remaining, and the seconds of
/// retry_after and reset_after. The calls of one key follow each other at once. Rates are slow enough that the machine's
/// speed shows in the last two only, if at all.
#[rustfmt::skip]
const CASES: &[(&str, &str)] = &[
    ("user123 15 30 60", "0 16 15 -1 2"),
    ("user123 15 30 60", "0 16 14 -1 4"),
    ("user123 15 30 60", "0 16 13 -1 6"),
    ("user123 15 30 60", "0 16 12 -1 8"),
    ("user123 15 30 60", "0 16 11 -1 10"),
    ("user123 15 30 60", "0 16 10 -1 12"),
    ("user123 15 30 60", "0 16 9 -1 14"),
    ("user123 15 30 60", "0 16 8 -1 16"),
    ("user123 15 30 60", "0 16 7 -1 18"),
    ("user123 15 30 60", "0 16 6 -1 20"),
    ("user123 15 30 60", "0 16 5 -1 22"),
    ("user123 15 30 60", "0 16 4 -1 24"),
    ("user123 15 30 60", "0 16 3 -1 26"),
    ("user123 15 30 60", "0 16 2 -1 28"),
    ("user123 15 30 60", "0 16 1 -1 30"),
    ("user123 15 30 60", "0 16 0 -1 32"),
    ("user123 15 30 60", "1 16 0 2 32"),
    ("user123 15 30 60 0", "0 16 0 -1 32"),
    ("weighted 15 30 60 5", "0 16 11 -1 10"),
    ("weighted 15 30 60 5", "0 16 6 -1 20"),
    ("weighted 15 30 60 6", "0 16 0 -1 32"),
    ("weighted 15 30 60 1", "1 16 0 2 32"),
    ("weighted 15 30 60 16", "1 16 0 32 32"),
    ("weighted 15 30 60 17", "1 16 0 -1 32"),
    ("single 0 1 60", "0 1 0 -1 60"),
    ("single 0 1 60", "1 1 0 60 60"),
    ("single 0 1 60 0", "0 1 0 -1 60"),
    ("single 0 1 60 2", "1 1 0 -1 60"),
    ("hourly 99 100 3600 40", "0 100 60 -1 1440"),
    ("hourly 99 100 3600 60", "0 100 0 -1 3600"),
    ("hourly 99 100 3600", "1 100 0 36 3600"),
    ("hourly 99 100 3600 100", "1 100 0 3600 3600"),
    ("hourly 99 100 3600 101", "1 100 0 -1 3600"),
    ("daily 2 3 86400", "0 3 2 -1 28800"),
    ("daily 2 3 86400", "0 3 1 -1 57600"),
    ("daily 2 3 86400", "0 3 0 -1 86400"),
    ("daily 2 3 86400", "1 3 0 28800 86400"),
    ("daily 2 3 86400 3", "1 3 0 86400 86400"),
    ("daily 2 3 86400 4", "1 3 0 -1 86400"),
    ("thirds 4 3 3600", "0 5 4 -1 1200"),
    ("thirds 4 3 3600 2", "0 5 2 -1 3600"),
    ("thirds 4 3 3600 3", "1 5 2 1200 3600"),
    ("thirds 4 3 3600 2", "0 5 0 -1 6000"),
    ("thirds 4 3 3600 1", "1 5 0 1200 6000"),
    ("sevenths 6 7 3600", "0 7 6 -1 515"),
    ("sevenths 6 7 3600 6", "0 7 0 -1 3600"),
    ("sevenths 6 7 3600", "1 7 0 515 3600"),
    ("sevenths 6 7 3600 7", "1 7 0 3600 3600"),
    ("look 9 10 3600 0", "0 10 10 -1 0"),
    ("look 9 10 3600 0", "0 10 10 -1 0"),
    ("look 9 10 3600 4", "0 10 6 -1 1440"),
    ("look 9 10 3600 0", "0 10 6 -1 1440"),
    ("look 9 10 3600 6", "0 10 0 -1 3600"),
    ("look 9 10 3600 0", "0 10 0 -1 3600"),
    ("look 9 10 3600 1", "1 10 0 360 3600"),
    ("toolarge 9 10 3600 11", "1 10 10 -1 0"),
    ("toolarge 9 10 3600 12", "1 10 10 -1 0"),
    ("toolarge 9 10 3600 10", "0 10 0 -1 3600"),
    ("toolarge 9 10 3600 10", "1 10 0 3600 3600"),
    ("slower 15 30 60 5", "0 16 11 -1 10"),
    ("slower 15 6 60 1", "0 16 14 -1 20"),
    ("slower 15 6 60 13", "0 16 1 -1 150"),
    ("slower 15 6 60 14", "1 16 1 130 150"),
    ("faster 15 6 60 6", "0 16 10 -1 60"),
    ("faster 99 60 60 1", "0 100 39 -1 61"),
    ("faster 99 60 60 38", "0 100 1 -1 99"),
    ("faster 99 60 60 2", "1 100 1 1 99"),
    ("bigburst 999999 1000 3600 500000", "0 1000000 500000 -1 1800000"),
    ("bigburst 999999 1000 3600 500000", "0 1000000 0 -1 3600000"),
    ("bigburst 999999 1000 3600 1", "1 1000000 0 4 3600000"),
];

fn compatible() -> Server {
    Options::default().line("notify-keyspace-events Kd").module_args("cell-compat yes").start()
}

#[test]
fn every_case_is_answered_as_redis_cell_answers_it() {
    assert!(CASES.len() >= 60);
    let server = compatible();
    let mut client = server.connect();
    let begun = Instant::now();
    for (call, expected) in CASES {
        let reply = client.run(&format!("CL.THROTTLE {call}"));
        let values: Vec<i64> = reply.array().iter().map(Reply::int).collect();
        let expected: Vec<i64> = expected.split(' ').map(|word| word.parse().unwrap()).collect();
        let late_s = i64::try_from(begun.elapsed().as_secs()).unwrap() + 1;
        assert_eq!(values[..3], expected[..3], "{call}: {values:?}, expected {expected:?}");
        for (value, expected) in values.iter().zip(&expected).skip(3) {
            // A second may have begun since; a whole one only on a machine that was stopped.
            let fits = value == expected || (*expected > 0 && (expected - late_s..=*expected).contains(value));
            assert!(fits, "{call}: {values:?}, expected {expected:?}");
        }
    }
}

#[test]
fn its_keys_are_limiters_that_expire_when_full_again() {
    let server = compatible();
    let mut client = server.connect();
    client.run("CL.THROTTLE a 15 30 60 5");
    assert_eq!(client.run("TYPE a").text(), "ratelimit");
    // Full in ten seconds; an expiry may be a sixteenth of the period later.
    assert!((1..=14).contains(&client.run("TTL a").int()));
    assert_eq!(client.run("RL.PEEK a").array()[1].int(), 16);
    assert_eq!(client.run("CL.THROTTLE b 15 30 60 0").array()[2].int(), 16);
    assert_eq!(client.run("EXISTS b").int(), 0);
    client.run("RL.BAN a 1h").ok();
    let banned = client.run("CL.THROTTLE a 15 30 60");
    assert_eq!((banned.array()[0].int(), banned.array()[3].int()), (1, 3600));
}

#[test]
fn refused_throttles_publish_an_event() {
    let server = compatible();
    let mut client = server.connect();
    let mut subscriber = server.connect();
    subscriber.run("SUBSCRIBE __keyspace@0__:a");
    client.run("CL.THROTTLE a 0 1 3600");
    client.run("CL.THROTTLE a 0 1 3600");
    assert_eq!(subscriber.receive().array()[2].text(), "rl.block");
}

#[test]
fn what_ends_redis_cell_is_an_error_here() {
    let server = compatible();
    let mut client = server.connect();
    client.run("SET s x").ok();
    for (call, error) in [
        ("s 15 30 60", "WRONGTYPE "),
        ("a -1 30 60", "ERR max_burst: must be 0 to 9007199254740991, got '-1'"),
        ("a 15 0 60", "ERR count_per_period: must be 1 to 9007199254740992, got '0'"),
        ("a 15 30 0", "ERR period: must be 1 to 31622400, got '0'"),
        ("a 15 30 x", "ERR period: not an integer, got 'x'"),
        ("a 15 30 60 1 1", "ERR option: unknown, got '1'"),
        ("a 15 30", "ERR wrong number of arguments for 'cl.throttle' command"),
        ("a 9223372036854775807 9223372036854775807 9223372036854775807", "ERR max_burst: "),
    ] {
        let reply = client.run(&format!("CL.THROTTLE {call}"));
        assert!(reply.error().starts_with(error), "{call}: {reply:?}");
    }
    // Rates above a thousand per second, which it rounds to nothing.
    let fast = client.run("CL.THROTTLE fast 4999999 5000000 1 5000000");
    assert_eq!((fast.array()[0].int(), fast.array()[1].int(), fast.array()[2].int()), (0, 5_000_000, 0));
}

#[test]
fn it_survives_the_append_only_file() {
    let mut server =
        Options::default().line("appendonly yes").line("appendfsync always").module_args("cell-compat yes").start();
    server.connect().run("CL.THROTTLE a 15 30 3600 5");
    let before = server.connect().digest("a");
    server.kill_and_restart();
    assert_eq!(server.connect().digest("a"), before);
}

#[test]
fn it_is_offered_on_request_only() {
    let server = Server::start();
    let mut client = server.connect();
    assert!(client.run("CL.THROTTLE a 15 30 60").error().starts_with("ERR unknown command"));
    assert_eq!(client.run("CONFIG GET liq.cell-compat").fields()[0].1.text(), "no");
    assert!(client.run("CONFIG SET liq.cell-compat yes").error().contains("immutable"));
    let configured = Server::with(&["liq.cell-compat yes"]);
    assert_eq!(configured.connect().run("CL.THROTTLE a 15 30 60").array()[1].int(), 16);
}
