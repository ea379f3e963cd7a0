//! Every typed reply, read from hand-made RESP2 and RESP3.
#![allow(clippy::expect_used, clippy::indexing_slicing, reason = "tests")]

#[allow(dead_code, reason = "shared with the tests of whole replies")]
mod resp;

use std::time::Duration;

use liq_core::wire::Sink;
use redis_liq::{
    AddReply, Asked, BatchReply, BlockedBy, ClockMode, HistogramRow, LimitKind, RateInfo, RateReply, Retry, SeriesInfo,
    Side, Stats, StatsBuckets, StatsByExchange, Status, StoredEvent, Vwap,
};
use resp::{Wire, field, read, refuse};

fn add_reply(wire: &mut Wire, status: &str, judged: bool) {
    wire.map(6);
    field(wire, "status", |wire| wire.text(status));
    for (name, value) in [("rank", 87.5), ("threshold", 5000.0), ("vwap", 99_850.25), ("deviation", -2.125)] {
        field(wire, name, |wire| wire.optional_double(judged.then_some(value)));
    }
    field(wire, "signal", |wire| if judged { wire.text("buy") } else { wire.null() });
}

#[test]
fn a_judged_event_is_read() {
    let reply: AddReply = read(|wire| add_reply(wire, "accepted", true));
    assert_eq!(reply.status, Status::Accepted);
    assert_eq!((reply.rank, reply.threshold), (Some(87.5), Some(5000.0)));
    assert_eq!((reply.vwap, reply.deviation), (Some(99_850.25), Some(-2.125)));
    assert_eq!(reply.signal, Some(Side::Buy));
}

#[test]
fn nulls_of_an_unjudged_event_are_none() {
    let reply: AddReply = read(|wire| add_reply(wire, "duplicate", false));
    assert_eq!(reply.status, Status::Duplicate);
    assert_eq!((reply.rank, reply.threshold, reply.vwap, reply.deviation), (None, None, None, None));
    assert_eq!(reply.signal, None);
}

#[test]
fn every_status_is_known() {
    let statuses = [
        ("future", Status::Future),
        ("late", Status::Late),
        ("small", Status::Small),
        ("duplicate", Status::Duplicate),
        ("filtered", Status::Filtered),
        ("accepted", Status::Accepted),
    ];
    for (name, status) in statuses {
        assert_eq!(read::<AddReply>(|wire| add_reply(wire, name, true)).status, status);
    }
    let error = refuse::<AddReply>(|wire| add_reply(wire, "unheard-of", true));
    assert!(error.contains("AddReply") && error.contains("field 'status'") && error.contains("unheard-of"), "{error}");
}

#[test]
fn a_batch_is_read_and_adds_up() {
    let names = ["accepted", "filtered", "duplicate", "small", "late", "future", "signals"];
    let reply: BatchReply = read(|wire| {
        wire.map(names.len() + 1);
        for (number, name) in names.iter().enumerate() {
            field(wire, name, |wire| wire.count(number as u64 + 1));
        }
        field(wire, "of_a_newer_module", |wire| wire.array(0));
    });
    assert_eq!((reply.accepted, reply.filtered, reply.duplicate), (1, 2, 3));
    assert_eq!((reply.small, reply.late, reply.future, reply.signals), (4, 5, 6, 7));
    assert_eq!((reply.stored(), reply.total()), (3, 21));
}

#[test]
fn percentiles_may_be_null() {
    let write = |wire: &mut Wire| {
        wire.array(3);
        wire.double(1.5);
        wire.null();
        wire.double(2.0);
    };
    assert_eq!(read::<Vec<Option<f64>>>(write), [Some(1.5), None, Some(2.0)]);
}

#[test]
fn a_vwap_is_read_with_and_without_bands() {
    let write = |with_bands: bool| {
        move |wire: &mut Wire| {
            wire.map(if with_bands { 10 } else { 7 });
            field(wire, "vwap", |wire| wire.double(100.0));
            field(wire, "volume", |wire| wire.double(5000.0));
            field(wire, "quantity", |wire| wire.double(50.0));
            field(wire, "count", |wire| wire.count(3));
            field(wire, "stddev", |wire| wire.double(0.5));
            if with_bands {
                field(wire, "upper", |wire| wire.double(101.0));
                field(wire, "lower", |wire| wire.double(99.0));
                field(wire, "deviation", |wire| wire.double(-1.5));
            }
            field(wire, "long_entry", |wire| wire.double(98.0));
            field(wire, "short_entry", |wire| wire.double(102.0));
        }
    };
    let plain: Vwap = read(write(false));
    assert_eq!((plain.vwap, plain.volume, plain.quantity, plain.count), (Some(100.0), 5000.0, 50.0, 3));
    assert_eq!((plain.upper, plain.lower, plain.deviation), (Asked(None), Asked(None), Asked(None)));
    let banded: Vwap = read(write(true));
    let banded_values = (banded.upper.value(), banded.lower.value(), banded.deviation.value());
    assert_eq!(banded_values, (Some(101.0), Some(99.0), Some(-1.5)));
    assert_eq!((banded.long_entry, banded.short_entry), (Some(98.0), Some(102.0)));
}

const DOUBLES_OF_STATS: [&str; 12] =
    ["imbalance", "min", "max", "mean", "stddev", "vwap", "p50", "p80", "p95", "p99", "per_minute", "rate_ratio"];

/// The fields of a statistic; whatever may be null is so without events.
fn stats_fields(wire: &mut Wire, count: u64) {
    for name in ["count", "buy_count", "sell_count"] {
        field(wire, name, |wire| wire.count(count));
    }
    for name in ["volume", "buy_volume", "sell_volume"] {
        field(wire, name, |wire| wire.double(count as f64 * 10.0));
    }
    for (place, name) in DOUBLES_OF_STATS.iter().enumerate() {
        field(wire, name, |wire| wire.optional_double((count > 0).then_some(place as f64 + 0.5)));
    }
    for name in ["first", "last"] {
        field(wire, name, |wire| if count > 0 { wire.count(1_737_910_000_000) } else { wire.null() });
    }
    field(wire, "exact", |wire| if count > 0 { wire.boolean(true) } else { wire.null() });
}

const FIELDS_OF_STATS: usize = 6 + DOUBLES_OF_STATS.len() + 3;

#[test]
fn statistics_are_read() {
    let stats: Stats = read(|wire| {
        wire.map(FIELDS_OF_STATS);
        stats_fields(wire, 4);
    });
    assert_eq!((stats.count, stats.volume, stats.sell_volume, stats.exact), (4, 40.0, 40.0, Some(true)));
    assert_eq!((stats.imbalance, stats.p99, stats.per_minute), (Some(0.5), Some(9.5), Some(10.5)));
    assert_eq!(stats.first_ms, Some(1_737_910_000_000));
    let empty: Stats = read(|wire| {
        wire.map(FIELDS_OF_STATS);
        stats_fields(wire, 0);
    });
    assert_eq!((empty.count, empty.min, empty.p50, empty.last_ms, empty.exact), (0, None, None, None, None));
}

#[test]
fn statistics_by_exchange_are_a_map_of_maps() {
    let venues: StatsByExchange = read(|wire| {
        wire.map(2);
        for (name, count) in [("binance", 7), ("bybit", 0)] {
            wire.text(name);
            wire.map(FIELDS_OF_STATS);
            stats_fields(wire, count);
        }
    });
    assert_eq!(venues.0.len(), 2);
    assert_eq!(venues.get("binance").map(|stats| stats.count), Some(7));
    assert_eq!(venues.get("okx"), None);
}

#[test]
fn buckets_of_statistics_have_their_start() {
    let buckets: StatsBuckets = read(|wire| {
        wire.array(2);
        for start in [60_000, 120_000] {
            wire.map(FIELDS_OF_STATS + 1);
            field(wire, "start", |wire| wire.count(start));
            stats_fields(wire, start / 60_000);
        }
    });
    let rows: Vec<_> = buckets.0.iter().map(|bucket| (bucket.start_ms, bucket.stats.count)).collect();
    assert_eq!(rows, [(60_000, 1), (120_000, 2)]);
}

#[test]
fn stored_events_are_read() {
    let events: Vec<StoredEvent> = read(|wire| {
        wire.array(2);
        for exchange in [Some("okx"), None] {
            wire.array(5);
            wire.count(1_737_910_000_123);
            wire.text("sell");
            wire.double(99_850.5);
            wire.double(12_500.0);
            if let Some(name) = exchange { wire.text(name) } else { wire.null() }
        }
    });
    assert_eq!((events[0].timestamp_ms, events[0].side), (1_737_910_000_123, Side::Sell));
    assert_eq!((events[0].price, events[0].size), (99_850.5, 12_500.0));
    assert_eq!((events[0].exchange.as_deref(), events[1].exchange.as_deref()), (Some(&b"okx"[..]), None));
}

#[test]
fn rows_of_a_histogram_are_read() {
    let rows: Vec<HistogramRow> = read(|wire| {
        wire.array(1);
        wire.array(3);
        wire.double(1.0);
        wire.double(1.0078125);
        wire.count(9);
    });
    assert_eq!(rows.iter().map(|row| (row.low, row.high, row.count)).collect::<Vec<_>>(), [(1.0, 1.0078125, 9)]);
    let error = refuse::<HistogramRow>(|wire| {
        wire.array(2);
        wire.double(1.0);
        wire.double(2.0);
    });
    assert!(error.contains("expected an array of 3"), "{error}");
}

#[test]
fn the_options_and_totals_of_a_series_are_read() {
    let info: SeriesInfo = read(|wire| {
        wire.map(14 + 3 + 2 + 8 + 8 + 1);
        for (name, ms) in [("retention", 86_400_000), ("window", 90_000), ("vwapwindow", 3_600_000), ("idle", 0)] {
            field(wire, name, |wire| wire.count(ms));
        }
        for (name, number) in [("percentile", 99.9), ("minsize", 0.0), ("longoffset", 2.0), ("shortoffset", 1.5)] {
            field(wire, name, |wire| wire.double(number));
        }
        field(wire, "minevents", |wire| wire.count(1));
        field(wire, "signals", |wire| wire.text(""));
        field(wire, "maxlen", |wire| wire.count(1000));
        field(wire, "accepted", |wire| wire.text("out"));
        field(wire, "accepted_maxlen", |wire| wire.count(50));
        field(wire, "market", |wire| wire.text("tick:{BTCUSDT}"));
        field(wire, "clock", |wire| wire.text("EVENT"));
        let counts = [("precision", 7), ("precision_now", 6), ("tail", 4096), ("tail_now", 1024)];
        for (name, number) in counts.into_iter().chain([("events", 10), ("tail_events", 8), ("panes", 2)]) {
            field(wire, name, |wire| wire.count(number));
        }
        for (name, number) in [("pane_ms", 300_000), ("tail_first", 5), ("first", 5), ("last", 6), ("memory", 1234)] {
            field(wire, name, |wire| wire.count(number));
        }
        let totals = ["accepted", "filtered", "small", "duplicate", "late", "future", "signals", "stale_signals"];
        for (number, name) in totals.iter().enumerate() {
            field(wire, &format!("total_{name}"), |wire| wire.count(number as u64));
        }
        field(wire, "exchanges", |wire| {
            wire.array(1);
            wire.text("binance");
        });
    });
    assert_eq!((info.retention, info.window), (Duration::from_secs(86_400), Duration::from_secs(90)));
    assert_eq!((info.percentile, info.clock, info.signals.is_empty()), (99.9, ClockMode::Event, true));
    assert_eq!((info.events, info.pane, info.memory_bytes), (10, Duration::from_secs(300), 1234));
    assert_eq!((info.total_accepted, info.total_stale_signals), (0, 7));
    assert_eq!((info.signals_max_len, info.tail_first_ms), (1000, Some(5)));
    assert_eq!((info.accepted.to_text(), info.accepted_max_len), ("out".into(), 50));
    assert_eq!(info.market, "tick:{BTCUSDT}");
    assert_eq!(info.exchanges, ["binance"]);
}

fn rate(numbers: [i64; 6]) -> impl Fn(&mut Wire) {
    move |wire| {
        wire.array(6);
        numbers.iter().for_each(|number| wire.integer(*number));
    }
}

#[test]
fn the_answers_of_a_rate_limit_are_told_apart() {
    let allowed: RateReply = read(rate([1, 10, 9, -1, 6000, 0]));
    assert!(allowed.allowed);
    assert_eq!((allowed.limit, allowed.remaining, allowed.retry), (10, 9, Retry::NotNeeded));
    assert_eq!((allowed.reset_after, allowed.blocked_by), (Duration::from_secs(6), BlockedBy::Nothing));
    let denied: RateReply = read(rate([0, 10, 0, 250, 6000, 2]));
    assert_eq!((denied.retry, denied.blocked_by), (Retry::After(Duration::from_millis(250)), BlockedBy::Limit(2)));
    let never: RateReply = read(rate([0, 10, 10, -2, 0, 1]));
    assert_eq!(never.retry, Retry::Never);
    let banned: RateReply = read(rate([0, 10, 10, 5000, 5000, -1]));
    assert_eq!(banned.blocked_by, BlockedBy::Ban);
    refuse::<RateReply>(rate([2, 10, 10, -1, 0, 0]));
    refuse::<RateReply>(rate([1, 10, -1, -1, 0, 0]));
    refuse::<RateReply>(rate([0, 10, 0, -3, 0, 1]));
    refuse::<RateReply>(rate([0, 10, 0, 1, 0, -2]));
}

#[test]
fn what_a_limiter_tells_of_itself_is_read() {
    let write = |expires: Option<u64>| {
        move |wire: &mut Wire| {
            wire.map(5);
            field(wire, "limits", |wire| {
                wire.array(3);
                for kind in ["gcra", "sliding", "aligned"] {
                    wire.map(7);
                    field(wire, "kind", |wire| wire.text(kind));
                    for (name, number) in [("limit", 10), ("period", 60_000), ("burst", 3), ("used", 1)] {
                        field(wire, name, |wire| wire.count(number));
                    }
                    for (name, number) in [("remaining", 2), ("reset_after_ms", 6000)] {
                        field(wire, name, |wire| wire.count(number));
                    }
                }
            });
            field(wire, "created", |wire| wire.boolean(expires.is_none()));
            field(wire, "ban_ms", |wire| wire.count(1500));
            field(wire, "expires", |wire| match expires {
                Some(ms) => wire.count(ms),
                None => wire.null(),
            });
            field(wire, "memory", |wire| wire.count(128));
        }
    };
    let info: RateInfo = read(write(Some(1_737_910_800_000)));
    let kinds: Vec<_> = info.limits.iter().map(|limit| limit.kind).collect();
    assert_eq!(kinds, [LimitKind::Gcra, LimitKind::Sliding, LimitKind::Aligned]);
    assert_eq!((info.limits[0].period, info.limits[0].burst), (Duration::from_secs(60), 3));
    assert_eq!(
        (info.ban, info.created, info.expires_ms),
        (Duration::from_millis(1500), false, Some(1_737_910_800_000))
    );
    let kept: RateInfo = read(write(None));
    assert_eq!((kept.created, kept.expires_ms), (true, None));
}
