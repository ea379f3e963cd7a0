//! The program, the server and both are killed under a stream with Redis slow: nothing that was counted as received is
//! lost, nothing is doubled.

use std::time::Duration;

use super::Stage;
use super::stage::SYMBOLS;
use super::support::running::{metric, order};
use super::support::server::wait_until;
use super::support::{Fault, Options};

/// Kills: a few, and a hundred under `LIQ_SOAK`.
fn kills() -> u64 {
    if std::env::var_os("LIQ_SOAK").is_some() { 100 } else { 9 }
}

#[test]
fn kills_of_program_server_and_both_lose_nothing_that_was_received() {
    let mut stage = Stage::start(Options::default().durable(), "");
    let mut random = fastrand::Rng::with_seed(71);
    // Sent, and counted as received by the last scrape before a kill; the difference may be lost with a kill.
    let (mut received, mut sent) = (0, 0);
    for kill in 0..kills() {
        stage.proxy.set(Fault::Delay(Duration::from_millis(random.u64(1..40))));
        let base = metric(stage.port, "liq_ingest_received_total", "") as u64;
        let burst = random.u64(50..300);
        for _ in 0..burst {
            stage.exchange.send(order(SYMBOLS[sent as usize % 3], sent, 1.0 + sent as f64 % 17.0));
            sent += 1;
        }
        // Struck while events flow.
        wait_until("some came", || metric(stage.port, "liq_ingest_received_total", "") as u64 > base + burst / 4);
        let now = metric(stage.port, "liq_ingest_received_total", "") as u64;
        received += now - base;
        match kill % 3 {
            0 => {
                stage.running.kill();
                stage.start_again();
            }
            1 => stage.servers[0].kill_and_restart(),
            _ => {
                stage.servers[0].kill();
                stage.running.kill();
                stage.servers[0].start_again();
                stage.start_again();
            }
        }
        if kill % 3 == 1 {
            // The program lives: what it reads after the scrape is received all the same.
            wait_until("the rest came", || metric(stage.port, "liq_ingest_received_total", "") as u64 >= base + burst);
            received += base + burst - now;
        }
    }
    stage.proxy.set(Fault::None);
    wait_until("all is delivered", || stage.metric("spool_events") == 0.0 && stage.stored_by(0) >= received);
    stage.wait_green();
    let stored = stage.stored_by(0);
    assert!((received..=sent).contains(&stored), "received {received}, stored {stored}, sent {sent}");
    // Every event is another: one that was counted twice would be there twice.
    let mut seen = std::collections::BTreeSet::new();
    for symbol in SYMBOLS {
        let key = format!("liq:{{{symbol}}}");
        let events = stage.server().connect().call(&["LIQ.RANGE", &key, "-", "+", "COUNT", "100000"]);
        for event in events.array() {
            assert!(seen.insert(event.array()[0].int()), "an event is there twice");
        }
    }
    stage.end();
}
