//! Where panes become narrower, by ALTER or because memory is there again, the newest wide one does not go on taking in what
//! comes.

use crate::support::server::wait_until;
use crate::support::{Client, Options, Server};

/// 2025-01-01 06:00 UTC: where panes of every width begin.
const BEGIN_MS: u64 = 1_735_711_200_000;

/// `count` events of price 1, `step_ms` apart.
fn feed(client: &mut Client, from_ms: u64, count: u64, step_ms: u64) {
    for part in (0..count).collect::<Vec<_>>().chunks(5_000) {
        let events: Vec<String> =
            part.iter().map(|place| format!("{} sell 1 {}", from_ms + place * step_ms, 10 + place % 7)).collect();
        assert!(!client.run(&format!("LIQ.MADD k EVENTS {}", events.join(" "))).is_error());
    }
}

fn count(client: &mut Client, line: &str) -> i64 {
    client.run(line).field("count").int()
}

#[test]
fn after_memory_recovered() {
    let server = Options::default().expect_warning("liq: memory mode").start();
    let mut client = server.connect();
    client.run("LIQ.CREATE k CLOCK EVENT RETENTION 31d TAIL 256").ok();
    feed(&mut client, BEGIN_MS, 1_000, 500);
    client.run("CONFIG SET liq.memory-budget 1kb").ok();
    wait_until("memory is short", || client.info("liq_mode") == "critical");
    feed(&mut client, BEGIN_MS + 500_000, 20, 100);
    client.run("CONFIG SET liq.memory-budget 0").ok();
    wait_until("memory is there", || client.info("liq_mode") == "normal");
    feed(&mut client, BEGIN_MS + 510_000, 4_860, 2_000);
    let hour = count(&mut client, "LIQ.STATS k WINDOW 1h");
    assert!((1_800..=1_830).contains(&hour), "{hour}");
    assert_eq!(client.run("LIQ.STATS k WINDOW 1h BUCKET 1m").array().len(), 61);
}

#[test]
fn after_detail_was_trimmed() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE k CLOCK EVENT RETENTION 31d").ok();
    feed(&mut client, BEGIN_MS, 5_000, 500);
    assert!(client.run("LIQ.TRIM AGGRESSIVE").int() > 0);
    feed(&mut client, BEGIN_MS + 2_500_000, 7_200, 1_000);
    assert_eq!(count(&mut client, "LIQ.STATS k WINDOW 1h"), 3_600);
    let rows = client.run("LIQ.STATS k WINDOW 1h BUCKET 1m");
    let sum: i64 = rows.array().iter().map(|row| row.field("count").int()).sum();
    assert_eq!((rows.array().len(), sum), (61, 3_600));
}

#[test]
fn after_an_alter_while_memory_is_short() {
    let server = Options::default().expect_warning("liq: memory mode").start();
    let mut client = server.connect();
    client.run("LIQ.CREATE k CLOCK EVENT RETENTION 31d TAIL 256 VWAPWINDOW 1m").ok();
    feed(&mut client, BEGIN_MS, 3_000, 100);
    client.run("CONFIG SET liq.memory-budget 1kb").ok();
    wait_until("memory is short", || client.info("liq_mode") == "critical");
    feed(&mut client, BEGIN_MS + 300_000, 100, 100);
    client.run("LIQ.ALTER k RETENTION 1h").ok();
    feed(&mut client, BEGIN_MS + 310_000, 20_000, 100);
    let minutes = count(&mut client, "LIQ.STATS k WINDOW 10m");
    assert!((6_000..=6_150).contains(&minutes), "{minutes}");
    assert!(!client.run("LIQ.STATS k WINDOW 15m BUCKET 15s").is_error());
}

#[test]
fn a_chart_of_what_is_not_there_yet_is_refused_like_that_of_what_will_be() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE empty").ok();
    for key in ["none", "empty"] {
        let refused = client.run(&format!("LIQ.STATS {key} WINDOW 24h BUCKET 1m"));
        assert!(refused.error().contains("must be a multiple of 5m"), "{key}");
        assert_eq!(client.run(&format!("LIQ.STATS {key} WINDOW 1h BUCKET 1m")).array().len(), 61, "{key}");
    }
    client.run("LIQ.ADD empty * sell 1 5");
    assert!(client.run("LIQ.STATS empty WINDOW 24h BUCKET 1m").error().contains("must be a multiple of 5m"));
}
