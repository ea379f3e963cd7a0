//! The frozen layout of a series: golden bytes of every released version, and bytes from anywhere.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests stop at surprises")]

use std::path::PathBuf;

use liq_core::grammar::Args;
use liq_core::liq::format::{self as layout, decided};
use liq_core::liq::reply::StatsReply;
use liq_core::liq::request::{Hist, Range, Stats};
use liq_core::liq::series::{BatchId, Clock, Event, Options, OptionsPatch, Resolution, Series, Side, Time, hash_id};
use proptest::prelude::*;

const START_MS: u64 = 1_735_689_600_000;
/// What is written.
const LAYOUT: u32 = layout::LAYOUT;

/// One series per feature of the layout, by name.
fn specimens() -> Vec<(&'static str, Series)> {
    vec![
        ("empty", series(&[], 0, 0)),
        ("raw", series(&["PERCENTILE", "99.5", "SIGNALS", "{a}signals", "MAXLEN", "50", "IDLE", "7d"], 40, 1_000)),
        ("panes", series(&["TAIL", "256", "CLOCK", "EVENT", "MINSIZE", "10"], 3_000, 20_000)),
        ("narrow", series(&["TAIL", "256", "RETENTION", "1m", "WINDOW", "30s", "VWAPWINDOW", "45s"], 2_000, 50)),
        ("coarse", series(&["TAIL", "256", "RETENTION", "31d", "PRECISION", "5"], 1_500, 600_000)),
        ("short-of-memory", short_of_memory()),
        (
            "market",
            series(&["MARKET", "tick:{a}", "ACCEPTED", "{a}accepted", "MAXLEN", "70", "SIGNALS", "{a}s"], 40, 1_000),
        ),
    ]
}

/// A series that gave up detail for a while.
fn short_of_memory() -> Series {
    let mut series = series(&["CLOCK", "EVENT"], 3_000, 20_000);
    for (part, resolution) in [Resolution::Compact, Resolution::Aggregate, Resolution::Full].into_iter().enumerate() {
        while series.has_more_than(resolution) {
            series.change_resolution(resolution);
        }
        let begin = 3_000 + 800 * part as u64;
        add(&mut series, begin..begin + 800, 20_000);
    }
    series
}

fn series(options: &[&str], events: u64, gap_ms: u64) -> Series {
    let options: Vec<&[u8]> = options.iter().map(|arg| arg.as_bytes()).collect();
    let patch = OptionsPatch::parse(Args::new(&options)).unwrap();
    let mut series = Series::new(Options::default().created(&patch).unwrap());
    add(&mut series, 0..events, gap_ms);
    series.end_batch((events > 0).then_some(BatchId { producer: b"feed-1", seq: events }));
    series
}

fn add(series: &mut Series, numbers: std::ops::Range<u64>, gap_ms: u64) {
    for number in numbers {
        let ts_ms = START_MS + number * gap_ms;
        let clock = Clock { time: Time::new(ts_ms, 300_000), max_future_ms: 300_000, signal_max_age_ms: 60_000 };
        let event = Event {
            ts_ms: ts_ms - (number % 7) * gap_ms / 2,
            side: if number % 3 == 0 { Side::Buy } else { Side::Sell },
            price: 90_000.0 + (number * 37 % 1_000) as f64 / 8.0,
            size: (number * number % 9_973 + 1) as f64 * 12.5,
            exchange: [Some(&b"binance"[..]), Some(b"okx"), None][number as usize % 3],
            id_hash: if number % 5 == 0 { hash_id(&number.to_be_bytes()) } else { 0 },
        };
        series.add(&clock, &event);
    }
}

fn golden_path(layout: u32, name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/liqseries-v{layout}-{name}.bin"))
}

/// Settings, every raw event, and the distribution of all.
fn told(series: &mut Series) -> (String, Vec<String>, Vec<String>) {
    let every = Range::parse(Args::new(&[b"-", b"+", b"COUNT", b"100000"])).unwrap();
    let raw = series.range(&every).iter().map(|event| format!("{event:?}")).collect();
    let last_ms = series.info(0).last_ms.unwrap_or(START_MS);
    let rows = series.histogram(Time::new(last_ms, 300_000), &Hist::parse(Args::new(&[])).unwrap()).unwrap();
    let rows = rows.iter().map(|row| format!("{row:?}")).collect();
    (format!("{:?}", series.options()), raw, rows)
}

fn count(series: &mut Series) -> u64 {
    let request = Stats::parse(Args::new(&[b"WINDOW", b"1m"])).unwrap();
    match series.stats(Time::new(START_MS, 300_000), &request).unwrap() {
        StatsReply::One(map) => map.count,
        _ => unreachable!("one map was asked for"),
    }
}

#[test]
fn the_newest_version_is_written_and_read_as_it_was_released() {
    for (name, mut series) in specimens() {
        let bytes = layout::encode(&series);
        if std::env::var_os("WRITE_GOLDEN").is_some() {
            std::fs::write(golden_path(LAYOUT, name), &bytes).unwrap();
        }
        let golden = std::fs::read(golden_path(LAYOUT, name)).unwrap();
        assert_eq!(bytes, golden, "{name}: what is written is no longer version {LAYOUT}");
        let mut read = layout::decode(LAYOUT, &golden).unwrap();
        assert_eq!(layout::encode(&read), golden, "{name}");
        assert_eq!(count(&mut read), count(&mut series), "{name}");
    }
}

#[test]
fn version_1_is_still_read() {
    for (name, mut series) in specimens().into_iter().filter(|(name, _)| *name != "market") {
        let golden = std::fs::read(golden_path(1, name)).unwrap();
        let mut read = layout::decode(1, &golden).unwrap();
        // Where leaves end was another then, and is part of the data.
        assert_eq!(told(&mut read), told(&mut series), "{name}");
        assert_eq!(layout::encode(&layout::decode(LAYOUT, &layout::encode(&read)).unwrap()), layout::encode(&read));
        assert!(layout::decode(LAYOUT, &golden).is_err(), "{name}: one layout passes for another");
    }
}

#[test]
fn leaves_of_other_lengths_stay_as_they_were_saved() {
    let saved = std::fs::read(golden_path(LAYOUT, "leaves-of-64")).unwrap();
    let mut read = layout::decode(LAYOUT, &saved).unwrap();
    assert_eq!(layout::encode(&read), saved);
    let panes = specimens().into_iter().find(|(name, _)| *name == "panes").map(|(_, series)| series);
    assert_eq!(told(&mut read), told(&mut panes.unwrap()));
}

#[test]
fn unknown_layouts_and_every_truncation_are_refused() {
    for (name, series) in specimens() {
        let bytes = layout::encode(&series);
        assert!(layout::decode(0, &bytes).is_err() && layout::decode(LAYOUT + 1, &bytes).is_err());
        for end in 0..bytes.len().min(4_000) {
            assert!(layout::decode(LAYOUT, &bytes[..end]).is_err(), "{name} cut at {end}");
        }
        let trailing = [bytes.as_slice(), b"x"].concat();
        assert!(layout::decode(LAYOUT, &trailing).is_err(), "{name}");
    }
}

proptest! {
    #[test]
    fn damaged_bytes_are_refused_or_make_a_series_that_works(
        which in 0_usize..7, damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = layout::encode(&specimens().swap_remove(which).1);
        for (place, value) in damage {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        if let Ok(mut series) = layout::decode(LAYOUT, &bytes) {
            // What was accepted must go on working: read, be added to, and survive another reload.
            count(&mut series);
            let now_ms = START_MS + 100_000_000;
            let clock = Clock { time: Time::new(now_ms, 1_000), max_future_ms: 1_000, signal_max_age_ms: 1_000 };
            let event =
                Event { ts_ms: now_ms, side: Side::Buy, price: 1.0, size: 1.0, exchange: Some(b"new"), id_hash: 0 };
            for _ in 0..300 {
                series.add(&clock, &event);
            }
            let again = layout::encode(&series);
            prop_assert!(layout::decode(LAYOUT, &again).is_ok());
        }
    }

    #[test]
    fn whatever_was_recorded_can_be_loaded_again(
        events in prop::collection::vec((0_u64..200_000, any::<bool>(), 0_usize..6, 0_usize..6), 300..700),
        retention in prop::sample::select(vec!["1m", "1h", "1d"]),
    ) {
        let prices = [1e-12, 1e15, 1.0, 777.125, 1e-5, 99_999.9];
        let sizes = [1e-9, 1e15, 1.0, 250.0, 0.1, 1e6];
        let mut held = series(&["TAIL", "256", "RETENTION", retention], 0, 0);
        let mut ts_ms = START_MS;
        for (gap_ms, buy, price, size) in events {
            ts_ms += gap_ms;
            let clock = Clock { time: Time::new(ts_ms, 1_000), max_future_ms: 1_000, signal_max_age_ms: 1_000 };
            let side = if buy { Side::Buy } else { Side::Sell };
            let (price, size) = (prices[price], sizes[size]);
            let event =
                Event { ts_ms: ts_ms - gap_ms / 3, side, price, size, exchange: Some(b"okx"), id_hash: gap_ms };
            held.add(&clock, &event);
        }
        let bytes = layout::encode(&held);
        let again = layout::decode(LAYOUT, &bytes);
        prop_assert!(again.is_ok(), "{:?}", again.err());
        prop_assert_eq!(layout::encode(&again.unwrap()), bytes);
    }

    #[test]
    fn doubles_that_no_events_have_are_refused_or_harmless(
        which in 0_usize..7, place in any::<prop::sample::Index>(),
        value in prop::sample::select(vec![1e300, 1e200, 1e40, 1e17, 1e15, 1.0, 1e-12, 5e-324, 0.0, -1.0, f64::NAN]),
    ) {
        let mut bytes = layout::encode(&specimens().swap_remove(which).1);
        prop_assume!(bytes.len() > 200);
        let place = place.index(bytes.len() - 8);
        bytes[place..place + 8].copy_from_slice(&f64::to_le_bytes(value));
        if let Ok(mut series) = layout::decode(LAYOUT, &bytes) {
            // Late events join panes, time moves panes together, and what comes of it must still be loadable.
            let newest_ms = series.now_ms(Time::new(0, u64::MAX));
            for step in 0..600 {
                let ts_ms = newest_ms.saturating_sub(40_000 * (step % 50)) + 30_000 * (step / 50);
                let clock = Clock { time: Time::new(ts_ms, 1_000), max_future_ms: 1_000, signal_max_age_ms: 1_000 };
                let event = Event { ts_ms, side: Side::Buy, price: 1e3, size: 1e3 + step as f64, exchange: Some(b"okx"), id_hash: 0 };
                series.add(&clock, &event);
            }
            let saved = layout::encode(&series);
            let again = layout::decode(LAYOUT, &saved);
            prop_assert!(again.is_ok(), "{:?}", again.err());
        }
    }

    #[test]
    fn decided_writes_from_anywhere_change_all_or_nothing(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut held = series(&["TAIL", "256"], 300, 1_000);
        let before = layout::encode(&held);
        if held.apply(&bytes).is_err() {
            prop_assert_eq!(layout::encode(&held), before);
        }
    }

    #[test]
    fn damaged_decided_writes_change_all_or_nothing(place in any::<prop::sample::Index>(), value in any::<u8>()) {
        let event = Event { ts_ms: START_MS, side: Side::Sell, price: 5.0, size: 7.0, exchange: Some(b"okx"), id_hash: 9 };
        let mut payload = Vec::new();
        decided::begin(&mut payload, Time::new(START_MS, 0), Resolution::Full, Some(BatchId { producer: b"p", seq: 3 }));
        decided::push(&mut payload, &event);
        decided::end(&mut payload, &liq_core::liq::series::Tally::default());
        let place = place.index(payload.len());
        payload[place] = value;
        let mut held = series(&[], 0, 0);
        let before = layout::encode(&held);
        if held.apply(&payload).is_err() {
            prop_assert_eq!(layout::encode(&held), before);
        }
        let after = layout::encode(&held);
        prop_assert!(layout::decode(LAYOUT, &after).is_ok());
    }
}
