//! A series that names a market judges prices by that market's trades and never by its own events.
#![allow(clippy::unwrap_used, missing_docs, reason = "tests stop at surprises")]

use liq_core::grammar::Args;
use liq_core::liq::request::Vwap;
use liq_core::liq::series::{Clock, Event, Judgement, Options, OptionsPatch, Series, Side, Status, Time};
use proptest::prelude::*;

const START_MS: u64 = 1_735_689_600_000;

fn series(options: &[&str]) -> Series {
    let options: Vec<&[u8]> = options.iter().map(|word| word.as_bytes()).collect();
    Series::new(Options::default().created(&OptionsPatch::parse(Args::new(&options)).unwrap()).unwrap())
}

fn clock(now_ms: u64) -> Clock {
    Clock { time: Time::new(now_ms, 300_000), max_future_ms: 300_000, signal_max_age_ms: 60_000 }
}

fn event(ts_ms: u64, side: Side, price: f64, size: f64) -> Event<'static> {
    Event { ts_ms, side, price, size, exchange: None, id_hash: 0 }
}

#[test]
fn the_market_is_asked_for_the_window_up_to_now() {
    let mut held = series(&["MARKET", "m", "VWAPWINDOW", "15m"]);
    let mut asked = Vec::new();
    let mut market = |now_ms: u64, window_ms: u64| {
        asked.push((now_ms, window_ms));
        Some(100.0)
    };
    let judged = held.add_beside(&mut market, &clock(START_MS), &event(START_MS - 5, Side::Sell, 90.0, 1.0));
    assert_eq!((judged.vwap, judged.deviation_pct), (Some(100.0), Some(-10.0)));
    assert_eq!(judged.signal.map(|signal| (signal.action, signal.vwap)), Some((Side::Buy, 100.0)));
    assert_eq!(asked, [(START_MS, 900_000)]);
}

#[test]
fn without_a_price_of_the_market_there_is_none_and_no_signal() {
    let mut held = series(&["MARKET", "m"]);
    for number in 0..5 {
        let judged =
            held.add(&clock(START_MS), &event(START_MS + number, Side::Sell, 100.0 - 30.0 * number as f64 / 2.0, 1e3));
        assert_eq!(
            (judged.status, judged.vwap, judged.deviation_pct, judged.signal),
            (Status::Accepted, None, None, None)
        );
    }
    let request = Vwap::parse(Args::new(&[])).unwrap();
    let own = held.vwap(Time::new(START_MS, 300_000), &request).unwrap();
    assert!(own.vwap.is_some_and(|vwap| vwap < 100.0), "LIQ.VWAP is of the events, as ever");
}

#[test]
fn a_series_without_a_market_asks_none() {
    let mut held = series(&[]);
    let mut market = |_: u64, _: u64| -> Option<f64> { unreachable!("no market is named") };
    held.add_beside(&mut market, &clock(START_MS), &event(START_MS, Side::Buy, 100.0, 1.0));
    let judged = held.add_in_batch_beside(&mut market, &clock(START_MS), &event(START_MS, Side::Buy, 200.0, 1.0));
    assert_eq!(judged.vwap, Some(100.0));
}

proptest! {
    /// Status, rank and threshold are what they are without a market; deviation and signal follow from its VWAP.
    #[test]
    fn only_the_price_is_judged_otherwise(
        events in prop::collection::vec((0_u64..90_000, any::<bool>(), 50.0_f64..150.0, 1.0_f64..1e6, prop::option::of(80.0_f64..120.0)), 1..80),
        offset in prop::sample::select(vec!["0", "2", "5"]), is_batch in any::<bool>(),
    ) {
        let options = ["LONGOFFSET", offset, "SHORTOFFSET", offset, "CLOCK", "EVENT", "MINSIZE", "5"];
        let (mut alone, mut beside) = (series(&options), series(&[&options[..], &["MARKET", "m"]].concat()));
        let limit: f64 = offset.parse().unwrap();
        let mut ts_ms = START_MS;
        for (gap_ms, buy, price, size, vwap) in events {
            ts_ms += gap_ms;
            let event = event(ts_ms, if buy { Side::Buy } else { Side::Sell }, price, size);
            let mut market = |_: u64, _: u64| vwap;
            let (own, judged): (Judgement, Judgement) = match is_batch {
                true => (
                    alone.add_in_batch(&clock(ts_ms), &event),
                    beside.add_in_batch_beside(&mut market, &clock(ts_ms), &event),
                ),
                false => (alone.add(&clock(ts_ms), &event), beside.add_beside(&mut market, &clock(ts_ms), &event)),
            };
            prop_assert_eq!((own.status, own.rank, own.threshold), (judged.status, judged.rank, judged.threshold));
            let is_judged = judged.status == Status::Accepted || (!is_batch && judged.status != Status::Duplicate);
            let vwap = vwap.filter(|_| is_judged);
            prop_assert_eq!(judged.vwap, vwap);
            let deviation = vwap.map(|vwap| (price - vwap) / vwap * 100.0);
            prop_assert_eq!(judged.deviation_pct, deviation);
            let action = deviation.filter(|_| limit > 0.0 && judged.status == Status::Accepted).and_then(|deviation| {
                (!buy && deviation <= -limit).then_some(Side::Buy).or((buy && deviation >= limit).then_some(Side::Sell))
            });
            prop_assert_eq!(judged.signal.map(|signal| signal.action), action);
        }
        let time = Time::new(ts_ms, 0);
        let request = Vwap::parse(Args::new(&[])).unwrap();
        prop_assert_eq!(alone.vwap(time, &request).unwrap(), beside.vwap(time, &request).unwrap());
    }
}
