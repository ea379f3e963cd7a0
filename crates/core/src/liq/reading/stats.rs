//! `LIQ.STATS`.

use super::{MAX_BUCKETS, ReadError, Window};
use crate::grammar::Percentile;
use crate::liq::reply::{BucketStats, StatsMap, StatsReply, VenueStats};
use crate::liq::request::{Breakdown, Stats};
use crate::liq::series::{
    FINE_PANE_MS, FINE_SPAN_MS, OrderCursor, Series, Side, SidedSums, Span, SumCursor, Sums, VenueTotals,
};

/// Window when none is named: an hour.
const DEFAULT_WINDOW_MS: u64 = 3_600_000;

/// The percentiles of a stats map.
const SHOWN: [Percentile; 4] =
    [Percentile::whole(50), Percentile::whole(80), Percentile::whole(95), Percentile::whole(99)];

impl Series {
    /// Statistics of a window, whole or broken down.
    pub fn stats(&mut self, server_ms: u64, request: &Stats<'_>) -> Result<StatsReply, ReadError> {
        let window = self.window(server_ms, &request.scope, DEFAULT_WINDOW_MS)?;
        let venue = request.exchange.map(|name| self.exchanges.number(Some(name)));
        match request.breakdown {
            Some(Breakdown::ByExchange) => Ok(StatsReply::ByExchange(self.by_exchange(&window, request.scope.side))),
            Some(Breakdown::Bucket(bucket_ms)) => {
                self.by_bucket(&window, bucket_ms, request.scope.side, venue).map(StatsReply::Buckets)
            }
            None if venue.is_some() => {
                let span = self.span_of(&window);
                Ok(StatsReply::One(self.of_venue(&span, venue.flatten(), request.scope.side, window.window_ms)))
            }
            None => Ok(StatsReply::One(self.of_window(&window, request.scope.side))),
        }
    }

    fn span_of(&self, window: &Window) -> Span {
        self.events.span(window.cutoff_ms(), self.until_ms(window))
    }

    fn of_window(&mut self, window: &Window, side: Option<Side>) -> StatsMap {
        let span = self.span_of(window);
        let sums = self.sums(window);
        let of = sums.of(side);
        let scale = self.events.scale;
        let percentiles = self.with_order(window, side, |order| {
            SHOWN.map(|p| Some(order.percentile(p, scale)?.within((of.min, of.max), scale)))
        });
        stats_map(&sums, side, percentiles, self.extent(&span, side), window.window_ms, span.exact)
    }

    /// Timestamps of the oldest and the newest event in `span`.
    fn extent(&self, span: &Span, side: Option<Side>) -> Option<(u64, u64)> {
        let archive = &self.events.archive;
        let panes = || {
            let fine = archive.fine().into_iter().flat_map(|fine| fine.panes().range(span.fine.clone()));
            archive.coarse().panes().range(span.coarse.clone()).chain(fine)
        };
        let tail = &self.events.tail;
        let mut raw = span.tail.clone().filter(|place| side.is_none_or(|side| side == tail.side(*place)));
        let (oldest, newest) = (raw.next(), raw.next_back());
        let oldest_raw = oldest.map(|place| tail.ts_ms(place));
        let newest_raw = newest.or(oldest).map(|place| tail.ts_ms(place));
        let first = panes().find_map(|pane| pane.extent(side)).map(|extent| extent.0).or(oldest_raw)?;
        let last = newest_raw.or_else(|| panes().rev().find_map(|pane| pane.extent(side)).map(|extent| extent.1))?;
        Some((first, last))
    }

    /// Statistics of one exchange; `None` is one never heard of.
    fn of_venue(&self, span: &Span, venue: Option<u8>, side: Option<Side>, window_ms: u64) -> StatsMap {
        let Some(venue) = venue else {
            return stats_map(&SidedSums::default(), side, [None; 4], None, window_ms, span.exact);
        };
        if !span.exact {
            return counts_only(&self.venue_totals(span, venue), side);
        }
        let tail = &self.events.tail;
        let (mut sums, mut sizes, mut extent) = (SidedSums::default(), Vec::new(), None);
        for event in span.tail.clone().map(|place| tail.event(place)).filter(|event| event.venue == venue) {
            if side.is_none_or(|side| side == event.side) {
                sums.add(event.side, event.price, event.size);
                sizes.push(event.size);
                extent = Some((extent.map_or(event.ts_ms, |(first, _)| first), event.ts_ms));
            }
        }
        sizes.sort_unstable_by(f64::total_cmp);
        let count = sizes.len() as u64;
        let percentiles = SHOWN.map(|p| sizes.get(p.rank(count) as usize - 1).copied());
        stats_map(&sums, side, percentiles, extent, window_ms, true)
    }

    fn venue_totals(&self, span: &Span, venue: u8) -> VenueTotals {
        let mut totals = VenueTotals { venue, counts: [0; 2], volumes: [0.0; 2] };
        let archive = &self.events.archive;
        let fine = archive.fine().into_iter().flat_map(|fine| fine.panes().range(span.fine.clone()));
        for pane in archive.coarse().panes().range(span.coarse.clone()).chain(fine) {
            pane.venues.iter().filter(|held| held.venue == venue).for_each(|held| totals.merge(held));
        }
        let tail = &self.events.tail;
        for event in span.tail.clone().map(|place| tail.event(place)).filter(|event| event.venue == venue) {
            totals.add(event.side, event.size);
        }
        totals
    }

    fn by_exchange(&self, window: &Window, side: Option<Side>) -> Vec<VenueStats> {
        let span = self.span_of(window);
        let numbers = self.exchanges.numbers();
        let stats = numbers.filter_map(|number| {
            let map = self.of_venue(&span, Some(number), side, window.window_ms);
            let name = self.exchanges.name(number)?.to_vec();
            (map.count > 0).then_some(VenueStats { name, stats: map })
        });
        stats.collect()
    }

    fn by_bucket(
        &mut self,
        window: &Window,
        bucket_ms: u64,
        side: Option<Side>,
        venue: Option<Option<u8>>,
    ) -> Result<Vec<BucketStats>, ReadError> {
        self.check_buckets(window, bucket_ms)?;
        let first_ms = u64::try_from(window.cutoff_ms() + 1).unwrap_or(0);
        let starts = (first_ms - first_ms % bucket_ms..=window.now_ms).step_by(bucket_ms as usize);
        let rows = starts.map(|start_ms| {
            let cutoff_ms = (start_ms as i64 - 1).max(window.cutoff_ms());
            let until_ms = (start_ms + bucket_ms - 1).min(window.now_ms);
            let stats = self.of_bucket(cutoff_ms, until_ms, bucket_ms, side, venue);
            BucketStats { start_ms, stats }
        });
        Ok(rows.collect())
    }

    fn check_buckets(&self, window: &Window, bucket_ms: u64) -> Result<(), ReadError> {
        // By the window, not by what it happens to hold: a chart that works today must work on a busy day.
        let archive = &self.events.archive;
        let within_fine = archive.fine().is_some() && window.window_ms <= FINE_SPAN_MS;
        let pane_ms = if within_fine { FINE_PANE_MS } else { archive.pane_ms() };
        if !bucket_ms.is_multiple_of(pane_ms) {
            return Err(ReadError::BucketOfPartPanes { bucket_ms, pane_ms });
        }
        let first_ms = u64::try_from(window.cutoff_ms() + 1).unwrap_or(0);
        if window.now_ms / bucket_ms - first_ms / bucket_ms >= MAX_BUCKETS {
            return Err(ReadError::TooManyBuckets { bucket_ms });
        }
        Ok(())
    }

    fn of_bucket(
        &mut self,
        cutoff_ms: i64,
        until_ms: u64,
        bucket_ms: u64,
        side: Option<Side>,
        venue: Option<Option<u8>>,
    ) -> StatsMap {
        let span = self.events.span(cutoff_ms, Some(until_ms));
        if let Some(venue) = venue {
            return self.of_venue(&span, venue, side, bucket_ms);
        }
        let sums = SumCursor::once(&self.events, &span);
        let of = sums.of(side);
        if of.count == 0 {
            return stats_map(&sums, side, [None; 4], None, bucket_ms, span.exact);
        }
        let scale = self.events.scale;
        let order = OrderCursor::once(&mut self.events, cutoff_ms, Some(until_ms), side);
        let percentiles = SHOWN.map(|p| Some(order.percentile(p, scale)?.within((of.min, of.max), scale)));
        stats_map(&sums, side, percentiles, self.extent(&span, side), bucket_ms, span.exact)
    }
}

/// Totals of the sides that were asked for.
fn counts_of(buy: (u64, f64), sell: (u64, f64), side: Option<Side>) -> StatsMap {
    let buy = if side == Some(Side::Sell) { (0, 0.0) } else { buy };
    let sell = if side == Some(Side::Buy) { (0, 0.0) } else { sell };
    StatsMap {
        count: buy.0 + sell.0,
        volume: buy.1 + sell.1,
        buy_count: buy.0,
        sell_count: sell.0,
        buy_volume: buy.1,
        sell_volume: sell.1,
        ..StatsMap::default()
    }
}

fn counts_only(totals: &VenueTotals, side: Option<Side>) -> StatsMap {
    let ([buys, sells], [bought, sold]) = (totals.counts, totals.volumes);
    StatsMap { per_minute: None, ..counts_of((buys.into(), bought), (sells.into(), sold), side) }
}

fn stats_map(
    sums: &SidedSums,
    side: Option<Side>,
    [p50, p80, p95, p99]: [Option<f64>; 4],
    extent: Option<(u64, u64)>,
    window_ms: u64,
    exact: bool,
) -> StatsMap {
    let pair = |side| {
        let of: &Sums = sums.side(side);
        (of.count, of.notional)
    };
    let counts = counts_of(pair(Side::Buy), pair(Side::Sell), side);
    let of = sums.of(side);
    let held = of.count > 0;
    StatsMap {
        imbalance: held.then(|| (counts.buy_volume - counts.sell_volume) / counts.volume),
        min: held.then_some(of.min),
        max: held.then_some(of.max),
        mean: held.then(|| of.notional / of.count as f64),
        stddev: of.size_stddev(),
        vwap: of.vwap(),
        p50,
        p80,
        p95,
        p99,
        first_ms: extent.map(|extent| extent.0),
        last_ms: extent.map(|extent| extent.1),
        per_minute: Some(of.count as f64 * 60_000.0 / window_ms as f64),
        exact: Some(exact),
        ..counts
    }
}
