//! What a command may cost whatever it is given, in counted steps: events, panes or words looked at or moved one by one.
//! Every case here once took seconds, or had no bound.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests stop at surprises")]

use liq_core::grammar::Args;
use liq_core::liq::request::{Pctl, Vwap};
use liq_core::liq::series::{Clock, Event, Options, Series, Side, Time};
use liq_core::settings::ClockMode;
use liq_core::steps;

const START_MS: u64 = 1_735_689_600_000;
const BATCH: u64 = 65_536;
const MINUTE_MS: u64 = 60_000;
const MAX_FUTURE_MS: u64 = 300_000;

fn event(number: u64, ts_ms: u64) -> Event<'static> {
    let mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
    Event {
        ts_ms,
        side: if mixed & 1 == 0 { Side::Buy } else { Side::Sell },
        price: 93_000.0 + (mixed % 1_000) as f64,
        size: ((mixed % 100_000) as f64 / 7_000.0).exp(),
        exchange: Some(b"binance"),
        id_hash: number + 1,
    }
}

fn clock(server_ms: u64, real_ms: u64) -> Clock {
    let time = Time::new(real_ms, MAX_FUTURE_MS).at(Some(server_ms));
    Clock { time, max_future_ms: 1 << 40, signal_max_age_ms: MINUTE_MS }
}

/// Steps that `work` takes.
fn steps_of(work: impl FnOnce()) -> u64 {
    let before = steps::taken();
    work();
    steps::taken() - before
}

/// Steps per event of a batch in the order `offset_ms`, and the most that one event took.
fn batch(tail: u32, window_ms: Option<u64>, offset_ms: impl Fn(u64) -> u64) -> (u64, u64) {
    let options = Options { tail, window_ms, clock: ClockMode::Event, ..Options::default() };
    let (mut series, mut most) = (Series::new(options), 0);
    let all = steps_of(|| {
        for number in 0..BATCH {
            let ts_ms = START_MS + offset_ms(number);
            let one = steps_of(|| {
                series.add_in_batch(&clock(ts_ms, ts_ms), &event(number, ts_ms));
            });
            most = most.max(one);
        }
        series.end_batch(None);
    });
    (all / BATCH, most)
}

#[test]
fn a_batch_costs_its_events_in_any_order() {
    const SECOND: u64 = 1_000;
    type Order = fn(u64) -> u64;
    let orders: [(&str, Order); 7] = [
        ("in order", |n| n * SECOND),
        ("newest first", |n| (BATCH - n) * SECOND),
        ("shuffled", |n| n * 40_503 % BATCH * SECOND),
        ("shuffled, close together", |n| n * 40_503 % BATCH * 10),
        ("all of one millisecond", |_| 0),
        ("two milliseconds in turn", |n| n % 2),
        ("saws", |n| (n / 100 * 100 + 99 - n % 100) * SECOND),
    ];
    // Adding up leaves and their window anew is what an event among others costs: more the longer the tail.
    for (tail, most_each, most_once) in [(256, 200, 1_500), (4096, 300, 9_000), (65_536, 2_500, 140_000)] {
        for (name, order) in orders {
            let (each, once) = batch(tail, None, order);
            assert!(each <= most_each, "{name}, TAIL {tail}: {each} steps an event");
            assert!(once <= most_once, "{name}, TAIL {tail}: {once} steps for one event");
        }
    }
}

#[test]
fn a_window_about_as_long_as_the_tail_is_not_built_anew_each_time() {
    for tail in [256, 4096, 65_536] {
        let window_ms = u64::from(tail) * 1_000 + 500;
        let (each, _) = batch(tail, Some(window_ms), |number| number * 1_000);
        assert!(each <= 250, "TAIL {tail}: {each} steps an event");
    }
}

/// A series with a day of events at its back.
fn busy(tail: u32) -> (Series, u64) {
    let mut series = Series::new(Options { tail, ..Options::default() });
    let gap_ms = 1_200;
    for number in 0..72_000 {
        let ts_ms = START_MS + number * gap_ms;
        series.add_in_batch(&clock(ts_ms, ts_ms), &event(number, ts_ms));
    }
    (series, START_MS + 72_000 * gap_ms)
}

const WINDOWS: [&str; 16] =
    ["5m", "15m", "30m", "1h", "2h", "3h", "4h", "6h", "8h", "10h", "12h", "14h", "16h", "18h", "20h", "22h"];

#[test]
fn sixteen_windows_asked_in_turn_keep_their_cursors() {
    for tail in [256, 4096] {
        let (mut series, mut now_ms) = busy(tail);
        let ask_all = |series: &mut Series, now_ms| {
            let time = Time::new(now_ms, MAX_FUTURE_MS);
            let mut most = 0;
            for window in WINDOWS {
                let args = [b"80".as_slice(), b"WINDOW", window.as_bytes()];
                let pctl = Pctl::parse(Args::new(&args)).unwrap();
                let vwap = Vwap::parse(Args::new(&args[1..])).unwrap();
                most = most.max(steps_of(|| {
                    series.percentiles(time, &pctl).unwrap();
                }));
                most = most.max(steps_of(|| {
                    series.vwap(time, &vwap).unwrap();
                }));
            }
            most
        };
        ask_all(&mut series, now_ms);
        let mut most = 0;
        for number in 0..50 {
            now_ms += 700;
            series.add(&clock(now_ms, now_ms), &event(number, now_ms));
            most = most.max(ask_all(&mut series, now_ms));
        }
        assert!(most <= 700, "TAIL {tail}: {most} steps for one answer");
    }
}

#[test]
fn writes_of_the_past_beside_live_reads_build_nothing_anew() {
    let (mut series, mut now_ms) = busy(4096);
    let pctl = Pctl::parse(Args::new(&[b"80"])).unwrap();
    let mut pair = |number: u64| {
        now_ms += 50;
        let at_ms = START_MS + 72_000 * 1_200 - 1_000;
        series.add(&clock(at_ms, now_ms), &event(100_000 + number, at_ms - number % 900));
        series.percentiles(Time::new(now_ms + 3_600_000, MAX_FUTURE_MS), &pctl).unwrap();
    };
    (0..4).for_each(&mut pair);
    let each = steps_of(|| (4..204).for_each(&mut pair)) / 200;
    assert!(each <= 700, "{each} steps a pair");
}

/// Steps per event, and the most that one took, of events behind `ahead` from a clock 8 minutes ahead, a quarter of a
/// minute's more than is trusted; they are `back_ms` older than the server's clock, which moves on by `gap_us`.
fn behind_a_clock_ahead(tail: u32, ahead: u64, gap_us: u64, back_ms: impl Fn(u64) -> u64) -> (u64, u64) {
    let mut series = Series::new(Options { tail, ..Options::default() });
    let at_ms = START_MS + 4 * MINUTE_MS;
    let mut add = |number: u64, ts_ms: u64, now_ms: u64| {
        let clock = clock(now_ms, now_ms - 4 * MINUTE_MS);
        steps_of(|| {
            series.add_in_batch(&clock, &event(number, ts_ms));
        })
    };
    for number in 0..ahead {
        add(number, at_ms + 4 * MINUTE_MS + number, at_ms);
    }
    let (mut all, mut most) = (0, 0);
    for number in 0..BATCH - ahead {
        let now_ms = at_ms + number * gap_us / 1_000;
        let one = add(ahead + number, now_ms - back_ms(number), now_ms);
        all += one;
        most = most.max(one);
    }
    (all / BATCH, most)
}

#[test]
fn an_event_from_a_clock_that_was_ahead_makes_none_behind_it_dear() {
    type Order = fn(u64) -> u64;
    let orders: [(&str, Order); 4] = [
        ("of one moment", |_| 0),
        ("newest first", |n| n),
        ("shuffled", |n| n * 40_503 % BATCH),
        ("two milliseconds in turn", |n| n % 2),
    ];
    for (tail, most_each, most_once) in [(256, 400, 3_000), (4096, 400, 20_000), (65_536, 2_500, 280_000)] {
        for (name, order) in orders {
            for (ahead, gap_us) in [(1, 0), (1, 900), (100, 0), (100, 900)] {
                let (each, once) = behind_a_clock_ahead(tail, ahead, gap_us, order);
                let what = format!("{name}, TAIL {tail}, {ahead} ahead, {gap_us} µs apart");
                assert!(each <= most_each, "{what}: {each} steps an event");
                assert!(once <= most_once, "{what}: {once} steps for one event");
            }
        }
    }
}
