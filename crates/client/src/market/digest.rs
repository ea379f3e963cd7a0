//! The merge of digests. The only file that knows the `tdigest` crate, whose sharp edges (NaN, empty extremes) are
//! kept away by [`Digest`](crate::Digest) having been checked when it was read.

use tdigest::TDigest;

use crate::Digest;

/// The distribution of sizes over any number of series, estimated from their digests.
///
/// All digests are merged at once: a chain of merges would lose precision with every link.
#[derive(Debug, Clone, Default)]
pub struct MarketDigest {
    merged: TDigest,
}

impl MarketDigest {
    /// Merges digests of any keys, servers and moments; keeps as many centroids as the largest of them has, at least 200.
    pub fn of(digests: impl IntoIterator<Item = Digest>) -> Self {
        const FEWEST_CENTROIDS: usize = 200;
        let digests: Vec<Digest> = digests.into_iter().filter(|digest| digest.count > 0).collect();
        let most = digests.iter().map(|digest| digest.centroids.len()).max().unwrap_or(0).max(FEWEST_CENTROIDS);
        Self { merged: TDigest::merge_digests(digests.iter().map(|digest| foreign(digest, most)).collect()) }
    }

    /// How many events.
    pub fn count(&self) -> u64 {
        self.merged.count() as u64
    }

    /// The mean size; `None` without events.
    pub fn mean(&self) -> Option<f64> {
        self.merged.mean()
    }

    /// The smallest size; exact. `None` without events.
    pub fn min(&self) -> Option<f64> {
        self.merged.min()
    }

    /// The largest size; exact. `None` without events.
    pub fn max(&self) -> Option<f64> {
        self.merged.max()
    }

    /// An estimate of a percentile; below 0 the smallest size, above 100 the largest, `None` without events and for NaN.
    pub fn percentile(&self, percent: f64) -> Option<f64> {
        if percent.is_nan() { None } else { self.merged.estimate_quantile(percent / 100.0) }
    }

    /// An estimate of the percent of events at or below a size; `None` without events and for NaN.
    pub fn rank(&self, size: f64) -> Option<f64> {
        if size.is_nan() { None } else { self.merged.estimate_rank(size).map(|share| share * 100.0) }
    }
}

fn foreign(digest: &Digest, max_size: usize) -> TDigest {
    let centroids = digest.centroids.iter();
    let centroids = centroids.map(|centroid| tdigest::Centroid::new(centroid.mean, centroid.weight)).collect();
    TDigest::new(centroids, digest.sum, digest.count as f64, digest.max, digest.min, max_size)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn digest_of(sizes: &[f64]) -> Digest {
        #[derive(serde::Serialize)]
        struct Sent {
            v: u64,
            count: u64,
            sum: f64,
            min: Option<f64>,
            max: Option<f64>,
            centroids: Vec<(f64, f64)>,
        }
        let mut sorted = sizes.to_vec();
        sorted.sort_by(f64::total_cmp);
        let sent = Sent {
            v: 1,
            count: sizes.len() as u64,
            sum: sizes.iter().sum(),
            min: sorted.first().copied(),
            max: sorted.last().copied(),
            centroids: sorted.iter().map(|size| (*size, 1.0)).collect(),
        };
        Digest::from_message_pack(&rmp_serde::to_vec_named(&sent).unwrap()).unwrap()
    }

    #[test]
    fn merged_digests_answer_for_all_series() {
        let low: Vec<f64> = (1..=500).map(f64::from).collect();
        let high: Vec<f64> = (501..=1000).map(f64::from).collect();
        let market = MarketDigest::of([digest_of(&low), digest_of(&[]), digest_of(&high)]);
        assert_eq!((market.count(), market.min(), market.max()), (1000, Some(1.0), Some(1000.0)));
        assert_eq!(market.mean(), Some(500.5));
        for percent in [1.0, 50.0, 80.0, 99.0] {
            let found = market.percentile(percent).unwrap();
            assert!((found - percent * 10.0).abs() <= 10.0, "{found} at {percent}");
            let rank = market.rank(percent * 10.0).unwrap();
            assert!((rank - percent).abs() <= 1.0, "{rank} at {percent}");
        }
        assert_eq!((market.percentile(-5.0), market.percentile(200.0)), (Some(1.0), Some(1000.0)));
        assert_eq!((market.percentile(f64::NAN), market.rank(f64::NAN)), (None, None));
    }

    #[test]
    fn a_market_without_events_says_nothing() {
        for market in [MarketDigest::of([]), MarketDigest::of([digest_of(&[]), digest_of(&[])])] {
            assert_eq!(
                (market.count(), market.percentile(50.0), market.rank(1.0), market.mean()),
                (0, None, None, None)
            );
        }
    }
}
