//! PCTL, RANK, VWAP and STATS: windows, sides, sessions, buckets and venues.

use crate::support::feed::Feed;
use crate::support::judge::assert_number;
use crate::support::oracle::{DAY, Event, HOUR, MINUTE, Options, SECOND, Side, percentile, sizes, vwap};
use crate::support::{Client, Reply, Server};
use crate::twin::{T0, Twin, assert_stats, assert_volumes};

/// A full minute and a full pane.
const ROUND: u64 = T0 - T0 % (15 * MINUTE);

fn fed(client: &mut Client, options: Options) -> Twin {
    let mut twin = Twin::create(client, "s", Options { event_clock: true, ..options });
    for event in Feed::new(3, ROUND).take(600, 20 * SECOND, 12, HOUR) {
        twin.add(client, &event, T0 + DAY);
    }
    twin
}

#[test]
fn percentiles_are_nearest_ranks_by_integers() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", Options { percentile: 0.0, event_clock: true, ..Options::default() });
    for at in 1..=100_u64 {
        twin.add(&mut client, &Event::new(T0 + at, Side::Buy, 100.0, at as f64), T0 + at);
    }
    // In floats 7 / 100 × 100 is a little above 7 and its rank 8.
    let cases = [
        ("0", 1.0),
        ("0.000001", 1.0),
        ("1", 1.0),
        ("1.000001", 2.0),
        ("7", 7.0),
        ("7.000001", 8.0),
        ("14", 14.0),
        ("28", 28.0),
        ("55", 55.0),
        ("56", 56.0),
        ("99.000001", 100.0),
        ("100", 100.0),
    ];
    for (p, expected) in cases {
        assert_eq!(client.run(&format!("LIQ.PCTL s {p}")).numbers(), [Some(expected)], "p{p}");
    }
}

#[test]
fn all_windows_and_sides_agree_with_the_definition() {
    let server = Server::start();
    let mut client = server.connect();
    let twin = fed(&mut client, Options::default());
    let newest = twin.series.newest();
    for now in [ROUND, ROUND + 1, ROUND + HOUR, newest - 1, newest, newest + 1, newest + HOUR, newest + DAY] {
        for width in [1, SECOND, MINUTE, 7 * MINUTE + 3, HOUR, DAY] {
            for side in [None, Some(Side::Buy), Some(Side::Sell)] {
                twin.assert_reads(&mut client, now, width, side);
            }
        }
    }
}

#[test]
fn a_window_is_open_at_its_old_end_and_closed_at_now() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT").ok();
    client.run(&format!("LIQ.ADD s {T0} buy 100 5"));
    client.run(&format!("LIQ.ADD s {} buy 100 7", T0 + HOUR));
    for (at, width, count) in [
        (T0, HOUR, 1),
        (T0 - 1, HOUR, 0),
        (T0 + HOUR - 1, HOUR, 1),
        (T0 + HOUR, HOUR, 1),
        (T0 + HOUR, HOUR + 1, 2),
        (T0 + 2 * HOUR - 1, HOUR, 1),
        (T0 + 2 * HOUR, HOUR, 0),
        (T0 + HOUR, 1, 1),
    ] {
        let reply = client.run(&format!("LIQ.STATS s WINDOW {width} AT {at}"));
        assert_eq!(reply.field("count").int(), count, "WINDOW {width} AT {at}");
    }
}

#[test]
fn without_window_each_read_uses_the_configured_one() {
    let server = Server::start();
    let mut client = server.connect();
    let twin = fed(&mut client, Options { window: 20 * MINUTE, vwap_window: 9 * MINUTE, ..Options::default() });
    let now = twin.series.newest();
    let sorted = sizes(&twin.series.window(now, 20 * MINUTE, None));
    assert_number(&client.run("LIQ.PCTL s 80").array()[0], percentile(&sorted, 80.0), "p80 of WINDOW");
    assert_number(&client.run("LIQ.RANK s 1e15").array()[0], Some(100.0), "rank of WINDOW");
    let expected = vwap(&twin.series.window(now, 9 * MINUTE, None)).map(|figures| figures.vwap);
    assert_number(client.run("LIQ.VWAP s").field("vwap"), expected, "vwap of VWAPWINDOW");
    assert_stats(&client.run("LIQ.STATS s"), &twin.series.window(now, HOUR, None), HOUR, "STATS over 1h");
}

#[test]
fn a_session_vwap_is_anchored_at_since() {
    let server = Server::start();
    let mut client = server.connect();
    let twin = fed(&mut client, Options::default());
    let now = twin.series.newest();
    for since in [ROUND, ROUND + 10 * MINUTE, twin.series.events[300].ts, now] {
        let reply = client.run(&format!("LIQ.VWAP s SINCE {since} SIDE sell AT {now}"));
        let of_count = |from: u64| {
            let events: Vec<&Event> =
                twin.series.events.iter().filter(|e| e.ts >= from && e.side == Side::Sell).collect();
            (events.len() as i64, vwap(&events).map(|figures| figures.vwap))
        };
        // Whether the anchor itself belongs to the session is not written down; a session starts with its first event.
        let (count, expected) = of_count(since);
        let (exclusive, expected_exclusive) = of_count(since + 1);
        let got = reply.field("count").int();
        assert!(got == count || got == exclusive, "SINCE {since}: {reply:?}, {count} events");
        let expected = if got == count { expected } else { expected_exclusive };
        assert_number(reply.field("vwap"), expected, &format!("vwap SINCE {since}"));
    }
    let refused = client.run(&format!("LIQ.VWAP s SINCE {} AT {now}", now - DAY - 1));
    assert!(refused.error().contains("1d") || refused.error().contains("24h"), "the retention is named: {refused:?}");
}

#[test]
fn bands_and_deviation_come_only_when_asked() {
    let server = Server::start();
    let mut client = server.connect();
    fed(&mut client, Options::default());
    let plain = client.run("LIQ.VWAP s");
    for field in ["upper", "lower", "deviation"] {
        assert!(!plain.has_field(field), "{field} was not asked for: {plain:?}");
    }
    let bands = client.run("LIQ.VWAP s BANDS 1.5");
    let number = |field: &str| bands.field(field).f64();
    let expected = number("vwap") + 1.5 * number("stddev");
    assert!((number("upper") - expected).abs() < 1e-9 * expected);
    assert!(!bands.has_field("deviation"));
    assert!(client.run("LIQ.VWAP s PRICE 60000").has_field("deviation"));
}

#[test]
fn statistics_of_one_venue_and_by_venue() {
    let server = Server::start();
    let mut client = server.connect();
    let twin = fed(&mut client, Options::default());
    let now = twin.series.newest();
    let of = |venue: &str| -> Vec<&Event> {
        twin.series.window(now, HOUR, None).into_iter().filter(|event| event.exchange == venue).collect()
    };
    for venue in ["binance", "bybit", "okx", "nowhere"] {
        let reply = client.run(&format!("LIQ.STATS s EXCHANGE {venue}"));
        assert_stats(&reply, &of(venue), HOUR, &format!("EXCHANGE {venue}"));
    }
    let by_exchange = client.run("LIQ.STATS s BY EXCHANGE");
    for venue in ["binance", "bybit", "okx"] {
        assert_stats(by_exchange.field(venue), &of(venue), HOUR, &format!("BY EXCHANGE {venue}"));
    }
    let counted: i64 = by_exchange.fields().iter().map(|(_, stats)| stats.field("count").int()).sum();
    let named = twin.series.window(now, HOUR, None).iter().filter(|event| !event.exchange.is_empty()).count() as i64;
    let all = twin.series.window(now, HOUR, None).len() as i64;
    assert!(counted == named || counted == all, "{counted} of {all} events, {named} with a venue");
}

#[test]
fn buckets_are_aligned_complete_and_oldest_first() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", Options { event_clock: true, ..Options::default() });
    for event in Feed::new(4, ROUND).take(300, 20 * SECOND, 0, 0) {
        twin.add(&mut client, &event, T0 + DAY);
    }
    // Nothing for half an hour: empty buckets are there all the same.
    twin.add(&mut client, &Event::new(twin.series.newest() + 31 * MINUTE, Side::Buy, 100.0, 1e9), T0 + DAY);
    let now = twin.series.newest();
    let width = 2 * HOUR;
    for bucket in [5 * MINUTE, 15 * MINUTE, HOUR] {
        let reply = client.run(&format!("LIQ.STATS s WINDOW {width} BUCKET {bucket}"));
        let rows = reply.array();
        let starts: Vec<u64> = rows.iter().map(|row| row.field("start").int() as u64).collect();
        assert!(starts.iter().all(|start| start % bucket == 0), "aligned to UTC: {starts:?}");
        assert!(starts.windows(2).all(|pair| pair[1] == pair[0] + bucket), "without a gap: {starts:?}");
        assert_eq!(starts.last().copied(), Some(now - now % bucket));
        for (row, start) in rows.iter().zip(&starts).skip(1) {
            let inside = |event: &&&Event| event.ts >= *start && event.ts < start + bucket;
            let events = twin.series.window(now, width, None);
            let events: Vec<&Event> = events.iter().filter(inside).copied().collect();
            assert_volumes(row, &events, &format!("bucket {start} of {bucket}"));
            assert_number(row.field("p50"), percentile(&sizes(&events), 50.0), "p50");
        }
        let counted: i64 = rows.iter().map(|row| row.field("count").int()).sum();
        let window = twin.series.window(now, width, None).len() as i64;
        let whole = twin.series.events.iter().filter(|event| event.ts >= starts[0]).count() as i64;
        assert!(counted == window || counted == whole, "{counted} events in the buckets, {window} in the window");
    }
}

#[test]
fn buckets_are_limited_and_fit_the_panes() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT TAIL 256").ok();
    for at in 0..600_u64 {
        client.run(&format!("LIQ.ADD s {} buy 100 {}", ROUND + at * MINUTE, at + 1));
    }
    let refused = client.run("LIQ.STATS s WINDOW 24h BUCKET 7m");
    assert!(refused.error().starts_with("ERR BUCKET: ") && refused.error().contains("5m"), "{refused:?}");
    let refused = client.run("LIQ.STATS s WINDOW 24h BUCKET 1ms");
    assert!(refused.error().starts_with("ERR BUCKET: "), "{refused:?}");
    let refused = client.run("LIQ.STATS s WINDOW 1m BUCKET 0");
    assert!(refused.error().starts_with("ERR BUCKET: "), "{refused:?}");
    let rows = client.run("LIQ.STATS s WINDOW 10h BUCKET 10m");
    let counts: Vec<i64> = rows.array().iter().map(|row| row.field("count").int()).collect();
    assert!(counts[1..counts.len() - 1].iter().all(|count| *count == 10), "{counts:?}");
}

#[test]
fn a_missing_key_answers_like_an_empty_series() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE empty").ok();
    let reads = [
        "LIQ.PCTL KEY 50 80",
        "LIQ.RANK KEY 5 6 7",
        "LIQ.VWAP KEY",
        "LIQ.VWAP KEY BANDS 2 PRICE 5 AT 100000000",
        "LIQ.STATS KEY",
        "LIQ.STATS KEY WINDOW 24h SIDE buy",
        "LIQ.STATS KEY EXCHANGE okx",
        "LIQ.STATS KEY BY EXCHANGE",
        "LIQ.STATS KEY WINDOW 1h BUCKET 15m AT 86400000",
        "LIQ.RANGE KEY - +",
        "LIQ.HIST KEY",
    ];
    for read in reads {
        let ask = |client: &mut Client, key: &str| client.run(&read.replace("KEY", key));
        let (missing, empty) = (ask(&mut client, "missing"), ask(&mut client, "empty"));
        assert!(!missing.is_error(), "{read}: {missing:?}");
        assert_eq!(missing, empty, "{read}");
    }
    assert_eq!(client.run("LIQ.PCTL missing 50 80").numbers(), [None, None]);
    assert_eq!(client.run("LIQ.RANK missing 1 2 3").numbers(), [None, None, None]);
    let stats = client.run("LIQ.STATS missing");
    assert_stats(&stats, &[], HOUR, "a missing key");
    assert_eq!(client.run("LIQ.DIGEST missing").error(), "ERR no such key");
    assert_eq!(client.run("EXISTS missing").int(), 0);
}

#[test]
fn reads_change_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT TAIL 256").ok();
    let events = Feed::new(3, ROUND).take(600, 20 * SECOND, 12, HOUR);
    let lines: Vec<String> = events.iter().map(|event| format!("LIQ.ADD s {}", event.to_args())).collect();
    client.pipeline(&lines);
    let newest = client.run("LIQ.INFO s").field("last").int() as u64;
    let (digest, dump) = (client.digest("s"), client.run("DUMP s"));
    for at in [0, ROUND, newest, newest + 400 * DAY] {
        for read in
            ["PCTL s 50", "RANK s 50", "VWAP s", "STATS s WINDOW 3h", "STATS s BY EXCHANGE", "HIST s", "DIGEST s"]
        {
            let reply: Reply = client.run(&format!("LIQ.{read} AT {at}"));
            assert!(!reply.is_error(), "{read}: {reply:?}");
        }
    }
    client.run("LIQ.RANGE s - +");
    client.run("LIQ.INFO s");
    assert_eq!(client.digest("s"), digest);
    assert_eq!(client.run("DUMP s"), dump);
}

#[test]
fn a_window_beyond_the_retention_is_refused_with_the_retention_named() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s RETENTION 2h").ok();
    for read in ["LIQ.PCTL s 50", "LIQ.RANK s 50", "LIQ.VWAP s", "LIQ.STATS s", "LIQ.HIST s", "LIQ.DIGEST s"] {
        let refused = client.run(&format!("{read} WINDOW 7200001"));
        assert!(refused.error().starts_with("ERR WINDOW: ") && refused.error().contains("2h"), "{read}: {refused:?}");
        assert!(!client.run(&format!("{read} WINDOW 2h")).is_error(), "{read}");
    }
}
