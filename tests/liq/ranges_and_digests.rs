//! LIQ.RANGE, LIQ.HIST and LIQ.DIGEST: the events themselves, their distribution, and its mergeable form.

use serde::Deserialize;

use crate::support::feed::Feed;
use crate::support::oracle::{DAY, Event, HOUR, MINUTE, Options, SECOND, Side, close, percentile, sizes, sum};
use crate::support::{Client, Reply, Server};
use crate::twin::{T0, Twin};

fn fed(client: &mut Client) -> Twin {
    let mut twin = Twin::create(client, "s", Options { event_clock: true, percentile: 30.0, ..Options::default() });
    for event in Feed::new(9, T0).take(500, 20 * SECOND, 10, HOUR) {
        twin.add(client, &event, T0 + DAY);
    }
    twin
}

#[track_caller]
fn assert_rows(reply: &Reply, expected: &[&Event], what: &str) {
    assert_eq!(reply.array().len(), expected.len(), "{what}");
    for (row, event) in reply.array().iter().zip(expected) {
        let row = row.array();
        assert_eq!(row.len(), 5, "{what}: {row:?}");
        assert_eq!((row[0].int() as u64, row[1].text()), (event.ts, event.side.name().to_owned()), "{what}");
        assert_eq!((row[2].f64(), row[3].f64()), (event.price, event.size), "{what}: numbers come back as they went");
        let exchange = if row[4].is_null() { String::new() } else { row[4].text() };
        assert_eq!(exchange, event.exchange, "{what}");
    }
}

#[test]
fn a_range_lists_the_events_in_time_order() {
    let server = Server::start();
    let mut client = server.connect();
    let twin = fed(&mut client);
    let events: Vec<&Event> = twin.series.events.iter().collect();
    let (from, to) = (events[100].ts, events[300].ts);
    let inside: Vec<&Event> = events.iter().filter(|e| e.ts >= from && e.ts <= to).copied().collect();
    assert_rows(&client.run("LIQ.RANGE s - +"), &events, "everything");
    assert_rows(&client.run(&format!("LIQ.RANGE s {from} {to}")), &inside, "both ends belong to it");
    assert_rows(&client.run(&format!("LIQ.RANGE s {from} {to} COUNT 7")), &inside[..7], "the first seven");
    let backwards: Vec<&Event> = inside.iter().rev().copied().collect();
    // As with XREVRANGE the ends may be meant in the other order.
    let reply = client.run(&format!("LIQ.RANGE s {from} {to} REV COUNT 7"));
    let reply =
        if reply.array().is_empty() { client.run(&format!("LIQ.RANGE s {to} {from} REV COUNT 7")) } else { reply };
    assert_rows(&reply, &backwards[..7], "the last seven backwards");
    assert_rows(&client.run(&format!("LIQ.RANGE s {} +", events[499].ts + 1)), &[], "behind the newest");
}

#[test]
fn a_range_can_be_narrowed() {
    let server = Server::start();
    let mut client = server.connect();
    let twin = fed(&mut client);
    let only =
        |keep: &dyn Fn(&Event) -> bool| -> Vec<&Event> { twin.series.events.iter().filter(|e| keep(e)).collect() };
    let cases: [(&str, Vec<&Event>); 4] = [
        ("SIDE long", only(&|e| e.side == Side::Sell)),
        ("MINSIZE 1000", only(&|e| e.size >= 1000.0)),
        ("EXCHANGE okx", only(&|e| e.exchange == "okx")),
        (
            "EXCHANGE bybit SIDE buy MINSIZE 100",
            only(&|e| e.exchange == "bybit" && e.side == Side::Buy && e.size >= 100.0),
        ),
    ];
    for (narrowing, expected) in cases {
        assert_rows(&client.run(&format!("LIQ.RANGE s - + {narrowing}")), &expected, narrowing);
    }
}

#[test]
fn a_range_shows_a_thousand_rows_unless_told() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT").ok();
    let lines: Vec<String> = (0..1100).map(|at| format!("LIQ.ADD s {} buy 100 {}", T0 + at, at + 1)).collect();
    client.pipeline(&lines);
    assert_eq!(client.run("LIQ.RANGE s - +").array().len(), 1000);
    assert_eq!(client.run("LIQ.RANGE s - + COUNT 1050").array().len(), 1050);
}

#[test]
fn the_histogram_counts_every_event_once_within_its_bucket() {
    let server = Server::start();
    let mut client = server.connect();
    let twin = fed(&mut client);
    let now = twin.series.newest();
    for (tail, width, side) in
        [("", DAY, None), ("WINDOW 30m", 30 * MINUTE, None), ("SIDE sell", DAY, Some(Side::Sell))]
    {
        let sorted = sizes(&twin.series.window(now, width, side));
        let reply = client.run(&format!("LIQ.HIST s {tail}"));
        let mut last_high = 0.0;
        for row in reply.array() {
            let (low, high, count) = (row.array()[0].f64(), row.array()[1].f64(), row.array()[2].int());
            assert!(low >= last_high && high > low, "buckets ascend: {row:?}");
            assert!(high / low <= 1.0 + 0.5_f64.powi(7), "{row:?} is wider than PRECISION 7 allows");
            let inside = sorted.iter().filter(|size| **size >= low && **size < high).count();
            assert_eq!(count, inside as i64, "{row:?} {tail}");
            last_high = high;
        }
        let counted: i64 = reply.array().iter().map(|row| row.array()[2].int()).sum();
        assert_eq!(counted, sorted.len() as i64, "{tail}");
    }
}

/// The documented form of a digest.
#[derive(Deserialize)]
struct Digest {
    v: u32,
    count: f64,
    sum: f64,
    min: Option<f64>,
    max: Option<f64>,
    centroids: Vec<(f64, f64)>,
}

#[test]
fn a_digest_is_a_messagepack_map_of_centroids() {
    let server = Server::start();
    let mut client = server.connect();
    let twin = fed(&mut client);
    let sorted = sizes(&twin.series.window(twin.series.newest(), DAY, None));
    for size in [20, 200, 1000] {
        let reply = client.run(&format!("LIQ.DIGEST s SIZE {size}"));
        let digest: Digest = rmp_serde::from_slice(reply.bytes()).expect("the documented map");
        assert_eq!((digest.v, digest.count), (1, sorted.len() as f64));
        assert!(close(digest.sum, sum(sorted.iter().copied()), 1e-12, 0.0));
        assert_eq!((digest.min, digest.max), (sorted.first().copied(), sorted.last().copied()));
        let weight = sum(digest.centroids.iter().map(|(_, weight)| *weight));
        assert!(close(weight, digest.count, 1e-9, 0.0), "the weights sum up to the count");
        assert!(digest.centroids.windows(2).all(|pair| pair[0].0 <= pair[1].0), "means ascend");
        assert!(digest.centroids.len() <= 2 * size, "{} centroids for SIZE {size}", digest.centroids.len());
        let (lowest, highest) = (digest.min.unwrap(), digest.max.unwrap());
        assert!(digest.centroids.iter().all(|(mean, _)| *mean >= lowest * 0.99 && *mean <= highest * 1.01));
    }
    let reply = client.run("LIQ.DIGEST s SIZE 1000");
    let digest: Digest = rmp_serde::from_slice(reply.bytes()).unwrap();
    let mut below = 0.0;
    let median = digest.centroids.iter().find(|(_, weight)| {
        below += weight;
        below >= digest.count / 2.0
    });
    let (median, exact) = (median.unwrap().0, percentile(&sorted, 50.0).unwrap());
    assert!((median / exact - 1.0).abs() < 0.05, "its median {median} is near {exact}");
}

#[test]
fn the_digest_of_an_empty_window_is_empty() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s").ok();
    let digest: Digest = rmp_serde::from_slice(client.run("LIQ.DIGEST s").bytes()).unwrap();
    assert_eq!((digest.count, digest.sum), (0.0, 0.0));
    assert!(digest.centroids.is_empty());
    assert_eq!((digest.min, digest.max), (None, None), "no events have no smallest one: merged, a zero would win");
}
