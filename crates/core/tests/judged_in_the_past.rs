//! Events judged at a moment before the newest one, whose clock was ahead: what is kept from one judgement to the next
//! answers as what is made anew does, and as the definition while everything is raw.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests stop at surprises")]

use liq_core::grammar::Args;
use liq_core::liq::format as layout;
use liq_core::liq::series::{Clock, Event, Judgement, Options, OptionsPatch, Series, Side, Time};
use proptest::prelude::*;

const START_MS: u64 = 1_735_516_800_000;
const MINUTE_MS: u64 = 60_000;
const WINDOW_MS: u64 = 3 * MINUTE_MS;

/// How far the server's clock moves, how far the event is from it, and its size.
type Step = (i64, i64, u32);

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let moves = prop_oneof![8 => 0_i64..2_000, 2 => Just(0), 2 => 0_i64..90_000, 1 => -60_000_i64..0];
    let from_now = prop_oneof![
        8 => -3_000_i64..1,
        4 => -200_000_i64..1,
        1 => 0_i64..3_000,
        1 => 0_i64..5 * MINUTE_MS as i64,
    ];
    prop::collection::vec((moves, from_now, 1_u32..400), 1..900)
}

fn options(tail: &str, retention: &str) -> Options {
    let words = ["TAIL", tail, "RETENTION", retention, "WINDOW", "3m", "VWAPWINDOW", "2m", "PERCENTILE", "80"];
    let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    Options::default().created(&OptionsPatch::parse(Args::new(&words)).unwrap()).unwrap()
}

/// The share of the window's events at or below a size, by looking at all of them.
fn rank(held: &[(u64, f64)], now_ms: u64, size: f64) -> Option<f64> {
    let in_window = |ts_ms: u64| ts_ms <= now_ms && ts_ms as i64 > now_ms as i64 - WINDOW_MS as i64;
    let sizes: Vec<f64> = held.iter().filter(|(ts_ms, _)| in_window(*ts_ms)).map(|(_, size)| *size).collect();
    let below = sizes.iter().filter(|held| **held <= size).count();
    (!sizes.is_empty()).then(|| 100.0 * below as f64 / sizes.len() as f64)
}

fn run(options: Options, is_all_held: bool, steps: &[Step]) {
    let mut series = Series::new(options);
    let mut held: Vec<(u64, f64)> = Vec::new();
    let mut now_ms = START_MS;
    for (number, (moved, from_now, lots)) in steps.iter().enumerate() {
        now_ms = now_ms.saturating_add_signed(*moved);
        let ts_ms = now_ms.saturating_add_signed(*from_now);
        let (side, size) = (Side::Buy, 10.0 * f64::from(*lots));
        let price = 90.0 + f64::from(*lots % 21);
        let event = Event { ts_ms, side, price, size, exchange: None, id_hash: number as u64 + 1 };
        // No event ahead says what time it is.
        let clock = Clock {
            time: Time { server_ms: now_ms, trusted_ms: 0 },
            max_future_ms: 10 * MINUTE_MS,
            signal_max_age_ms: MINUTE_MS,
        };
        let mut anew = layout::decode(layout::LAYOUT, &layout::encode(&series)).unwrap();
        let expected: Judgement = anew.add(&clock, &event);
        let judged = series.add(&clock, &event);
        assert_eq!(judged, expected, "step {number}");
        series.check();
        if judged.status.is_recorded() {
            if is_all_held {
                assert_eq!(judged.rank, rank(&held, now_ms, size), "step {number}");
            }
            held.push((ts_ms, size));
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, max_shrink_iters: 2000, ..ProptestConfig::default() })]

    #[test]
    fn a_raw_window_that_ends_before_the_newest_event_is_its_definition(steps in steps()) {
        run(options("4096", "1d"), true, &steps);
    }

    #[test]
    fn a_window_of_panes_that_ends_before_the_newest_event_is_as_one_made_anew(steps in steps()) {
        run(options("256", "10m"), false, &steps);
    }
}
