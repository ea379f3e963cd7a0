//! The sum of histograms, of one precision or of several.

use liq_core::grammar::percentile;

use crate::HistogramRow;
use crate::error::{Error, Result};
use crate::options::percent_text;

/// The distribution of sizes over any number of series.
///
/// Adding loses nothing: counts are integers, and buckets of a series with a lower precision are unions of those with a
/// higher one, so that mixed precisions give the coarser buckets with exact counts.
///
/// ```
/// use redis_liq::HistogramRow;
/// use redis_liq::market::MarketHistogram;
///
/// let mut market = MarketHistogram::new();
/// market.add(&[HistogramRow::new(1.0, 1.25, 2), HistogramRow::new(1.25, 1.5, 1)]);
/// market.add(&[HistogramRow::new(1.0, 1.5, 4)]); // half the precision
/// assert_eq!(market.rows(), [HistogramRow::new(1.0, 1.5, 7)]);
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct MarketHistogram {
    /// Ascending, and apart from each other.
    rows: Vec<HistogramRow>,
}

/// A percentile of a market.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct MarketPercentile {
    /// What to take it for: the harmonic midpoint of its bucket, at most half a bucket off in relative terms.
    pub value: f64,
    /// The exact nearest-rank percentile is at least this …
    pub low: f64,
    /// … and below this.
    pub high: f64,
    /// The events it is of.
    pub count: u64,
}

impl MarketHistogram {
    /// Empty.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the rows of one series.
    pub fn add(&mut self, rows: &[HistogramRow]) {
        self.rows.extend(rows.iter().filter(|row| row.count > 0));
        self.unite();
    }

    /// Adds another sum, such as that of an independent server.
    pub fn merge(&mut self, other: &Self) {
        self.add(&other.rows);
    }

    /// The sum of the rows of many series; cheaper than adding one after the other.
    pub fn of(rows: impl IntoIterator<Item = HistogramRow>) -> Self {
        let mut sum = Self { rows: rows.into_iter().filter(|row| row.count > 0).collect() };
        sum.unite();
        sum
    }

    /// Sorts the rows and makes one of those that overlap.
    fn unite(&mut self) {
        self.rows.sort_by(|left, right| left.low.total_cmp(&right.low));
        self.rows.dedup_by(|row, united| {
            let overlap = row.low < united.high || row.low == united.low;
            if overlap {
                united.high = united.high.max(row.high);
                united.count = united.count.saturating_add(row.count);
            }
            overlap
        });
    }

    /// The rows, ascending; none is empty.
    pub fn rows(&self) -> &[HistogramRow] {
        &self.rows
    }

    /// How many events.
    pub fn count(&self) -> u64 {
        self.rows.iter().fold(0, |sum, row| sum.saturating_add(row.count))
    }

    /// The nearest-rank percentile, 0 … 100 with at most 6 decimals; `None` without events.
    ///
    /// Fails with [`Error::Refused`] for what is no percentile, as the server does.
    pub fn percentile(&self, percent: f64) -> Result<Option<MarketPercentile>> {
        let percentile = percentile("p", percent_text(percent).as_bytes()).map_err(Error::refused)?;
        let count = self.count();
        let mut beyond = percentile.rank(count);
        for row in &self.rows {
            if beyond <= row.count {
                let HistogramRow { low, high, .. } = *row;
                return Ok(Some(MarketPercentile { value: midpoint(low, high), low, high, count }));
            }
            beyond -= row.count;
        }
        Ok(None)
    }

    /// The percent of events at or below a size: the upper end of the bracket its bucket leaves. `None` without events.
    pub fn rank(&self, size: f64) -> Option<f64> {
        let at_most = self.rows.iter().take_while(|row| row.low <= size).fold(0, |sum: u64, row| sum + row.count);
        let count = self.count();
        (count > 0).then(|| at_most as f64 * 100.0 / count as f64)
    }
}

/// The value whose relative distance to both edges is the same.
fn midpoint(low: f64, high: f64) -> f64 {
    // The lowest bucket begins at 0, from where nothing is a fixed ratio away.
    if low <= 0.0 { high / 2.0 } else { 2.0 / (1.0 / low + 1.0 / high) }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The module's rows of some sizes: buckets of K mantissa bits, written from the definition.
    fn rows_of(sizes: &[f64], precision: u32) -> Vec<HistogramRow> {
        let mut rows: Vec<HistogramRow> = Vec::new();
        for size in sizes {
            let shift = 52 - precision;
            let bucket = size.to_bits() >> shift;
            let (low, high) = (f64::from_bits(bucket << shift), f64::from_bits((bucket + 1) << shift));
            match rows.iter_mut().find(|row| row.low == low) {
                Some(row) => row.count += 1,
                None => rows.push(HistogramRow::new(low, high, 1)),
            }
        }
        rows.sort_by(|left, right| left.low.total_cmp(&right.low));
        rows
    }

    fn sizes() -> impl Strategy<Value = Vec<f64>> {
        // Many equal sizes beside a heavy tail.
        let size = prop_oneof![Just(100.0), Just(1000.0), (-6.0_f64..20.0).prop_map(f64::exp)];
        prop::collection::vec(size, 0..200)
    }

    proptest! {
        #[test]
        fn a_market_percentile_holds_the_exact_one(
            venues in prop::collection::vec((sizes(), 5_u32..=8), 1..5),
            millionths in 0_u64..=100_000_000,
        ) {
            let percent = millionths as f64 / 1e6;
            let mut market = MarketHistogram::new();
            let mut all = Vec::new();
            for (sizes, precision) in &venues {
                market.add(&rows_of(sizes, *precision));
                all.extend(sizes);
            }
            let at_once = MarketHistogram::of(venues.iter().flat_map(|(sizes, precision)| rows_of(sizes, *precision)));
            prop_assert_eq!(&at_once, &market);
            prop_assert_eq!(market.count(), all.len() as u64);
            all.sort_by(f64::total_cmp);
            let found = market.percentile(percent).unwrap();
            if all.is_empty() {
                prop_assert_eq!(found, None);
            } else {
                // The definition, in integers.
                let rank = (millionths * all.len() as u64).div_ceil(100_000_000).max(1);
                let exact = all[rank as usize - 1];
                let found = found.unwrap();
                prop_assert!(found.low <= exact && exact < found.high, "{exact} in {found:?}");
                // The coarsest precision bounds the error, halved by the midpoint.
                prop_assert!((found.value / exact - 1.0).abs() <= 1.0 / 64.0, "{exact} near {found:?}");
            }
        }

        #[test]
        fn a_market_rank_brackets_the_exact_one(venues in prop::collection::vec(sizes(), 1..4), size in 0.01_f64..1e6) {
            let market = MarketHistogram::of(venues.iter().flat_map(|sizes| rows_of(sizes, 7)));
            let all: Vec<f64> = venues.concat();
            let at_most = all.iter().filter(|other| **other <= size).count() as f64;
            let within_bucket = all.iter().filter(|other| (*other / size - 1.0).abs() < 1.0 / 128.0).count() as f64;
            if let Some(rank) = market.rank(size) {
                let found = rank * all.len() as f64 / 100.0;
                prop_assert!(found >= at_most - 1e-6 && found <= at_most + within_bucket + 1e-6);
            } else {
                prop_assert!(all.is_empty());
            }
        }
    }

    #[test]
    fn what_is_no_percentile_is_refused_as_the_server_does() {
        for percent in [-1.0, 100.5, f64::NAN, f64::INFINITY] {
            let error = MarketHistogram::new().percentile(percent).unwrap_err();
            assert!(matches!(&error, Error::Refused { argument, .. } if argument == "p"), "{error:?}");
        }
    }

    #[test]
    fn the_lowest_bucket_has_a_middle() {
        let market = MarketHistogram::of([HistogramRow::new(0.0, 0.5, 1)]);
        assert_eq!(market.percentile(50.0).unwrap().unwrap().value, 0.25);
    }
}
