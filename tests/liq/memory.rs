//! What a series costs, and that it is given back: MEMORY USAGE against the server's own count, lazy free.

use crate::support::oracle::{MINUTE, SECOND};
use crate::support::server::wait_until;
use crate::support::{Client, Server};
use crate::twin::T0;

fn used(client: &mut Client) -> i64 {
    client.info("used_memory_dataset").parse().unwrap_or_else(|_| client.info("used_memory").parse().unwrap())
}

/// Fills `keys` series with `events` each, `step` apart.
fn fill(client: &mut Client, keys: usize, events: u64, step: u64) {
    for key in 0..keys {
        client.run(&format!("LIQ.CREATE s{key} CLOCK EVENT PERCENTILE 0")).ok();
        for chunk in (0..events).collect::<Vec<u64>>().chunks(2000) {
            let rows: Vec<_> = chunk
                .iter()
                .map(|at| {
                    let size = 10.0 + ((at * 2_654_435_761 + key as u64) % 100_000) as f64 * 3.7;
                    (T0 + at * step, "sell", 100.0 + (at % 97) as f64, size, "okx")
                })
                .collect();
            let payload = rmp_serde::encode::to_vec(&rows).unwrap();
            let reply = client.call(&[b"LIQ.MADDPACK", format!("s{key}").as_bytes(), &payload]);
            assert_eq!(reply.field("accepted").int(), chunk.len() as i64, "{reply:?}");
        }
    }
}

#[test]
fn memory_usage_is_within_a_tenth_of_the_truth() {
    for (keys, events, step) in
        [(2000, 0, 0), (400, 3, MINUTE), (300, 300, MINUTE), (60, 3000, 20 * SECOND), (12, 30_000, 2 * SECOND)]
    {
        let server = Server::start();
        let mut client = server.connect();
        // The server's own tables grow with the first commands and keys; they are no series.
        fill(&mut client, 1, events.min(10), step);
        client.run("FLUSHALL").ok();
        let before = used(&mut client);
        fill(&mut client, keys, events, step);
        let truth = used(&mut client) - before;
        let told: i64 = (0..keys).map(|key| client.run(&format!("MEMORY USAGE s{key} SAMPLES 0")).int()).sum();
        let ratio = told as f64 / truth as f64;
        eprintln!(
            "{events} events: {} B per series in truth, {} told, ratio {ratio:.3}",
            truth / keys as i64,
            told / keys as i64
        );
        assert!((0.9..=1.1).contains(&ratio), "{events} events: told {told} of {truth} bytes ({ratio:.3})");
        let info = client.run("LIQ.INFO s0").field("memory").int();
        let usage = client.run("MEMORY USAGE s0").int();
        assert!((info - usage).abs() <= usage / 10 + 200, "LIQ.INFO says {info}, MEMORY USAGE {usage}");
    }
}

#[test]
fn cursors_of_reads_are_counted_too() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client, 20, 10_000, 2 * SECOND);
    let measure = |client: &mut Client| -> (i64, i64) {
        let told = (0..20).map(|key| client.run(&format!("MEMORY USAGE s{key}")).int()).sum();
        (used(client), told)
    };
    let before = measure(&mut client);
    for key in 0..20 {
        for minutes in [10, 60, 120, 240] {
            client.run(&format!("LIQ.PCTL s{key} 80 WINDOW {minutes}m"));
            client.run(&format!("LIQ.PCTL s{key} 80 WINDOW {minutes}m"));
        }
    }
    let after = measure(&mut client);
    let (truth, told) = (after.0 - before.0, after.1 - before.1);
    assert!((truth - told).abs() <= truth.max(told) / 10 + 20_000, "grew by {truth}, told {told}");
}

#[test]
fn memory_stays_bounded_whatever_the_rate() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client, 1, 100_000, 700);
    let full = client.run("MEMORY USAGE s0").int();
    assert!(full < 1_000_000, "100,000 events in 20 hours take {full} bytes");
}

#[test]
fn unlink_and_flushall_async_give_everything_back() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client, 1, 10, SECOND);
    client.run("FLUSHALL").ok();
    let before = used(&mut client);
    for (round, free) in ["UNLINK", "FLUSHALL ASYNC", "DEL", "FLUSHALL"].into_iter().enumerate() {
        fill(&mut client, 20, 5000, 5 * SECOND);
        let filled = used(&mut client);
        assert!(filled - before > 20 * 5000, "round {round}");
        if free.starts_with("FLUSHALL") {
            client.run(free).ok();
        } else {
            let keys: Vec<String> = (0..20).map(|key| format!("s{key}")).collect();
            assert_eq!(client.run(&format!("{free} {}", keys.join(" "))).int(), 20);
        }
        wait_until("lazy free is done", || client.info("lazyfree_pending_objects") == "0");
        assert_eq!(client.info("liq_series"), "0", "{free}: INFO counts the series that are left");
        let left = used(&mut client) - before;
        // The connection's own buffers, which held the batches, may still be there.
        assert!(left < (filled - before) / 8, "{free} left {left} of {}", filled - before);
    }
}

#[test]
fn large_series_are_freed_by_the_background_thread() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client, 5, 40_000, 2 * SECOND);
    client.run("CONFIG RESETSTAT").ok();
    client.run("UNLINK s0 s1 s2 s3 s4");
    wait_until("lazy free is done", || client.info("lazyfree_pending_objects") == "0");
    assert!(
        client.info("lazyfreed_objects").parse::<u32>().unwrap() >= 5,
        "free effort tells that it is worth a thread"
    );
}

#[test]
fn over_maxmemory_nothing_is_created_and_what_exists_goes_on_recording() {
    let mut server = Server::start();
    server.expect_warning("liq: memory mode");
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0").ok();
    let payload = rmp_serde::encode::to_vec(&[(client.time_ms(), "buy", 100.0, 5.0)]).unwrap();
    client.run("CONFIG SET maxmemory 1000").ok();
    for line in ["LIQ.CREATE t", "LIQ.ADD t * buy 100 5", "LIQ.MADD t EVENTS * buy 100 5"] {
        assert!(client.run(line).error().starts_with("OOM "), "{line}");
    }
    assert!(client.call(&[b"LIQ.MADDPACK", b"t".as_slice(), &payload]).error().starts_with("OOM "));
    assert_eq!(client.run("EXISTS t").int(), 0);
    for at in 0..500_u64 {
        let reply = client.run(&format!("LIQ.ADD s {} buy 100 {}", T0 + at, at + 1));
        assert_eq!(reply.field("status").text(), "accepted");
    }
    assert_eq!(client.run("LIQ.STATS s").field("count").int(), 500);
    client.run("CONFIG SET maxmemory 0").ok();
    assert_eq!(client.run("LIQ.ADD t * buy 100 5").field("status").text(), "accepted");
}

#[test]
fn the_servers_own_commands_know_the_type() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client, 3, 10, SECOND);
    client.run("SET other 1").ok();
    let found = client.run("SCAN 0 TYPE liqseries COUNT 100");
    assert_eq!(found.array()[1].array().len(), 3);
    assert!(!client.run("DEBUG OBJECT s0").is_error());
    assert!(!client.run("MEMORY STATS").is_error());
    client.run("PEXPIRE s0 1");
    wait_until("the series expires", || client.run("EXISTS s0").int() == 0);
}

#[test]
fn asking_a_thousand_different_windows_costs_no_more_than_asking_a_few() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client, 1, 30_000, 2 * SECOND);
    let ask = |client: &mut Client, windows: std::ops::Range<u32>| {
        for minutes in windows {
            client.run(&format!("LIQ.PCTL s0 80 WINDOW {minutes}m"));
            client.run(&format!("LIQ.STATS s0 WINDOW {minutes}m SIDE sell"));
        }
        client.run("MEMORY USAGE s0").int()
    };
    let few = ask(&mut client, 1..100);
    let many = ask(&mut client, 1..1100);
    assert!(many <= few + few / 4, "{few} bytes after a few windows, {many} after a thousand");
}
