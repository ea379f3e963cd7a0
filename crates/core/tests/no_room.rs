//! While there is no room for cursors of other windows than the series' own, none is kept and none is looked for. Alone
//! in its program, as the room is the process's.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests stop at surprises")]

use liq_core::grammar::Args;
use liq_core::liq::request::{Pctl, Vwap};
use liq_core::liq::series::{Clock, DEFAULT_ROOM_BYTES, Event, Options, Series, Side, Time, set_room, used_room};
use liq_core::steps;

const START_MS: u64 = 1_735_689_600_000;
const MAX_FUTURE_MS: u64 = 300_000;
const SERIES: usize = 500;

fn series() -> Series {
    let mut series = Series::new(Options::default());
    for number in 0..20 {
        let ts_ms = START_MS + number;
        let clock =
            Clock { time: Time::new(ts_ms, MAX_FUTURE_MS), max_future_ms: MAX_FUTURE_MS, signal_max_age_ms: 60_000 };
        let (side, size) = (Side::Buy, 1.0 + number as f64);
        let event = Event { ts_ms, side, price: 100.0, size, exchange: None, id_hash: number + 1 };
        series.add(&clock, &event);
    }
    series
}

/// Asks for windows that are not the series' own, and answers the steps that it took.
fn ask(series: &mut Series) -> u64 {
    let time = Time::new(START_MS + 1_000, MAX_FUTURE_MS);
    let args = [b"80".as_slice(), b"WINDOW", b"5m"];
    let before = steps::taken();
    series.percentiles(time, &Pctl::parse(Args::new(&args)).unwrap()).unwrap();
    series.vwap(time, &Vwap::parse(Args::new(&args[1..])).unwrap()).unwrap();
    steps::taken() - before
}

#[test]
fn without_room_a_read_keeps_nothing_and_walks_over_no_other_series() {
    let mut all: Vec<Series> = (0..SERIES).map(|_| series()).collect();
    let alone = ask(&mut all[0]);
    all.iter_mut().for_each(|series| {
        ask(series);
    });
    assert!(used_room() > 0, "there was room");
    let held = |all: &[Series]| {
        let mut bytes = 0;
        all.iter().for_each(|series| series.measure(&mut |_, more| bytes += more));
        bytes
    };
    let full = held(&all);

    set_room(0);
    assert_eq!(used_room(), 0, "what was kept is given back at once");
    for series in &mut all {
        let steps = ask(series);
        assert!(steps <= alone, "{steps} steps beside {SERIES} series, {alone} alone");
    }
    assert_eq!(used_room(), 0, "nothing is kept");
    assert!(held(&all) + SERIES * 1_000 < full, "nor measured: {} of {full}", held(&all));

    set_room(DEFAULT_ROOM_BYTES);
    ask(&mut all[1]);
    let again = ask(&mut all[1]);
    assert!(used_room() > 0 && again < alone, "kept again: {again} steps, {alone} the first time");
}
