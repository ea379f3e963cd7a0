//! The replies of `LIQ.HIST`, `LIQ.DIGEST` and `LIQ.RANGE`.

use std::borrow::Cow;

use tdigest::{Centroid, TDigest};

use crate::liq::series::{Side, Sums};
use crate::wire::{Bytes, Decode, Encode, Malformed, Sink, Source};

/// One bucket of the distribution of sizes: `count` sizes in [`low`, `high`).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct HistogramRow {
    /// The lower edge, inclusive.
    pub low: f64,
    /// The upper edge, exclusive.
    pub high: f64,
    /// Events in the bucket.
    pub count: u64,
}

impl HistogramRow {
    /// A row, as kept elsewhere.
    pub const fn new(low: f64, high: f64, count: u64) -> Self {
        Self { low, high, count }
    }
}

impl Encode for HistogramRow {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(3);
        sink.double(self.low);
        sink.double(self.high);
        sink.count(self.count);
    }
}

impl Decode for HistogramRow {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let [low, high, count] = source.tuple()?;
        let row = Self { low: low.double()?, high: high.double()?, count: count.count()? };
        if row.low > row.high {
            return Err(Malformed::new(format!("a row of the histogram from {} down to {}", row.low, row.high)));
        }
        Ok(row)
    }
}

/// An event of the raw tail.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct StoredEvent<'a> {
    /// Unix milliseconds.
    pub timestamp_ms: u64,
    /// The side of the forced order.
    pub side: Side,
    /// Quote per base.
    pub price: f64,
    /// Notional in the quote currency.
    pub size: f64,
    /// The venue, when it was given.
    pub exchange: Option<Cow<'a, [u8]>>,
}

impl Encode for StoredEvent<'_> {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(5);
        sink.count(self.timestamp_ms);
        self.side.encode(sink);
        sink.double(self.price);
        sink.double(self.size);
        match &self.exchange {
            Some(name) => sink.bytes(name),
            None => sink.null(),
        }
    }
}

impl Decode for StoredEvent<'static> {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let [timestamp, side, price, size, exchange] = source.tuple()?;
        Ok(Self {
            timestamp_ms: timestamp.count()?,
            side: Side::decode(side)?,
            price: price.double()?,
            size: size.double()?,
            exchange: Option::<Bytes>::decode(exchange)?.map(|name| Cow::Owned(name.0)),
        })
    }
}

/// A distribution as a t-digest.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DigestReply {
    /// Events.
    pub count: u64,
    /// Σ size, quote currency.
    pub sum: f64,
    /// Smallest size; `None` without events.
    pub min: Option<f64>,
    /// Largest size; `None` without events.
    pub max: Option<f64>,
    /// Mean and weight, ascending by mean.
    pub centroids: Vec<(f64, f64)>,
}

impl DigestReply {
    /// Condenses ascending (value, weight) pairs into at most about `size` centroids.
    pub fn of(weighted: &[(f64, f64)], sums: &Sums, size: usize) -> Self {
        let known = |value| (sums.count > 0).then_some(value);
        let (min, max) = (known(sums.min), known(sums.max));
        let reply = Self { count: sums.count, sum: sums.notional, min, max, centroids: Vec::new() };
        if weighted.is_empty() {
            return reply;
        }
        let whole: Vec<Centroid> = weighted.iter().map(|(mean, weight)| Centroid::new(*mean, *weight)).collect();
        let whole = TDigest::new(whole, sums.notional, sums.count as f64, max, min, size);
        // Merging with nothing is what condenses: the constructor keeps what it is given.
        let condensed = TDigest::merge_digests(vec![whole, TDigest::new_with_size(size)]);
        let centroids = condensed.centroids().iter().map(|centroid| (centroid.mean(), centroid.weight())).collect();
        Self { centroids, ..reply }
    }

    /// MessagePack: a map of `v` = 1, `count`, `sum`, `min`, `max` and `centroids` as pairs of mean and weight.
    pub fn to_msgpack(&self) -> Vec<u8> {
        let mut out = Vec::new();
        // Writing to a Vec cannot fail, so the results carry nothing.
        let name = |out: &mut Vec<u8>, name| drop(rmp::encode::write_str(out, name));
        let double = |out: &mut Vec<u8>, value| drop(rmp::encode::write_f64(out, value));
        let _ = rmp::encode::write_map_len(&mut out, 6);
        name(&mut out, "v");
        let _ = rmp::encode::write_uint(&mut out, 1);
        name(&mut out, "count");
        let _ = rmp::encode::write_uint(&mut out, self.count);
        for (field, value) in [("sum", Some(self.sum)), ("min", self.min), ("max", self.max)] {
            name(&mut out, field);
            match value {
                Some(value) => double(&mut out, value),
                None => drop(rmp::encode::write_nil(&mut out)),
            }
        }
        name(&mut out, "centroids");
        let _ = rmp::encode::write_array_len(&mut out, self.centroids.len() as u32);
        for (mean, weight) in &self.centroids {
            let _ = rmp::encode::write_array_len(&mut out, 2);
            double(&mut out, *mean);
            double(&mut out, *weight);
        }
        out
    }
}

impl Encode for DigestReply {
    fn encode(&self, sink: &mut impl Sink) {
        sink.bytes(&self.to_msgpack());
    }
}
