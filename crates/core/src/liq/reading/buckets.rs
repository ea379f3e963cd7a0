//! `LIQ.STATS … BUCKET d`: a chart in one call.

use std::ops::RangeInclusive;

use super::stats::{SHOWN, stats_map};
use super::{MAX_BUCKETS, ReadError, Window};
use crate::liq::reply::{BucketStats, Stats};
use crate::liq::series::{OrderCursor, Series, Side, SumCursor};

/// What a row of a chart is about beside its time: one side or both, one exchange, known or not, or all.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub side: Option<Side>,
    pub venue: Option<Option<u8>>,
}

impl Series {
    /// Statistics per span of `bucket_ms`, oldest first, empty ones included.
    pub(super) fn by_bucket(
        &mut self,
        window: &Window,
        now_ms: u64,
        bucket_ms: u64,
        row: Row,
    ) -> Result<Vec<BucketStats>, ReadError> {
        // A window that moved back behind the epoch holds nothing.
        let Ok(end_ms) = u64::try_from(window.end_ms) else { return Ok(Vec::new()) };
        let first_ms = u64::try_from(window.cutoff_ms + 1).unwrap_or(0);
        self.check_buckets(first_ms..=end_ms, now_ms, bucket_ms)?;
        let usual = self.usual_rate(window, row.side).filter(|_| row.venue.is_none());
        let starts = (first_ms - first_ms % bucket_ms..=end_ms).step_by(bucket_ms as usize);
        let rows = starts.map(|start_ms| {
            let cutoff_ms = (start_ms as i64 - 1).max(window.cutoff_ms);
            let until_ms = (start_ms + bucket_ms - 1).min(end_ms);
            let end = Window { cutoff_ms, until_ms: Some(until_ms as i64), window_ms: bucket_ms, ..*window };
            let stats = self.of_bucket(&end, row);
            let rate_ratio = usual.and_then(|usual| usual.ratio_of(&stats, &end));
            BucketStats { start_ms, stats: Stats { rate_ratio, ..stats } }
        });
        Ok(rows.collect())
    }

    /// A bucket must consist of whole panes wherever the window lies: of the widths that panes have there by rule, not
    /// only of those held, so that a chart that works today works on a busy day; and of those held, which may be wider.
    fn check_buckets(&self, times: RangeInclusive<u64>, now_ms: u64, bucket_ms: u64) -> Result<(), ReadError> {
        let (first_ms, end_ms) = times.into_inner();
        let archive = &self.events.archive;
        let by_rule = archive.width_by(now_ms, first_ms);
        let from = archive.behind_edge(archive.edge(first_ms as i64 - 1));
        let reached = archive.panes().range(from).take_while(|pane| pane.start_ms <= end_ms);
        // Only the first may end before the window begins, though its cell reaches into it.
        let reached = reached.filter(|pane| pane.last_ms() >= first_ms);
        let pane_ms = reached.map(|pane| pane.width_ms.into()).fold(by_rule, u64::max);
        if !bucket_ms.is_multiple_of(pane_ms) {
            return Err(ReadError::BucketOfPartPanes { bucket_ms, pane_ms });
        }
        if end_ms / bucket_ms - first_ms / bucket_ms >= MAX_BUCKETS {
            return Err(ReadError::TooManyBuckets { bucket_ms });
        }
        Ok(())
    }

    fn of_bucket(&mut self, window: &Window, row: Row) -> Stats {
        let span = self.span_of(window);
        let (side, bucket_ms) = (row.side, window.window_ms);
        if let Some(venue) = row.venue {
            return self.of_venue(&span, venue, side, bucket_ms);
        }
        let sums = SumCursor::once(&self.events, &span);
        let of = sums.of(side);
        if of.count == 0 {
            return stats_map(&sums, side, [None; 4], None, bucket_ms, span.is_exact);
        }
        let order = OrderCursor::once(&mut self.events, &span, side);
        let percentiles = order.ascending(SHOWN).map(|estimate| Some(estimate?.within((of.min, of.max))));
        stats_map(&sums, side, percentiles, self.extent(&span, side), bucket_ms, span.is_exact)
    }
}
