//! `rate_ratio` of LIQ.STATS: how much busier a window is than the series is on the whole.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests stop at surprises")]

use liq_core::grammar::Args;
use liq_core::liq::reply::{Stats, StatsReply};
use liq_core::liq::request;
use liq_core::liq::series::{Clock, Event, Options, Series, Side, Time};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const START: u64 = 1_735_689_600_000;

/// A series with a tail this long, and when its newest event was. A day at one event a minute, every fourth of them a
/// buy, then an hour at six.
fn busy_hour(tail: u32) -> (Series, Vec<(u64, Side)>) {
    let quiet = (1..=24 * 60).map(|minute| START + minute * MINUTE);
    let busy = (1..=360).map(|step| START + 24 * HOUR + step * MINUTE / 6);
    let mut series = Series::new(Options { tail, ..Options::default() });
    let mut events = Vec::new();
    for (number, ts_ms) in quiet.chain(busy).enumerate() {
        let side = if number % 4 == 0 { Side::Buy } else { Side::Sell };
        let event = Event { ts_ms, side, price: 100.0, size: 1.0 + number as f64, exchange: Some(b"okx"), id_hash: 0 };
        let clock = Clock { time: Time::new(ts_ms, 0), max_future_ms: 0, signal_max_age_ms: 0 };
        series.add(&clock, &event);
        events.push((ts_ms, side));
    }
    (series, events)
}

fn stats(series: &mut Series, now_ms: u64, words: &[&str]) -> StatsReply {
    let args: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    series.stats(Time::new(now_ms, 0), &request::Stats::parse(Args::new(&args)).unwrap()).unwrap()
}

fn one(series: &mut Series, now_ms: u64, words: &[&str]) -> Stats {
    let StatsReply::One(stats) = stats(series, now_ms, words) else { unreachable!("one map was asked for") };
    stats
}

/// The definition: events a minute in the window, over events a minute of all that is held, from the first of them on.
fn ratio(events: &[(u64, Side)], now_ms: u64, window_ms: u64, side: Option<Side>) -> f64 {
    let retention_ms = 24 * HOUR;
    let held: Vec<_> = events.iter().filter(|(ts, _)| *ts > now_ms - retention_ms && *ts <= now_ms).collect();
    let since_ms = (held[0].0 - 1).max(now_ms - retention_ms);
    let wanted = |of: Side| side.is_none_or(|side| side == of);
    let in_window = held.iter().filter(|(ts, of)| *ts > now_ms - window_ms && wanted(*of)).count();
    let all = held.iter().filter(|(_, of)| wanted(*of)).count();
    (in_window as f64 / window_ms as f64) / (all as f64 / (now_ms - since_ms) as f64)
}

#[test]
fn a_busy_hour_stands_out() {
    let now_ms = START + 25 * HOUR;
    for tail in [256, 4096] {
        let (mut series, events) = busy_hour(tail);
        for (words, window_ms, side) in
            [(vec![], HOUR, None), (vec!["WINDOW", "2h"], 2 * HOUR, None), (vec!["SIDE", "buy"], HOUR, Some(Side::Buy))]
        {
            let found = one(&mut series, now_ms, &words).rate_ratio.unwrap();
            let due = ratio(&events, now_ms, window_ms, side);
            // Panes count whole at either end: five minutes of a day.
            assert!((found / due - 1.0).abs() < 0.02, "{words:?} TAIL {tail}: {found}, due {due}");
        }
        let quiet = one(&mut series, now_ms, &["AT", &(START + 12 * HOUR).to_string()]).rate_ratio.unwrap();
        assert!((quiet - 1.0).abs() < 0.1, "an hour like those before it: {quiet}");
        let StatsReply::Buckets(rows) = stats(&mut series, now_ms, &["WINDOW", "2h", "BUCKET", "1h"]) else {
            unreachable!("rows were asked for")
        };
        let rows: Vec<f64> = rows.0.iter().filter_map(|row| row.stats.rate_ratio).collect();
        assert!(rows.iter().any(|ratio| *ratio > 3.0) && rows.iter().any(|ratio| *ratio < 1.0), "{rows:?}");
    }
}

#[test]
fn without_history_there_is_no_ratio() {
    let (mut series, _) = busy_hour(256);
    let now_ms = START + 25 * HOUR;
    assert_eq!(one(&mut series, now_ms, &["WINDOW", "24h"]).rate_ratio, None, "nothing lies before the window");
    assert_eq!(one(&mut series, now_ms, &["EXCHANGE", "okx"]).rate_ratio, None, "of one exchange nothing is said");
    assert_eq!(one(&mut series, now_ms + 3 * HOUR, &[]).rate_ratio, Some(0.0), "an hour without events");
    assert_eq!(one(&mut series, now_ms + 60 * HOUR, &[]).rate_ratio, None, "nothing is held");
    let mut empty = Series::new(Options::default());
    assert_eq!(one(&mut empty, now_ms, &[]).rate_ratio, None);
}
