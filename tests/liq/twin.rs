//! A series in the server and the same series by definition, fed and asked side by side.

use crate::support::judge::{assert_close, assert_judged, assert_number};
use crate::support::oracle::{Event, Judgement, Options, Series, Side, mean_and_stddev, percentile, rank, sizes, vwap};
use crate::support::{Client, Reply};

/// A moment to put test data at: 2023-11-14 22:13:20 UTC, on a full second and within no round pane.
pub const T0: u64 = 1_700_000_000_000;

/// Both halves of a series.
pub struct Twin {
    pub key: String,
    pub series: Series,
}

impl Twin {
    /// Creates the series in the server.
    #[track_caller]
    pub fn create(client: &mut Client, key: &str, options: Options) -> Self {
        client.run(&format!("LIQ.CREATE {key} {}", options.to_args())).ok();
        Self { key: key.to_owned(), series: Series::new(options) }
    }

    /// Adds to both at the time `clock` and compares the judgements.
    #[track_caller]
    pub fn add(&mut self, client: &mut Client, event: &Event, clock: u64) -> Judgement {
        let reply = client.run(&format!("LIQ.ADD {} {} AT {clock}", self.key, event.to_args()));
        let expected = self.series.add(event, clock);
        assert_judged(&reply, &expected, &format!("{event:?} at {clock} in {}", self.key));
        expected
    }

    /// Compares PCTL, RANK, VWAP and STATS of one window.
    #[track_caller]
    pub fn assert_reads(&self, client: &mut Client, now: u64, width: u64, side: Option<Side>) {
        let tail =
            format!("WINDOW {width} AT {now}{}", side.map_or(String::new(), |side| format!(" SIDE {}", side.name())));
        let what = format!("{} {tail}", self.key);
        let events = self.series.window(now, width, side);
        let sorted = sizes(&events);

        let asked = [0.0, 7.0, 50.0, 80.0, 99.9, 100.0];
        let replies = client.run(&format!("LIQ.PCTL {} 0 7 50 80 99.9 100 {tail}", self.key));
        for (reply, p) in replies.array().iter().zip(asked) {
            assert_number(reply, percentile(&sorted, p), &format!("p{p} of {what}"));
        }

        let mut probes = vec![1e-9, 100.0, 1e15];
        probes.extend(sorted.get(sorted.len() / 3));
        let line: Vec<String> = probes.iter().map(f64::to_string).collect();
        let replies = client.run(&format!("LIQ.RANK {} {} {tail}", self.key, line.join(" ")));
        for (reply, size) in replies.array().iter().zip(probes) {
            assert_number(reply, rank(&sorted, size), &format!("rank of {size} in {what}"));
        }

        let reply = client.run(&format!("LIQ.VWAP {} {tail} BANDS 2 PRICE 50000", self.key));
        assert_vwap(&reply, &events, &self.series.options, &what);
        let reply = client.run(&format!("LIQ.STATS {} {tail}", self.key));
        assert_stats(&reply, &events, width, &what);
        assert!(reply.field("exact").bool(), "{what} fits the raw tail: {reply:?}");
    }
}

/// Compares a reply of `LIQ.VWAP … BANDS 2 PRICE 50000`.
#[track_caller]
pub fn assert_vwap(reply: &Reply, events: &[&Event], options: &Options, what: &str) {
    let figures = vwap(events);
    let of = |pick: fn(crate::support::oracle::Vwap) -> f64| figures.map(pick);
    assert_number(reply.field("vwap"), of(|f| f.vwap), &format!("vwap of {what}"));
    assert_number(reply.field("volume"), of(|f| f.volume).or(Some(0.0)), &format!("volume of {what}"));
    assert_number(reply.field("quantity"), of(|f| f.quantity).or(Some(0.0)), &format!("quantity of {what}"));
    assert_eq!(reply.field("count").int(), events.len() as i64, "count of {what}");
    let scale = figures.map_or(1.0, |f| f.vwap);
    // A deviation is the root of a sum of squares: an error of 1e-12 of the price squared shows as 1e-6 at worst.
    assert_close(reply.field("stddev"), of(|f| f.stddev), 1e-9, scale * 1e-3, &format!("stddev of {what}"));
    assert_close(reply.field("upper"), of(|f| f.vwap + 2.0 * f.stddev), 1e-9, 0.0, &format!("upper of {what}"));
    assert_close(reply.field("lower"), of(|f| f.vwap - 2.0 * f.stddev), 1e-9, scale, &format!("lower of {what}"));
    let deviation = figures.map(|f| (50_000.0 - f.vwap) / f.vwap * 100.0);
    assert_close(reply.field("deviation"), deviation, 1e-12, 100.0, &format!("deviation of {what}"));
    let entry = |offset: f64, sign: f64| figures.map(|f| f.vwap * (1.0 + sign * offset / 100.0));
    for (field, offset, sign) in [("long_entry", options.long_offset, -1.0), ("short_entry", options.short_offset, 1.0)]
    {
        // The contract does not say whether a side that is switched off still has an entry.
        if offset > 0.0 || !reply.field(field).is_null() {
            assert_number(reply.field(field), entry(offset, sign), &format!("{field} of {what}"));
        }
    }
}

/// Compares a reply of `LIQ.STATS` over a window of `width`.
#[track_caller]
pub fn assert_stats(reply: &Reply, events: &[&Event], width: u64, what: &str) {
    assert_volumes(reply, events, what);
    let sorted = sizes(events);
    let (buys, sells) = split(events);
    let total = sum_of(&buys) + sum_of(&sells);
    let imbalance = (total > 0.0).then(|| (sum_of(&buys) - sum_of(&sells)) / total);
    assert_close(reply.field("imbalance"), imbalance, 1e-12, 1.0, &format!("imbalance of {what}"));
    assert_number(reply.field("min"), sorted.first().copied(), &format!("min of {what}"));
    assert_number(reply.field("max"), sorted.last().copied(), &format!("max of {what}"));
    let moments = mean_and_stddev(&sorted);
    assert_number(reply.field("mean"), moments.map(|m| m.0), &format!("mean of {what}"));
    let scale = moments.map_or(1.0, |m| m.0);
    assert_close(reply.field("stddev"), moments.map(|m| m.1), 1e-6, scale, &format!("stddev of {what}"));
    assert_number(reply.field("vwap"), vwap(events).map(|f| f.vwap), &format!("vwap of {what}"));
    for (field, p) in [("p50", 50.0), ("p80", 80.0), ("p95", 95.0), ("p99", 99.0)] {
        assert_number(reply.field(field), percentile(&sorted, p), &format!("{field} of {what}"));
    }
    let edge = |event: Option<&&Event>| event.map(|event| event.ts as f64);
    assert_number(reply.field("first"), edge(events.first()), &format!("first of {what}"));
    assert_number(reply.field("last"), edge(events.last()), &format!("last of {what}"));
    let per_minute = events.len() as f64 * 60_000.0 / width as f64;
    assert_number(reply.field("per_minute"), Some(per_minute), &format!("per_minute of {what}"));
}

/// Compares the counts and volumes that every STATS reply has.
#[track_caller]
pub fn assert_volumes(reply: &Reply, events: &[&Event], what: &str) {
    let (buys, sells) = split(events);
    let all: Vec<&Event> = events.to_vec();
    for (field, events) in [("count", &all), ("buy_count", &buys), ("sell_count", &sells)] {
        assert_eq!(reply.field(field).int(), events.len() as i64, "{field} of {what}: {reply:?}");
    }
    for (field, events) in [("volume", &all), ("buy_volume", &buys), ("sell_volume", &sells)] {
        assert_number(reply.field(field), Some(sum_of(events)), &format!("{field} of {what}"));
    }
}

fn split<'a>(events: &[&'a Event]) -> (Vec<&'a Event>, Vec<&'a Event>) {
    events.iter().copied().partition(|event| event.side == Side::Buy)
}

fn sum_of(events: &[&Event]) -> f64 {
    crate::support::oracle::sum(events.iter().map(|event| event.size))
}
