//! Compares replies with the definition.

use super::Reply;
use super::oracle::{Event, Judgement, Series, Side, close, percentile, rank, sizes, vwap};

/// Relative agreement of exact figures.
const EXACT: f64 = 1e-12;

/// Asserts that a number of a reply agrees to 1e-12 with the definition's, null for null.
#[track_caller]
pub fn assert_number(reply: &Reply, expected: Option<f64>, what: &str) {
    assert_close(reply, expected, EXACT, 0.0, what);
}

/// Asserts agreement to `tolerance`, relative to the larger or to `scale`.
#[track_caller]
pub fn assert_close(reply: &Reply, expected: Option<f64>, tolerance: f64, scale: f64, what: &str) {
    let got = reply.number();
    let agree = match (got, expected) {
        (Some(got), Some(expected)) => close(got, expected, tolerance, scale),
        (None, None) => true,
        _ => false,
    };
    assert!(agree, "{what}: got {got:?}, by definition {expected:?}");
}

/// Asserts that the reply of LIQ.ADD is the definition's judgement, exactly.
#[track_caller]
pub fn assert_judged(reply: &Reply, expected: &Judgement, what: &str) {
    assert_eq!(reply.field("status").text(), expected.status.name(), "status of {what}: {reply:?} {expected:?}");
    assert_number(reply.field("rank"), expected.rank, &format!("rank of {what}"));
    let threshold = reply.field("threshold");
    // The contract leaves open whether a threshold nothing is compared with is told.
    if !(expected.unfiltered && threshold.is_null()) {
        assert_number(threshold, expected.threshold, &format!("threshold of {what}"));
    }
    assert_number(reply.field("vwap"), expected.vwap, &format!("vwap of {what}"));
    // A small deviation is a difference of nearly equal prices: its error is relative to the price, 100 percent.
    assert_close(reply.field("deviation"), expected.deviation, EXACT, 100.0, &format!("deviation of {what}"));
    let signal = reply.field("signal");
    let signal = if signal.is_null() { None } else { Some(signal.text()) };
    assert_eq!(signal.as_deref(), expected.signal.map(Side::name), "signal of {what}");
}

/// Whether `accept` holds for the events in (now − width − d, now] for some d in [0, pane): what is promised of a
/// window that left the raw tail.
pub fn some_window(
    series: &Series,
    now: u64,
    width: u64,
    side: Option<Side>,
    mut accept: impl FnMut(&[&Event]) -> bool,
) -> bool {
    let pane = series.options.pane();
    let widest = series.window(now, width + pane - 1, side);
    let narrowest = series.window(now, width, side).len();
    let mut start = 0;
    loop {
        if accept(&widest[start..]) {
            return true;
        }
        if widest.len() - start <= narrowest {
            return false;
        }
        // Events of one millisecond enter a window together.
        let ts = widest[start].ts;
        while start < widest.len() && widest[start].ts == ts {
            start += 1;
        }
    }
}

/// The promised relative error of a percentile.
pub fn bucket_error(precision: u32) -> f64 {
    // A hair more, for the rounding of the comparison itself.
    0.5_f64.powi(precision as i32 + 1) * (1.0 + 1e-9)
}

/// Asserts that `got` is the percentile within the promised error, for some admissible window.
#[track_caller]
pub fn assert_percentile_promise(series: &Series, now: u64, width: u64, side: Option<Side>, p: f64, got: Option<f64>) {
    let error = bucket_error(series.options.precision);
    let held = some_window(series, now, width, side, |events| match (percentile(&sizes(events), p), got) {
        (Some(exact), Some(got)) => (got - exact).abs() <= error * exact,
        (None, None) => true,
        _ => false,
    });
    let exact = percentile(&sizes(&series.window(now, width, side)), p);
    assert!(held, "p{p} over {width} ms at {now} ({side:?}): got {got:?}, exact {exact:?}, no window within {error}");
}

/// Asserts promise 3 and the bracket of the rank for an event judged beyond the raw tail.
#[track_caller]
pub fn assert_judged_within_promise(series_before: &Series, event: &Event, now: u64, reply: &Reply) {
    let options = &series_before.options;
    let accepted = match reply.field("status").text().as_str() {
        "accepted" => true,
        "filtered" => false,
        other => panic!("{event:?} was judged {other}"),
    };
    let bucket = 0.5_f64.powi(options.precision as i32);
    let threshold = reply.field("threshold").number();
    assert_eq!(accepted, threshold.is_none_or(|threshold| event.size >= threshold), "accepted ⇔ size ≥ threshold");
    let replied_rank = reply.field("rank").number();
    let held = some_window(series_before, now, options.window, None, |events| {
        let sorted = sizes(events);
        let Some(exact) = percentile(&sorted, options.percentile) else { return threshold.is_none() };
        let right_decision = if accepted { event.size >= exact * (1.0 - bucket * 1.001) } else { event.size < exact };
        let low = rank(&sorted, event.size);
        let high = rank(&sorted, event.size * (1.0 + bucket * 1.001));
        let in_bracket = match (low, replied_rank, high) {
            (Some(low), Some(got), Some(high)) => low - 1e-9 <= got && got <= high + 1e-9,
            _ => false,
        };
        right_decision && in_bracket
    });
    assert!(held, "{event:?} was judged against promise 3: {reply:?}");
    let vwap_held = some_window(series_before, now, options.vwap_window, None, |events| {
        match (vwap(events), reply.field("vwap").number()) {
            (Some(exact), Some(got)) => close(exact.vwap, got, EXACT, 0.0),
            (None, None) => true,
            _ => false,
        }
    });
    assert!(vwap_held, "the vwap of {event:?} belongs to no admissible window: {reply:?}");
}
