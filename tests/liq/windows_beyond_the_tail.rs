//! Windows that have left the raw tail: the promised error of percentiles, the promised side of the filter's errors,
//! exact counts and sums over whole panes.

use crate::support::feed::Feed;
use crate::support::judge::{assert_judged_within_promise, assert_percentile_promise, some_window};
use crate::support::oracle::{Event, HOUR, MINUTE, Options, SECOND, Series, Side, close, sizes, sum, vwap};
use crate::support::{Client, Server};
use crate::twin::T0;

/// Feeds `count` events; every seventh judgement is checked.
fn fed(client: &mut Client, options: Options, count: usize, step_ms: u64, late_one_in: u32) -> Series {
    client.run(&format!("LIQ.CREATE s {}", options.to_args())).ok();
    let mut series = Series::new(options);
    for (at, event) in Feed::new(21, T0).take(count, step_ms, late_one_in, HOUR).iter().enumerate() {
        let reply = client.run(&format!("LIQ.ADD s {}", event.to_args()));
        let now = series.newest().max(event.ts);
        if at % 7 == 0 && reply.field("status").text() != "duplicate" {
            assert_judged_within_promise(&series, event, now, &reply);
        }
        series.add(event, T0 + 1000 * HOUR);
    }
    series
}

#[track_caller]
fn assert_promises(client: &mut Client, series: &Series, now: u64, width: u64, side: Option<Side>) {
    let tail =
        format!("WINDOW {width} AT {now}{}", side.map_or(String::new(), |side| format!(" SIDE {}", side.name())));
    let percentiles = [0.0, 1.0, 25.0, 50.0, 80.0, 95.0, 99.9, 100.0];
    let replies = client.run(&format!("LIQ.PCTL s 0 1 25 50 80 95 99.9 100 {tail}"));
    for (reply, p) in replies.array().iter().zip(percentiles) {
        assert_percentile_promise(series, now, width, side, p, reply.number());
    }
    let stats = client.run(&format!("LIQ.STATS s {tail}"));
    let number = |field: &str| stats.field(field).number();
    let held = some_window(series, now, width, side, |events| {
        let sorted = sizes(events);
        let volume = sum(sorted.iter().copied());
        stats.field("count").int() == events.len() as i64
            && number("min") == sorted.first().copied()
            && number("max") == sorted.last().copied()
            && close(number("volume").unwrap(), volume, 1e-12, 0.0)
            && match (number("vwap"), vwap(events)) {
                (Some(got), Some(exact)) => close(got, exact.vwap, 1e-12, 0.0),
                (got, exact) => got.is_none() && exact.is_none(),
            }
    });
    assert!(held, "STATS {tail} belongs to no admissible window: {stats:?}");
    if stats.field("exact").bool() {
        let exact = series.window(now, width, side);
        assert_eq!(stats.field("count").int(), exact.len() as i64, "said to be exact: STATS {tail}");
    }
    let figures = client.run(&format!("LIQ.VWAP s {tail}"));
    let held = some_window(series, now, width, side, |events| match vwap(events) {
        Some(exact) => {
            figures.field("count").int() == events.len() as i64
                && close(figures.field("vwap").f64(), exact.vwap, 1e-12, 0.0)
                && close(figures.field("quantity").f64(), exact.quantity, 1e-12, 0.0)
                && close(figures.field("stddev").f64(), exact.stddev, 1e-6, exact.vwap * 1e-3)
        }
        None => figures.field("count").int() == 0,
    });
    assert!(held, "VWAP {tail} belongs to no admissible window: {figures:?}");
    let counted: i64 = client.run(&format!("LIQ.HIST s {tail}")).array().iter().map(|row| row.array()[2].int()).sum();
    assert_eq!(counted, stats.field("count").int(), "HIST and STATS {tail}");
}

fn options(precision: u32) -> Options {
    Options {
        tail: 256,
        retention: 4 * HOUR,
        window: 2 * HOUR,
        vwap_window: HOUR,
        event_clock: true,
        precision,
        ..Options::default()
    }
}

#[test]
fn a_dense_feed_keeps_the_promises_at_every_precision() {
    for precision in 5..=8 {
        let server = Server::start();
        let mut client = server.connect();
        let series = fed(&mut client, options(precision), 1500, 10 * SECOND, 0);
        let newest = series.newest();
        for now in [newest, newest + 17 * MINUTE, newest + HOUR + 1] {
            for width in [MINUTE, 20 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR] {
                assert_promises(&mut client, &series, now, width, None);
            }
            for side in [Side::Buy, Side::Sell] {
                assert_promises(&mut client, &series, now, 2 * HOUR, Some(side));
            }
        }
    }
}

#[test]
fn late_events_into_closed_panes_keep_the_promises() {
    let server = Server::start();
    let mut client = server.connect();
    let series = fed(&mut client, options(7), 2000, 8 * SECOND, 4);
    for width in [10 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR] {
        assert_promises(&mut client, &series, series.newest(), width, None);
        assert_promises(&mut client, &series, series.newest() + 30 * MINUTE, width, Some(Side::Sell));
    }
}

#[test]
fn a_long_retention_with_wide_panes_keeps_the_promises() {
    let server = Server::start();
    let mut client = server.connect();
    let long = Options { retention: 7 * 24 * HOUR, window: 3 * 24 * HOUR, ..options(7) };
    let series = fed(&mut client, long, 1500, 10 * MINUTE, 10);
    for width in [HOUR, 24 * HOUR, 3 * 24 * HOUR, 7 * 24 * HOUR] {
        assert_promises(&mut client, &series, series.newest(), width, None);
    }
}

#[test]
fn a_window_within_the_tail_stays_exact_however_much_lies_beyond() {
    let server = Server::start();
    let mut client = server.connect();
    let series = fed(&mut client, options(5), 1500, 10 * SECOND, 0);
    let newest = series.newest();
    let oldest_in_tail = series.events[series.events.len() - 256].ts;
    let width = newest - oldest_in_tail;
    let stats = client.run(&format!("LIQ.STATS s WINDOW {width}"));
    assert!(stats.field("exact").bool(), "{stats:?}");
    let events: Vec<&Event> = series.window(newest, width, None);
    crate::twin::assert_stats(&stats, &events, width, "the raw tail");
    let wider = client.run(&format!("LIQ.STATS s WINDOW {}", width + HOUR));
    assert!(!wider.field("exact").bool(), "{wider:?}");
}

#[test]
fn no_event_at_or_above_the_true_percentile_is_ever_filtered_among_lot_sizes() {
    let server = Server::start();
    let mut client = server.connect();
    let options = Options { percentile: 90.0, ..options(7) };
    client.run(&format!("LIQ.CREATE s {}", options.to_args())).ok();
    let mut series = Series::new(options);
    let mut random = fastrand::Rng::with_seed(5);
    for at in 0..1500_u64 {
        let size = [100.0, 100.0, 100.0, 250.0, 250.0, 500.0, 1000.0, 1000.4, 1001.0][random.usize(0..9)];
        let event = Event::new(T0 + at * 5 * SECOND, Side::Buy, 100.0 + random.f64(), size);
        let reply = client.run(&format!("LIQ.ADD s {}", event.to_args()));
        if at % 5 == 0 {
            assert_judged_within_promise(&series, &event, event.ts, &reply);
        }
        series.add(&event, event.ts);
    }
}

#[test]
fn another_order_of_arrival_gives_the_same_counts_and_histograms() {
    let server = Server::start();
    let mut client = server.connect();
    let options = Options { percentile: 0.0, ..options(7) };
    let mut events = Feed::new(2, T0).take(1200, 8 * SECOND, 0, 0);
    for key in ["one", "two"] {
        client.run(&format!("LIQ.CREATE {key} {}", options.to_args())).ok();
        let lines: Vec<String> = events.iter().map(|event| format!("LIQ.ADD {key} {}", event.to_args())).collect();
        client.pipeline(&lines);
        // The newest comes last both times: what is late depends on it.
        let last = events.len() - 1;
        fastrand::Rng::with_seed(8).shuffle(&mut events[..last]);
    }
    for read in ["LIQ.HIST KEY", "LIQ.HIST KEY WINDOW 1h SIDE buy", "LIQ.PCTL KEY 0 10 50 99 100 WINDOW 4h"] {
        assert_eq!(client.run(&read.replace("KEY", "one")), client.run(&read.replace("KEY", "two")), "{read}");
    }
    let (one, two) = (client.run("LIQ.STATS one WINDOW 4h"), client.run("LIQ.STATS two WINDOW 4h"));
    for (name, value) in one.fields() {
        match (value.number(), two.field(&name).number()) {
            (Some(a), Some(b)) => assert!(close(a, b, 1e-9, 0.0), "{name}: {a} {b}"),
            (a, b) => assert_eq!(a, b, "{name}"),
        }
    }
}
