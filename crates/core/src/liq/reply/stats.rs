//! The replies of `LIQ.STATS`.

use crate::wire::{Encode, Sink};

/// Statistics of some events.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[allow(missing_docs, reason = "the contract of LIQ.STATS describes the fields under these names")]
pub struct StatsMap {
    pub count: u64,
    pub volume: f64,
    pub buy_count: u64,
    pub sell_count: u64,
    pub buy_volume: f64,
    pub sell_volume: f64,
    pub imbalance: Option<f64>,
    pub min: Option<f64>,
    pub max: Option<f64>,
    pub mean: Option<f64>,
    pub stddev: Option<f64>,
    pub vwap: Option<f64>,
    pub p50: Option<f64>,
    pub p80: Option<f64>,
    pub p95: Option<f64>,
    pub p99: Option<f64>,
    pub first_ms: Option<u64>,
    pub last_ms: Option<u64>,
    pub per_minute: Option<f64>,
    pub exact: Option<bool>,
}

/// Fields of a [`StatsMap`].
const FIELDS: usize = 20;

impl StatsMap {
    /// The answer of a series without events, for a key that does not exist.
    pub fn empty() -> Self {
        Self { per_minute: Some(0.0), exact: Some(true), ..Self::default() }
    }

    fn encode_fields(&self, sink: &mut impl Sink) {
        sink.text("count");
        sink.count(self.count);
        sink.text("volume");
        sink.double(self.volume);
        sink.text("buy_count");
        sink.count(self.buy_count);
        sink.text("sell_count");
        sink.count(self.sell_count);
        sink.text("buy_volume");
        sink.double(self.buy_volume);
        sink.text("sell_volume");
        sink.double(self.sell_volume);
        let doubles = [
            ("imbalance", self.imbalance),
            ("min", self.min),
            ("max", self.max),
            ("mean", self.mean),
            ("stddev", self.stddev),
            ("vwap", self.vwap),
            ("p50", self.p50),
            ("p80", self.p80),
            ("p95", self.p95),
            ("p99", self.p99),
        ];
        for (name, value) in doubles {
            sink.text(name);
            sink.optional_double(value);
        }
        sink.text("first");
        sink.optional_count(self.first_ms);
        sink.text("last");
        sink.optional_count(self.last_ms);
        sink.text("per_minute");
        sink.optional_double(self.per_minute);
        sink.text("exact");
        match self.exact {
            Some(exact) => sink.boolean(exact),
            None => sink.null(),
        }
    }
}

impl Encode for StatsMap {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(FIELDS);
        self.encode_fields(sink);
    }
}

/// Statistics of one exchange.
#[derive(Debug, Clone, PartialEq)]
pub struct VenueStats {
    /// Its name.
    pub name: Vec<u8>,
    /// Its events.
    pub stats: StatsMap,
}

/// Statistics of one span of time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct BucketStats {
    /// Where it begins, Unix ms.
    pub start_ms: u64,
    /// Its events.
    pub stats: StatsMap,
}

impl Encode for BucketStats {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(FIELDS + 1);
        sink.text("start");
        sink.count(self.start_ms);
        self.stats.encode_fields(sink);
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
    One(StatsMap),
    /// Per exchange that has events, in the order in which they were first seen.
    ByExchange(Vec<VenueStats>),
    /// Per span of time, oldest first.
    Buckets(Vec<BucketStats>),
}

impl Encode for StatsReply {
    fn encode(&self, sink: &mut impl Sink) {
        match self {
            Self::One(map) => map.encode(sink),
            Self::ByExchange(venues) => {
                sink.map(venues.len());
                for venue in venues {
                    sink.bytes(&venue.name);
                    venue.stats.encode(sink);
                }
            }
            Self::Buckets(rows) => rows.as_slice().encode(sink),
        }
    }
}
