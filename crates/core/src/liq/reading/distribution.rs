//! `LIQ.PCTL`, `LIQ.RANK`, `LIQ.HIST` and `LIQ.DIGEST`.

use super::{ReadError, Window};
use crate::grammar::Percentile;
use crate::liq::reply::{DigestReply, HistogramRow};
use crate::liq::request::{Digest, Hist, Pctl, Rank};
use crate::liq::series::{Estimate, Scale, Series, Side, Sums, Time};

/// Centroids of a digest when their number is not named.
const DEFAULT_DIGEST_SIZE: usize = 200;

impl Series {
    /// Nearest-rank percentiles; `None` for each when the window is empty.
    pub fn percentiles(&mut self, time: Time, request: &Pctl) -> Result<Vec<Option<f64>>, ReadError> {
        let window = self.window(time, &request.scope, self.options.filter_window_ms())?;
        Ok(self.estimate(&window, request.scope.side, &request.percentiles))
    }

    pub(super) fn estimate(&mut self, window: &Window, side: Option<Side>, asked: &[Percentile]) -> Vec<Option<f64>> {
        let found: Vec<Option<Estimate>> =
            self.with_order(window, side, |order| asked.iter().map(|p| order.percentile(*p)).collect());
        let needs_range = found.iter().flatten().any(|estimate| matches!(estimate, Estimate::Outermost(..)));
        let sums = match needs_range {
            true => self.sums(window, &self.span_of(window)).of(side),
            false => Sums::default(),
        };
        found.into_iter().map(|estimate| Some(estimate?.within((sums.min, sums.max)))).collect()
    }

    /// Percent of the window's events not larger than each size; `None` when it is empty.
    pub fn ranks(&mut self, time: Time, request: &Rank) -> Result<Vec<Option<f64>>, ReadError> {
        let window = self.window(time, &request.scope, self.options.filter_window_ms())?;
        Ok(self.with_order(&window, request.scope.side, |order| {
            let count = order.count();
            let rank = |size| 100.0 * order.at_or_below(size) as f64 / count as f64;
            request.sizes.iter().map(|size| (count > 0).then(|| rank(*size))).collect()
        }))
    }

    /// The occupied buckets of the distribution, ascending.
    pub fn histogram(&mut self, time: Time, request: &Hist) -> Result<Vec<HistogramRow>, ReadError> {
        let window = self.window(time, &request.scope, self.options.filter_window_ms())?;
        let (scale, buckets) = self.buckets(&window, request.scope.side);
        let row = |(bucket, count)| HistogramRow { low: scale.low(bucket), high: scale.high(bucket), count };
        Ok(buckets.into_iter().map(row).collect())
    }

    /// The occupied buckets, and the scale they are of.
    fn buckets(&mut self, window: &Window, side: Option<Side>) -> (Scale, Vec<(u16, u64)>) {
        self.events.archive.pack_late();
        let span = self.span_of(window);
        let scale = self.events.scale_of(&span.panes);
        let counts = self.events.bucket_counts(&span, side, scale);
        (scale, (0..).zip(counts.into_iter().map(u64::from)).filter(|(_, count)| *count > 0).collect())
    }

    /// The distribution as a t-digest (Dunning, Ertl 2019), the form that merges across keys and nodes.
    pub fn digest(&mut self, time: Time, request: &Digest) -> Result<DigestReply, ReadError> {
        let window = self.window(time, &request.scope, self.options.filter_window_ms())?;
        let side = request.scope.side;
        let span = self.span_of(&window);
        let sums = self.sums(&window, &span).of(side);
        let weighted: Vec<(f64, f64)> = if span.is_raw() {
            let sizes = self.events.tail.sizes(&span.tail).filter(|(_, of)| side.is_none_or(|side| side == *of));
            let mut sizes: Vec<f64> = sizes.map(|(size, _)| size).collect();
            sizes.sort_unstable_by(f64::total_cmp);
            sizes.into_iter().map(|size| (size, 1.0)).collect()
        } else {
            let (scale, buckets) = self.buckets(&window, side);
            let middle = |bucket| scale.midpoint(bucket).clamp(sums.min, sums.max);
            buckets.into_iter().map(|(bucket, count)| (middle(bucket), count as f64)).collect()
        };
        Ok(DigestReply::of(&weighted, &sums, request.size.unwrap_or(DEFAULT_DIGEST_SIZE)))
    }
}
