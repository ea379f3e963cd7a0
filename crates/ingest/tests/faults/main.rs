//! Faults, one row each: what happens to the stream, what health says meanwhile, and that in the end the server has
//! exactly what the exchange sent.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod disk;
mod kills;
mod missed;
mod redis;
mod slow;
mod soak;
mod spools;
mod stage;
mod venues;

use stage::Stage;
use support::Options;

/// A fault.
struct Row {
    name: &'static str,
    /// Lines of redis.conf.
    server: &'static [&'static str],
    /// Further settings of `[stream]` and sections behind it.
    settings: &'static str,
    /// What happens; everything is to be well again at its end. Answers which server must have all events.
    act: fn(&mut Stage) -> usize,
}

const ROWS: &[&[Row]] = &[redis::ROWS, spools::ROWS];

/// What each row sees is printed: what health said and when, what was counted, and the totals. `--no-capture` shows it.
/// Rows run one behind the other, so that none waits for the processor: each has seven processes of its own.
fn run(part: usize, parts: usize) {
    let rows = ROWS.iter().flat_map(|rows| rows.iter()).enumerate().filter(|(place, _)| place % parts == part);
    for (_, row) in rows {
        println!("{}:", row.name);
        let options = row.server.iter().fold(Options::default().tcp(), |options, line| options.line(*line));
        let mut stage = Stage::start(options, row.settings);
        stage.send(60);
        let place = (row.act)(&mut stage);
        stage.send(30);
        stage.wait_exact(place);
        stage.end();
        let stored = stage.stored_by(place);
        println!("    {stored} stored of {} sent", stage.sent);
        assert_eq!(stored, stage.sent, "{}", row.name);
    }
}

#[test]
fn every_fault_ends_with_exact_totals_first_half() {
    run(0, 2);
}

#[test]
fn every_fault_ends_with_exact_totals_second_half() {
    run(1, 2);
}
