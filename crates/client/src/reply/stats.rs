//! The replies of `LIQ.STATS`: of a window, per exchange, and in buckets of time.

use redis::Value;

use super::from_redis_value;
use crate::decode::{Decoded, Fields, array_of, boolean, count, double, optional};

from_redis_value!(Stats, StatsByExchange, StatsBuckets);

/// What a window holds.
///
/// Of one exchange, counts and volumes are always known; the other fields are `None` once the window leaves the raw tail.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Stats {
    /// Events.
    pub count: u64,
    /// Notional in the quote currency.
    pub volume: f64,
    /// Forced buys: liquidated shorts.
    pub buy_count: u64,
    /// Forced sells: liquidated longs.
    pub sell_count: u64,
    /// Notional of the forced buys.
    pub buy_volume: f64,
    /// Notional of the forced sells.
    pub sell_volume: f64,
    /// (buy − sell) / (buy + sell) of the volume, −1 … 1.
    pub imbalance: Option<f64>,
    /// The smallest size.
    pub min: Option<f64>,
    /// The largest size.
    pub max: Option<f64>,
    /// The mean size.
    pub mean: Option<f64>,
    /// The standard deviation of the sizes.
    pub stddev: Option<f64>,
    /// Volume-weighted average price.
    pub vwap: Option<f64>,
    /// Median size.
    pub p50: Option<f64>,
    /// 80th percentile of the sizes.
    pub p80: Option<f64>,
    /// 95th percentile of the sizes.
    pub p95: Option<f64>,
    /// 99th percentile of the sizes.
    pub p99: Option<f64>,
    /// Time of the oldest event, Unix milliseconds.
    pub first_ms: Option<u64>,
    /// Time of the newest event, Unix milliseconds.
    pub last_ms: Option<u64>,
    /// Events per minute of the window.
    pub per_minute: Option<f64>,
    /// Whether every figure is exact to the millisecond. `None` of one exchange once the window leaves the raw tail.
    pub exact: Option<bool>,
}

impl Stats {
    fn read(value: Value) -> Decoded<Self> {
        Self::take(&mut Fields::read(value)?)
    }

    fn take(fields: &mut Fields) -> Decoded<Self> {
        Ok(Self {
            count: fields.get("count", count)?,
            volume: fields.get("volume", double)?,
            buy_count: fields.get("buy_count", count)?,
            sell_count: fields.get("sell_count", count)?,
            buy_volume: fields.get("buy_volume", double)?,
            sell_volume: fields.get("sell_volume", double)?,
            imbalance: fields.get("imbalance", optional(double))?,
            min: fields.get("min", optional(double))?,
            max: fields.get("max", optional(double))?,
            mean: fields.get("mean", optional(double))?,
            stddev: fields.get("stddev", optional(double))?,
            vwap: fields.get("vwap", optional(double))?,
            p50: fields.get("p50", optional(double))?,
            p80: fields.get("p80", optional(double))?,
            p95: fields.get("p95", optional(double))?,
            p99: fields.get("p99", optional(double))?,
            first_ms: fields.get("first", optional(count))?,
            last_ms: fields.get("last", optional(count))?,
            per_minute: fields.get("per_minute", optional(double))?,
            exact: fields.get("exact", optional(boolean))?,
        })
    }
}

/// The statistics of one venue.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExchangeStats {
    /// The venue.
    pub exchange: String,
    /// Its share of the window.
    pub stats: Stats,
}

/// `LIQ.STATS … BY EXCHANGE`: one entry per venue, in the module's order.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StatsByExchange(pub Vec<ExchangeStats>);

impl StatsByExchange {
    fn read(value: Value) -> Decoded<Self> {
        let venues = Fields::read(value)?.into_named()?.into_iter();
        let read = |(exchange, value)| Ok(ExchangeStats { exchange, stats: Stats::read(value)? });
        venues.map(read).collect::<Decoded<_>>().map(Self)
    }

    /// The statistics of one venue, if it has events.
    pub fn get(&self, exchange: &str) -> Option<&Stats> {
        self.0.iter().find(|venue| venue.exchange == exchange).map(|venue| &venue.stats)
    }
}

/// The statistics of one span of time.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct BucketStats {
    /// Where it begins, Unix milliseconds, aligned to UTC.
    pub start_ms: u64,
    /// What it holds.
    pub stats: Stats,
}

/// `LIQ.STATS … BUCKET d`: one entry per span of time, oldest first, empty ones included.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StatsBuckets(pub Vec<BucketStats>);

impl StatsBuckets {
    fn read(value: Value) -> Decoded<Self> {
        let bucket = |value| {
            let mut fields = Fields::read(value)?;
            Ok(BucketStats { start_ms: fields.get("start", count)?, stats: Stats::take(&mut fields)? })
        };
        array_of(value, bucket).map(Self)
    }
}
