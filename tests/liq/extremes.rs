//! Shapes of data that hurt: far modes, one value, duplicates, idle times, gaps of years, the ends of time.

use crate::support::oracle::{DAY, Event, HOUR, MINUTE, Options, SECOND, Side, Status};
use crate::support::{Client, Server};
use crate::twin::{T0, Twin};

const LAST: u64 = 1 << 53;

fn event_clock() -> Options {
    Options { event_clock: true, ..Options::default() }
}

#[track_caller]
fn assert_all_reads(twin: &Twin, client: &mut Client, now: u64) {
    for width in [MINUTE, HOUR, twin.series.options.retention] {
        for side in [None, Some(Side::Buy), Some(Side::Sell)] {
            twin.assert_reads(client, now, width, side);
        }
    }
}

/// Feeds the sizes a second apart and compares everything.
fn check(sizes: impl IntoIterator<Item = f64>, options: Options) {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", options);
    for (at, size) in sizes.into_iter().enumerate() {
        let side = if at % 3 == 0 { Side::Buy } else { Side::Sell };
        twin.add(&mut client, &Event::new(T0 + at as u64 * SECOND, side, 100.0 + (at % 7) as f64, size), T0 + DAY);
    }
    assert_all_reads(&twin, &mut client, twin.series.newest());
}

#[test]
fn two_far_modes() {
    check((0..400).map(|at| if at % 5 == 0 { 1e9 + at as f64 } else { 0.01 + at as f64 * 1e-6 }), event_clock());
}

#[test]
fn one_value_only() {
    check(std::iter::repeat_n(1234.5, 400), event_clock());
}

#[test]
fn few_lot_sizes_in_large_groups() {
    check((0..600).map(|at| [10.0, 10.0, 10.0, 25.0, 100.0][at % 5]), Options { percentile: 60.0, ..event_clock() });
}

#[test]
fn ascending_sizes() {
    check((1..500).map(f64::from), event_clock());
}

#[test]
fn descending_sizes() {
    check((1..500).rev().map(f64::from), Options { percentile: 99.0, ..event_clock() });
}

#[test]
fn sizes_at_and_beyond_the_ends_of_the_buckets() {
    let edges = [1e-9, 0.0078124999, 0.0078125, 0.0078125001, 1.0, 8_589_934_591.9, 8_589_934_592.0, 1e12, 1e15];
    check(edges.into_iter().cycle().take(200), event_clock());
}

#[test]
fn neighbouring_doubles() {
    check((0..300_u64).map(|at| f64::from_bits(100.0_f64.to_bits() + at * 7919 % 300)), event_clock());
}

#[test]
fn prices_over_all_decades() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", event_clock());
    for (at, price) in [1e-12, 1e-5, 1.0, 1e5, 1e15].into_iter().cycle().take(50).enumerate() {
        twin.add(&mut client, &Event::new(T0 + at as u64, Side::Sell, price, 1000.0), T0 + DAY);
    }
    let reply = client.run("LIQ.VWAP s BANDS 3 PRICE 1e15");
    for (name, value) in reply.fields() {
        assert!(value.number().is_some_and(f64::is_finite), "{name}: {value:?}");
    }
}

#[test]
fn a_price_that_falls_by_orders_of_magnitude_keeps_the_vwap_exact() {
    let server = Server::start();
    let mut client = server.connect();
    let month = Options { retention: 31 * DAY, window: 31 * DAY, vwap_window: 31 * DAY, ..event_clock() };
    let mut twin = Twin::create(&mut client, "s", month);
    for at in 0..200_u64 {
        // A coin that loses nearly all of its worth within days, as one did in May 2022: the mean is near the end.
        let price = if at < 50 { 80.0 - at as f64 } else { 1e-5 + at as f64 * 1e-8 };
        twin.add(&mut client, &Event::new(T0 + at * HOUR, Side::Sell, price, 1000.0 + at as f64), T0 + 31 * DAY);
    }
    assert_all_reads(&twin, &mut client, twin.series.newest());
}

#[test]
fn one_price_has_no_deviation_at_all() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0").ok();
    for at in 0..200_u64 {
        client.run(&format!("LIQ.ADD s {} buy 0.1 {}", T0 + at, 0.3 * (at + 1) as f64));
    }
    let reply = client.run("LIQ.VWAP s BANDS 2");
    assert_eq!((reply.field("vwap").f64(), reply.field("stddev").f64()), (0.1, 0.0), "{reply:?}");
    assert_eq!((reply.field("upper").f64(), reply.field("lower").f64()), (0.1, 0.1));
}

#[test]
fn windows_empty_themselves_while_nothing_arrives() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(
        &mut client,
        "s",
        Options { retention: 2 * HOUR, window: HOUR, vwap_window: 5 * MINUTE, ..event_clock() },
    );
    for at in 0..300_u64 {
        twin.add(&mut client, &Event::new(T0 + at * 20 * SECOND, Side::Buy, 100.0, 1.0 + at as f64), T0 + DAY);
    }
    let newest = twin.series.newest();
    for minutes in [0, 1, 5, 30, 59, 60, 61, 119, 120, 121, 10_000] {
        assert_all_reads(&twin, &mut client, newest + minutes * MINUTE);
    }
    // And back: a read ahead of time has dropped nothing.
    assert_all_reads(&twin, &mut client, newest);
}

#[test]
fn gaps_of_years_leave_nothing_but_the_new() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", Options { tail: 256, ..event_clock() });
    for year in 0..20_u64 {
        let start = year * 366 * DAY;
        for at in 0..3 {
            let judged =
                twin.add(&mut client, &Event::new(start + at * MINUTE, Side::Sell, 100.0, 5.0 + at as f64), T0 + DAY);
            assert_eq!(judged.rank.is_none(), at == 0, "the window is empty after a year");
        }
        assert_all_reads(&twin, &mut client, twin.series.newest());
    }
    assert_eq!(client.run("LIQ.INFO s").field("events").int(), 3);
}

#[test]
fn the_year_long_gap_is_no_slower_than_a_short_one_in_panes() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT TAIL 256 RETENTION 31d PERCENTILE 0").ok();
    for year in 0..30_u64 {
        let lines: Vec<String> =
            (0..600).map(|at| format!("LIQ.ADD s {} buy 100 {}", year * 366 * DAY + at * MINUTE, at + 1)).collect();
        for reply in client.pipeline(&lines) {
            assert_eq!(reply.field("status").text(), "accepted");
        }
        assert_eq!(client.run("LIQ.STATS s WINDOW 31d").field("count").int(), 600, "year {year}");
    }
}

#[test]
fn time_begins_at_zero() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", event_clock());
    for ts in [0, 0, 1, 59_999, 60_000, 3_600_000, 86_399_999, 86_400_000, 0] {
        twin.add(&mut client, &Event::new(ts, Side::Buy, 100.0, 5.0 + ts as f64), T0);
        assert_all_reads(&twin, &mut client, twin.series.newest());
    }
    assert_eq!(twin.series.total(Status::Late), 1, "the event at 0 is a day older than the newest");
}

#[test]
fn the_end_of_time_is_far_in_the_future() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", event_clock());
    for ts in [LAST, LAST - 1, T0] {
        twin.add(&mut client, &Event::new(ts, Side::Buy, 100.0, 5.0), T0);
    }
    assert_eq!(twin.series.total(Status::Future), 2);
    assert_all_reads(&twin, &mut client, LAST);
    assert_all_reads(&twin, &mut client, LAST - HOUR);
    let range = client.run(&format!("LIQ.RANGE s 0 {LAST}"));
    assert_eq!(range.array().len(), 1);
    let buckets = client.run(&format!("LIQ.STATS s WINDOW 1h BUCKET 15m AT {LAST}"));
    assert!(buckets.array().iter().all(|row| row.field("count").int() == 0));
}

#[test]
fn no_reply_ever_holds_nan_or_infinity() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 50").ok();
    for (at, (price, size)) in
        [(1e-12, 1e15), (1e15, 1e-9), (1e-12, 1e-9), (1e15, 1e15)].into_iter().cycle().take(40).enumerate()
    {
        let reply = client.run(&format!("LIQ.ADD s {} sell {price} {size}", T0 + at as u64));
        for (name, value) in
            reply.fields().into_iter().filter(|(name, _)| !["status", "signal"].contains(&name.as_str()))
        {
            assert!(value.number().is_none_or(f64::is_finite), "{name}: {reply:?}");
        }
    }
    for read in ["LIQ.VWAP s BANDS 1000 PRICE 1e15", "LIQ.STATS s", "LIQ.STATS s SIDE buy"] {
        for (name, value) in client.run(read).fields() {
            assert!(value.number().is_none_or(f64::is_finite), "{read} {name}: {value:?}");
        }
    }
}
