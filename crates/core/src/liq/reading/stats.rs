//! `LIQ.STATS`.

use super::buckets::Row;
use super::{ReadError, Window};
use crate::grammar::Percentile;
use crate::liq::reply::{Stats, StatsBuckets, StatsByExchange, StatsReply};
use crate::liq::request::{self, Breakdown};
use crate::liq::series::{Series, Side, SidedSums, Span, Sums, Time, VenueTotals};

/// Window when none is named: an hour.
const DEFAULT_WINDOW_MS: u64 = 3_600_000;

/// The percentiles of a stats map.
pub(super) const SHOWN: [Percentile; 4] =
    [Percentile::whole(50), Percentile::whole(80), Percentile::whole(95), Percentile::whole(99)];

impl Series {
    /// Statistics of a window, whole or broken down.
    pub fn stats(&mut self, time: Time, request: &request::Stats<'_>) -> Result<StatsReply, ReadError> {
        let window = self.window(time, &request.scope, DEFAULT_WINDOW_MS)?;
        let venue = request.exchange.map(|name| self.exchanges.number(Some(name)));
        match request.breakdown {
            Some(Breakdown::ByExchange) => {
                let venues = self.by_exchange(&window, request.scope.side);
                Ok(StatsReply::ByExchange(StatsByExchange(venues)))
            }
            Some(Breakdown::Bucket(bucket_ms)) => self
                .by_bucket(&window, self.now_ms(time), bucket_ms, Row { side: request.scope.side, venue })
                .map(|rows| StatsReply::Buckets(StatsBuckets(rows))),
            None if venue.is_some() => {
                let span = self.span_of(&window);
                Ok(StatsReply::One(self.of_venue(&span, venue.flatten(), request.scope.side, window.window_ms)))
            }
            None => Ok(StatsReply::One(self.of_window(&window, request.scope.side))),
        }
    }

    fn of_window(&mut self, window: &Window, side: Option<Side>) -> Stats {
        let usual = self.usual_rate(window, side);
        let span = self.span_of(window);
        let sums = self.sums(window, &span);
        let of = sums.of(side);
        let percentiles = self.with_order(window, side, |order| {
            order.ascending(SHOWN).map(|estimate| Some(estimate?.within((of.min, of.max))))
        });
        let stats = stats_map(&sums, side, percentiles, self.extent(&span, side), window.window_ms, span.is_exact);
        Stats { rate_ratio: usual.and_then(|usual| usual.ratio_of(&stats, window)), ..stats }
    }

    /// How often events come, by all that are held up to where the window ends.
    pub(super) fn usual_rate(&mut self, window: &Window, side: Option<Side>) -> Option<UsualRate> {
        let retention_ms = self.options.retention_ms;
        let all = Window { cutoff_ms: window.end_ms - retention_ms as i64, window_ms: retention_ms, ..*window };
        let span = self.span_of(&all);
        let count = self.sums(&all, &span).count_of(side);
        let (oldest_ms, _) = self.extent(&span, None)?;
        let since_ms = (oldest_ms as i64 - 1).max(all.cutoff_ms);
        Some(UsualRate { since_ms, per_minute: count as f64 * 60_000.0 / (window.end_ms - since_ms) as f64 })
    }

    /// Timestamps of the oldest and the newest event in `span`.
    pub(super) fn extent(&self, span: &Span, side: Option<Side>) -> Option<(u64, u64)> {
        let panes = || self.events.archive.panes().range(span.panes.clone());
        let mut raw = self.events.tail.events(&span.tail).filter(|event| side.is_none_or(|side| side == event.side));
        let (oldest, newest) = (raw.next(), raw.next_back());
        let oldest_raw = oldest.map(|event| event.ts_ms);
        let newest_raw = newest.or(oldest).map(|event| event.ts_ms);
        let first = panes().find_map(|pane| pane.extent(side)).map(|extent| extent.0).or(oldest_raw)?;
        let last = newest_raw.or_else(|| panes().rev().find_map(|pane| pane.extent(side)).map(|extent| extent.1))?;
        Some((first, last))
    }
}

/// How often events come.
#[derive(Debug, Clone, Copy)]
pub(super) struct UsualRate {
    /// What is held is later than this, Unix ms.
    since_ms: i64,
    per_minute: f64,
}

impl UsualRate {
    /// How much busier a window is than usual, if anything is held from before it.
    pub(super) fn ratio_of(&self, stats: &Stats, window: &Window) -> Option<f64> {
        let has_history = self.since_ms < window.cutoff_ms && self.per_minute > 0.0;
        has_history.then_some(stats.per_minute? / self.per_minute)
    }
}

/// Totals of the sides that were asked for.
fn counts_of(buy: (u64, f64), sell: (u64, f64), side: Option<Side>) -> Stats {
    let buy = if side == Some(Side::Sell) { (0, 0.0) } else { buy };
    let sell = if side == Some(Side::Buy) { (0, 0.0) } else { sell };
    Stats {
        count: buy.0 + sell.0,
        volume: buy.1 + sell.1,
        buy_count: buy.0,
        sell_count: sell.0,
        buy_volume: buy.1,
        sell_volume: sell.1,
        ..Stats::default()
    }
}

pub(super) fn counts_only(totals: &VenueTotals, side: Option<Side>) -> Stats {
    let ([buys, sells], [bought, sold]) = (totals.counts, totals.volumes);
    Stats { per_minute: None, ..counts_of((buys.into(), bought), (sells.into(), sold), side) }
}

pub(super) fn stats_map(
    sums: &SidedSums,
    side: Option<Side>,
    [p50, p80, p95, p99]: [Option<f64>; 4],
    extent: Option<(u64, u64)>,
    window_ms: u64,
    exact: bool,
) -> Stats {
    let pair = |side| {
        let of: &Sums = sums.side(side);
        (of.count, of.notional)
    };
    let counts = counts_of(pair(Side::Buy), pair(Side::Sell), side);
    let of = sums.of(side);
    let held = of.count > 0;
    Stats {
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
