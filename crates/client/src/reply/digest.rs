//! The reply of `LIQ.DIGEST`: a t-digest as MessagePack, believed only after every figure was checked.

use liq_core::wire::{Decode, Malformed, Source};
use serde::Deserialize;

/// The version of the layout that is understood.
const VERSION: u64 = 1;
/// More centroids than `LIQ.DIGEST` can be asked for.
const MOST_CENTROIDS: usize = 10_000;

/// A mean and how many events it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Centroid {
    /// The mean size.
    pub mean: f64,
    /// Events.
    pub weight: f64,
}

/// The distribution of sizes in a few hundred centroids: the form to merge across keys, nodes and months.
///
/// See [`MarketDigest`](crate::market::MarketDigest) for merging.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Digest {
    #[serde(rename = "v")]
    version: u64,
    /// Events.
    pub count: u64,
    /// The sum of their sizes.
    pub sum: f64,
    /// The smallest size. `None` when empty.
    pub min: Option<f64>,
    /// The largest size. `None` when empty.
    pub max: Option<f64>,
    /// Ascending by mean.
    pub centroids: Vec<Centroid>,
}

impl Decode for Digest {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        Self::from_message_pack(&source.bytes()?)
    }
}

impl Digest {
    /// Reads the MessagePack form, as stored elsewhere; anything that is not a digest is refused.
    pub fn from_message_pack(payload: &[u8]) -> Result<Self, Malformed> {
        let digest: Self = rmp_serde::from_slice(payload)
            .map_err(|error| Malformed::new(format!("not the MessagePack form of a digest: {error}")))?;
        match digest.defect() {
            None => Ok(digest),
            Some(defect) => Err(Malformed::new(format!("not a digest: {defect}"))),
        }
    }

    fn defect(&self) -> Option<&'static str> {
        let finite_centroid = |centroid: &Centroid| centroid.mean.is_finite() && centroid.weight.is_finite();
        let weight: f64 = self.centroids.iter().map(|centroid| centroid.weight).sum();
        let ends_known = self.min.is_some_and(f64::is_finite) && self.max.is_some_and(f64::is_finite);
        if self.version != VERSION {
            Some("unknown version")
        } else if self.centroids.len() > MOST_CENTROIDS {
            Some("too many centroids")
        } else if !self.sum.is_finite() || !self.centroids.iter().all(finite_centroid) {
            Some("a figure is not finite")
        } else if self.centroids.iter().any(|centroid| centroid.weight <= 0.0) {
            Some("a centroid has no weight")
        } else if !self.centroids.is_sorted_by(|left, right| left.mean <= right.mean) {
            Some("the centroids are not sorted")
        } else if self.count > 0 && (!ends_known || self.min > self.max || self.centroids.is_empty()) {
            Some("no minimum, maximum or centroid")
        } else if (weight - self.count as f64).abs() > 1e-6 * weight.max(1.0) {
            Some("the weights do not add up to the count")
        } else {
            None
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[derive(serde::Serialize)]
    struct Sent {
        v: u64,
        count: u64,
        sum: f64,
        min: Option<f64>,
        max: Option<f64>,
        centroids: Vec<(f64, f64)>,
    }

    fn read(sent: &Sent) -> Result<Digest, Malformed> {
        Digest::from_message_pack(&rmp_serde::to_vec_named(sent).unwrap())
    }

    fn good() -> Sent {
        Sent { v: 1, count: 3, sum: 60.0, min: Some(10.0), max: Some(30.0), centroids: vec![(10.0, 1.0), (25.0, 2.0)] }
    }

    #[test]
    fn a_digest_is_read() {
        let digest = read(&good()).unwrap();
        assert_eq!((digest.count, digest.centroids.len()), (3, 2));
        assert_eq!(digest.centroids.last(), Some(&Centroid { mean: 25.0, weight: 2.0 }));
    }

    #[test]
    fn an_empty_digest_is_read() {
        let digest = read(&Sent { count: 0, sum: 0.0, min: None, max: None, centroids: vec![], ..good() }).unwrap();
        assert_eq!(digest.count, 0);
    }

    #[test]
    fn what_is_no_digest_is_refused() {
        let bad = [
            Sent { v: 2, ..good() },
            Sent { count: 4, ..good() },
            Sent { sum: f64::NAN, ..good() },
            Sent { min: None, ..good() },
            Sent { min: Some(40.0), ..good() },
            Sent { centroids: vec![(25.0, 2.0), (10.0, 1.0)], ..good() },
            Sent { centroids: vec![(10.0, 3.5), (25.0, -0.5)], ..good() },
            Sent { centroids: vec![(f64::NAN, 3.0)], ..good() },
        ];
        for sent in bad {
            assert!(read(&sent).is_err(), "{:?}", sent.centroids);
        }
        for payload in [&b""[..], b"\xc1", b"\x80", b"\xdf\xff\xff\xff\xff", b"\xdd\xff\xff\xff\xff"] {
            assert!(Digest::from_message_pack(payload).is_err());
        }
    }
}
