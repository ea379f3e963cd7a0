//! Adding to a series allocates nothing in the steady state: a counting allocator watches.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests stop at surprises")]

use liq_core::grammar::Args;
use liq_core::liq::format::decided;
use liq_core::liq::series::{Clock, Event, Options, OptionsPatch, Series, Side, Tally, Time};

const EVENTS_PER_DAY: u64 = 144_000;
const GAP_MS: u64 = 86_400_000 / EVENTS_PER_DAY;
const MINUTE_MS: u64 = 60_000;

/// Adds event `number` of a busy day, and builds what would be replicated of it, as the module does.
fn add(series: &mut Series, number: u64, decided: &mut Vec<u8>) {
    let ts_ms = 1_735_689_600_000 + number * GAP_MS;
    let clock = Clock { time: Time::new(ts_ms, 300_000), max_future_ms: 300_000, signal_max_age_ms: MINUTE_MS };
    let spread = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1 << 24) as f64;
    let side = if number.is_multiple_of(3) { Side::Buy } else { Side::Sell };
    let price = 90_000.0 * (1.0 + 0.01 * (number as f64 / 5_000.0).sin());
    let event =
        Event { ts_ms, side, price, size: (12.0 * spread).exp(), exchange: Some(b"binance"), id_hash: number + 1 };
    let judgement = series.add(&clock, &event);
    let mut tally = Tally::default();
    tally.count(&judgement);
    decided::begin(decided, clock.time, series.resolution(), None);
    decided::push(decided, &event);
    decided::end(decided, &tally);
}

#[test]
fn an_add_allocates_nothing_but_when_a_pane_begins() {
    let patch = OptionsPatch::parse(Args::new(&[b"LONGOFFSET", b"0.1"])).unwrap();
    let mut series = Series::new(Options::default().created(&patch).unwrap());
    let mut decided = Vec::new();
    for number in 0..EVENTS_PER_DAY + 10_000 {
        add(&mut series, number, &mut decided);
    }
    let (mut quiet, mut busy) = (0, 0);
    for number in EVENTS_PER_DAY + 10_000..EVENTS_PER_DAY + 30_000 {
        let allocated = allocation_counter::measure(|| add(&mut series, number, &mut decided));
        *(if allocated.count_total == 0 { &mut quiet } else { &mut busy }) += 1;
    }
    // A minute begins when an event leaves the raw tail for it, and when the oldest one joins its five-minute pane.
    let minutes = 20_000 * GAP_MS / MINUTE_MS;
    assert!(busy <= 3 * minutes, "{busy} of 20,000 adds allocated, in {minutes} minutes");
    assert_eq!(quiet + busy, 20_000);
}
