//! The replies of `LIQ.STATS`: of a window, per exchange, and in buckets of time.

use crate::wire::{Bytes, Decode, Encode, Fields as _, Malformed, Sink, Source, map_reply};

map_reply! {
    /// What a window holds.
    ///
    /// Of one exchange, counts and volumes are always known; the other fields are `None` once the window leaves the raw
    /// tail.
    #[derive(Debug, Clone, Copy, PartialEq, Default)]
    pub struct Stats {
        /// Events.
        count: u64 = "count",
        /// Notional in the quote currency.
        volume: f64 = "volume",
        /// Forced buys: liquidated shorts.
        buy_count: u64 = "buy_count",
        /// Forced sells: liquidated longs.
        sell_count: u64 = "sell_count",
        /// Notional of the forced buys.
        buy_volume: f64 = "buy_volume",
        /// Notional of the forced sells.
        sell_volume: f64 = "sell_volume",
        /// (buy − sell) / (buy + sell) of the volume, −1 … 1.
        imbalance: Option<f64> = "imbalance",
        /// The smallest size.
        min: Option<f64> = "min",
        /// The largest size.
        max: Option<f64> = "max",
        /// The mean size.
        mean: Option<f64> = "mean",
        /// The standard deviation of the sizes.
        stddev: Option<f64> = "stddev",
        /// Volume-weighted average price.
        vwap: Option<f64> = "vwap",
        /// Median size.
        p50: Option<f64> = "p50",
        /// 80th percentile of the sizes.
        p80: Option<f64> = "p80",
        /// 95th percentile of the sizes.
        p95: Option<f64> = "p95",
        /// 99th percentile of the sizes.
        p99: Option<f64> = "p99",
        /// Time of the oldest event, Unix milliseconds.
        first_ms: Option<u64> = "first",
        /// Time of the newest event, Unix milliseconds.
        last_ms: Option<u64> = "last",
        /// Events per minute of the window.
        per_minute: Option<f64> = "per_minute",
        /// `per_minute` over that of all events held: 3 is thrice as busy as usual. `None` where nothing is held from before
        /// the window, and of one exchange.
        rate_ratio: Option<f64> = "rate_ratio",
        /// Whether every figure is exact to the millisecond.
        exact: Option<bool> = "exact",
    }
}

/// The statistics of one venue.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ExchangeStats {
    /// The venue.
    pub exchange: Bytes,
    /// Its share of the window.
    pub stats: Stats,
}

/// `LIQ.STATS … BY EXCHANGE`: one entry per venue that has events, in the order in which they were first seen.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StatsByExchange(pub Vec<ExchangeStats>);

impl StatsByExchange {
    /// The statistics of one venue, if it has events.
    pub fn get(&self, exchange: &str) -> Option<&Stats> {
        self.0.iter().find(|venue| venue.exchange == exchange).map(|venue| &venue.stats)
    }
}

impl Encode for StatsByExchange {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(self.0.len());
        for venue in &self.0 {
            venue.exchange.encode(sink);
            venue.stats.encode(sink);
        }
    }
}

impl Decode for StatsByExchange {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let venue = |(name, stats): (S, S)| {
            let exchange = Bytes::decode(name)?;
            let stats = Stats::decode(stats).map_err(|error| error.within(&exchange))?;
            Ok(ExchangeStats { exchange, stats })
        };
        source.fields()?.into_named().into_iter().map(venue).collect::<Result<_, _>>().map(Self)
    }
}

/// The statistics of one span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct BucketStats {
    /// Where it begins, Unix milliseconds, aligned to UTC.
    pub start_ms: u64,
    /// What it holds.
    pub stats: Stats,
}

impl Encode for BucketStats {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(1 + self.stats.count_fields());
        sink.text("start");
        self.start_ms.encode(sink);
        self.stats.encode_fields(sink);
    }
}

impl Decode for BucketStats {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let mut fields = source.fields()?;
        Ok(Self { start_ms: fields.read("start")?, stats: Stats::decode_fields(&mut fields)? })
    }
}

/// `LIQ.STATS … BUCKET d`: one entry per span of time, oldest first, empty ones included.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StatsBuckets(pub Vec<BucketStats>);

impl Encode for StatsBuckets {
    fn encode(&self, sink: &mut impl Sink) {
        self.0.encode(sink);
    }
}

impl Decode for StatsBuckets {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        Vec::decode(source).map(Self)
    }
}

/// Any answer of `LIQ.STATS`.
#[derive(Debug, Clone, PartialEq)]
#[allow(
    clippy::large_enum_variant,
    reason = "the large variant is the common one, and a reply is made only to be written"
)]
pub enum StatsReply {
    /// Of the whole window.
    One(Stats),
    /// Per exchange.
    ByExchange(StatsByExchange),
    /// Per span of time.
    Buckets(StatsBuckets),
}

impl Encode for StatsReply {
    fn encode(&self, sink: &mut impl Sink) {
        match self {
            Self::One(stats) => stats.encode(sink),
            Self::ByExchange(venues) => venues.encode(sink),
            Self::Buckets(rows) => rows.encode(sink),
        }
    }
}
