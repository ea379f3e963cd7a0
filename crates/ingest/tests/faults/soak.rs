//! A stream of 2,000 events a second for half an hour, with whatever fault comes up: totals, memory, open files, spool.

use std::time::{Duration, Instant};

use super::Stage;
use super::stage::SYMBOLS;
use super::support::running::order;
use super::support::server::wait_until;
use super::support::{Fault, Options};

const EVENTS_PER_SECOND: u64 = 2_000;
const MOST_RESIDENT_BYTES: f64 = 64e6;
/// Connections come and go, and SQLite opens a file for a moment now and then.
const FDS_THAT_MAY_COME: f64 = 8.0;

/// As many as `LIQ_FEED_SOAK_SECONDS` says, half an hour under `LIQ_SOAK`, else a few.
fn seconds() -> u64 {
    let told = std::env::var("LIQ_FEED_SOAK_SECONDS").ok().and_then(|text| text.parse().ok());
    told.unwrap_or(if std::env::var_os("LIQ_SOAK").is_some() { 1_800 } else { 6 })
}

/// Begins a fault; for how long it lasts, which may be no time at all.
fn strike(stage: &mut Stage, random: &mut fastrand::Rng, is_long: bool) -> (&'static str, Duration) {
    let lasts = Duration::from_millis(random.u64(100..if is_long { 4_000 } else { 600 }));
    let name = match random.u8(0..9) {
        0 => {
            stage.proxy.set(Fault::Refuse);
            "refuses"
        }
        1 => {
            stage.proxy.set(Fault::Stall);
            "stalls"
        }
        2 => {
            stage.proxy.set(Fault::Delay(Duration::from_millis(random.u64(1..200))));
            "is slow"
        }
        3 => {
            stage.proxy.set(Fault::CutAfter(random.usize(0..2_000)));
            "is cut in mid-reply"
        }
        4 => {
            let errors = [
                "READONLY You can't write",
                "LOADING Redis is loading",
                "OOM command not allowed",
                "MOVED 1 127.0.0.1:1",
            ];
            stage.proxy.set(Fault::Answer(errors[random.usize(..errors.len())]));
            "answers errors"
        }
        5 => {
            stage.server().stall();
            "is frozen"
        }
        6 => {
            stage.servers[0].kill_and_restart();
            "was killed"
        }
        7 => {
            let key = format!("liq:{{{}}}", SYMBOLS[random.usize(..SYMBOLS.len())]);
            stage.server().connect().call(&["LIQ.ALTER", &key, "PERCENTILE", &random.u8(1..99).to_string()]);
            "changes its filter"
        }
        _ => {
            stage.proxy.cut();
            "is cut"
        }
    };
    (name, lasts)
}

/// Everything as it should be again.
fn relent(stage: &Stage) {
    stage.proxy.set(Fault::None);
    stage.server().resume();
    // What was answered with errors, or cut, connects anew.
    stage.proxy.cut();
}

#[test]
fn half_an_hour_of_faults_ends_with_exact_totals_in_little_memory() {
    // Rewritten often, as half an hour of writes takes a minute to load after each kill.
    let options = Options::default().durable().line("auto-aof-rewrite-min-size 1mb");
    let (mut stage, seconds) = (Stage::start(options, ""), seconds());
    let mut random = fastrand::Rng::with_seed(seconds);
    stage.send(1_000);
    stage.wait_exact(0);
    let fds_at_first = stage.process("open_fds");
    let (mut most_resident, mut most_spooled, mut most_fds) = (0_f64, 0_f64, 0_f64);
    let (begun, before) = (Instant::now(), stage.sent);
    let total = EVENTS_PER_SECOND * seconds;
    let (mut is_struck, mut turn_at, mut look_at) = (false, begun, begun);
    let mut strikes: std::collections::BTreeMap<&str, u32> = std::collections::BTreeMap::new();
    while stage.sent - before < total {
        let due = (begun.elapsed().as_millis() as u64 * EVENTS_PER_SECOND / 1_000).min(total);
        while stage.sent - before < due {
            let symbol = SYMBOLS[stage.sent as usize % SYMBOLS.len()];
            stage.exchange.send(order(symbol, stage.sent, 1.0 + stage.sent as f64 % 17.0));
            stage.sent += 1;
        }
        if Instant::now() >= turn_at {
            let lasts = if is_struck {
                relent(&stage);
                Duration::from_millis(random.u64(200..if seconds > 60 { 6_000 } else { 800 }))
            } else {
                let (name, lasts) = strike(&mut stage, &mut random, seconds > 60);
                *strikes.entry(name).or_default() += 1;
                lasts
            };
            is_struck = !is_struck;
            turn_at = Instant::now() + lasts;
        }
        if Instant::now() >= look_at {
            most_resident = most_resident.max(stage.process("resident_memory_bytes"));
            most_fds = most_fds.max(stage.process("open_fds"));
            most_spooled = most_spooled.max(stage.metric("spool_events"));
            look_at = Instant::now() + Duration::from_secs(1);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    relent(&stage);
    wait_until("all is on the spool", || stage.metric("received_total") >= stage.sent as f64);
    stage.wait_exact(0);
    // What was delivered is kept for a while, for a server that lost it.
    wait_until("the spool is back to nothing", || stage.metric("spool_events") == 0.0);
    let fds = stage.process("open_fds");
    println!(
        "{} events in {:.0} s; {strikes:?}; at most {:.1} MB, {most_fds} files ({fds_at_first} at first, {fds} at the end), \
         {most_spooled} events spooled; from the socket to the spool at most {:.1} ms",
        stage.sent,
        begun.elapsed().as_secs_f64(),
        most_resident / 1e6,
        1e3 * stage.metric("spool_max_seconds"),
    );
    assert!(most_resident < MOST_RESIDENT_BYTES, "{most_resident} bytes");
    assert!(fds <= fds_at_first + FDS_THAT_MAY_COME, "{fds_at_first} files at first, {fds} at the end");
    assert_eq!(stage.metric("spool_dropped_total"), 0.0);
    stage.end();
    assert_eq!(stage.stored_by(0), stage.sent);
}
