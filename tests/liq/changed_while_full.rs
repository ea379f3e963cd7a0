//! Options changed while windows lie beyond the raw tail, and what venues, buckets and digests say there.

use crate::support::feed::Feed;
use crate::support::judge::{assert_percentile_promise, some_window};
use crate::support::oracle::{Event, HOUR, MINUTE, Options, SECOND, Series, Side, close, percentile, sizes, sum};
use crate::support::{Client, Server};
use crate::twin::T0;

/// Four hours of events, most of them beyond a tail of 256.
fn options() -> Options {
    Options { tail: 256, retention: 8 * HOUR, window: 2 * HOUR, event_clock: true, ..Options::default() }
}

fn create(client: &mut Client, options: &Options) -> Series {
    client.run(&format!("LIQ.CREATE s {}", options.to_args())).ok();
    Series::new(options.clone())
}

fn add_all(client: &mut Client, series: &mut Series, events: &[Event]) {
    let lines: Vec<String> = events.iter().map(|event| format!("LIQ.ADD s {}", event.to_args())).collect();
    for (reply, event) in client.pipeline(&lines).iter().zip(events) {
        let status = reply.field("status").text();
        assert!(["accepted", "filtered", "duplicate"].contains(&status.as_str()), "{event:?}: {status}");
        if status != "duplicate" {
            series.add(event, T0 + 1000 * HOUR);
        }
    }
}

#[track_caller]
fn assert_percentiles(client: &mut Client, series: &Series, what: &str) {
    let now = series.newest();
    for width in [20 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR] {
        for side in [None, Some(Side::Sell)] {
            let narrowing = side.map_or(String::new(), |side| format!("SIDE {}", side.name()));
            for p in [1.0, 50.0, 99.0] {
                let reply = client.run(&format!("LIQ.PCTL s {p} WINDOW {width} {narrowing}"));
                assert_percentile_promise(series, now, width, side, p, reply.numbers()[0]);
            }
            let stats = client.run(&format!("LIQ.STATS s WINDOW {width} {narrowing}"));
            let held =
                some_window(series, now, width, side, |events| stats.field("count").int() == events.len() as i64);
            assert!(held, "{what}: WINDOW {width} {narrowing}: {stats:?}");
        }
    }
}

#[test]
fn options_changed_in_flight_keep_the_promises() {
    let server = Server::start();
    let mut client = server.connect();
    let mut series = create(&mut client, &options());
    let mut feed = Feed::new(77, T0);
    let changes = [
        "TAIL 1000",
        "TAIL 300",
        "PRECISION 6",
        "RETENTION 24h",
        "WINDOW 3h VWAPWINDOW 30m",
        "PRECISION 5",
        "TAIL 5000",
        "RETENTION 7h",
        "PERCENTILE 20",
        "TAIL 256",
    ];
    for change in changes {
        add_all(&mut client, &mut series, &feed.take(400, 10 * SECOND, 10, HOUR));
        assert_percentiles(&mut client, &series, &format!("before {change}"));
        client.run(&format!("LIQ.ALTER s {change}")).ok();
        match change {
            "PRECISION 6" => series.options.precision = 6,
            "PRECISION 5" => series.options.precision = 5,
            // Panes once merged into wider ones stay so.
            "RETENTION 24h" => series.options.retention = 24 * HOUR,
            _ => {}
        }
        assert_percentiles(&mut client, &series, &format!("after {change}"));
        client.run("DEBUG RELOAD").ok();
        assert_percentiles(&mut client, &series, &format!("after {change} and a reload"));
    }
}

#[test]
fn counts_and_volumes_of_venues_are_right_beyond_the_tail() {
    let server = Server::start();
    let mut client = server.connect();
    let mut series = create(&mut client, &options());
    add_all(&mut client, &mut series, &Feed::new(78, T0).take(1500, 15 * SECOND, 10, HOUR));
    let now = series.newest();
    for width in [HOUR, 3 * HOUR] {
        let by_exchange = client.run(&format!("LIQ.STATS s WINDOW {width} BY EXCHANGE"));
        for venue in ["binance", "bybit", "okx"] {
            let one = client.run(&format!("LIQ.STATS s WINDOW {width} EXCHANGE {venue}"));
            for reply in [&one, by_exchange.field(venue)] {
                let held = some_window(&series, now, width, None, |events| {
                    let of = |side: Option<Side>| -> Vec<f64> {
                        let events =
                            events.iter().filter(|e| e.exchange == venue && side.is_none_or(|side| e.side == side));
                        events.map(|event| event.size).collect()
                    };
                    [
                        ("count", "volume", None),
                        ("buy_count", "buy_volume", Some(Side::Buy)),
                        ("sell_count", "sell_volume", Some(Side::Sell)),
                    ]
                    .into_iter()
                    .all(|(count, volume, side)| {
                        let sizes = of(side);
                        reply.field(count).int() == sizes.len() as i64
                            && close(reply.field(volume).f64(), sum(sizes.into_iter()), 1e-12, 1e-9)
                    })
                });
                assert!(held, "{venue} over {width}: {reply:?}");
                for field in ["p50", "p99", "min", "max", "mean", "stddev", "vwap"] {
                    assert!(
                        reply.field(field).is_null(),
                        "{field} of {venue} is not known beyond the raw tail: {reply:?}"
                    );
                }
                // "The other fields null" may be read to include this one.
                assert!(reply.field("exact").is_null() || !reply.field("exact").bool());
            }
        }
    }
}

#[test]
fn buckets_beyond_the_tail_hold_every_event_once() {
    let server = Server::start();
    let mut client = server.connect();
    let mut series = create(&mut client, &options());
    add_all(&mut client, &mut series, &Feed::new(79, T0).take(2000, 10 * SECOND, 10, HOUR));
    let now = series.newest();
    for bucket in [5 * MINUTE, 15 * MINUTE, HOUR] {
        let rows = client.run(&format!("LIQ.STATS s WINDOW 4h BUCKET {bucket}"));
        for row in &rows.array()[1..] {
            let start = row.field("start").int() as u64;
            let events: Vec<&Event> = series.events.iter().filter(|e| e.ts >= start && e.ts < start + bucket).collect();
            assert_eq!(row.field("count").int(), events.len() as i64, "bucket {start} of {bucket}: {row:?}");
            assert!(close(row.field("volume").f64(), sum(events.iter().map(|e| e.size)), 1e-12, 1e-9));
            let sorted = sizes(&events);
            assert_eq!(row.field("max").number(), sorted.last().copied());
            if let Some(exact) = percentile(&sorted, 50.0) {
                let got = row.field("p50").f64();
                assert!(close(got, exact, 0.5_f64.powi(8) * 1.001, 0.0), "p50 of bucket {start}: {got}, exact {exact}");
            }
        }
    }
    assert!(now > T0 + 2 * HOUR);
}

#[test]
fn a_digest_beyond_the_tail_counts_like_the_histogram() {
    #[derive(serde::Deserialize)]
    struct Digest {
        v: u8,
        count: f64,
        sum: f64,
        min: f64,
        max: f64,
        centroids: Vec<(f64, f64)>,
    }
    let server = Server::start();
    let mut client = server.connect();
    let mut series = create(&mut client, &options());
    add_all(&mut client, &mut series, &Feed::new(80, T0).take(2000, 10 * SECOND, 0, 0));
    let stats = client.run("LIQ.STATS s WINDOW 4h");
    let digest: Digest = rmp_serde::from_slice(client.run("LIQ.DIGEST s WINDOW 4h SIZE 500").bytes()).unwrap();
    assert_eq!((i64::from(digest.v), digest.count as i64), (1, stats.field("count").int()));
    assert!(close(digest.sum, stats.field("volume").f64(), 1e-9, 0.0));
    assert_eq!((digest.min, digest.max), (stats.field("min").f64(), stats.field("max").f64()));
    assert!(close(sum(digest.centroids.iter().map(|centroid| centroid.1)), digest.count, 1e-9, 0.0));
    let mut below = 0.0;
    let median = digest.centroids.iter().find(|centroid| {
        below += centroid.1;
        below >= digest.count / 2.0
    });
    assert!(close(median.unwrap().0, stats.field("p50").f64(), 0.05, 0.0));
}
