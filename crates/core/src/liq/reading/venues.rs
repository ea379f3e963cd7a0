//! `LIQ.STATS … EXCHANGE name` and `BY EXCHANGE`: the same figures of one exchange, or of each.

use std::collections::BTreeMap;

use super::Window;
use super::stats::{SHOWN, counts_only, stats_map};
use crate::liq::reply::{ExchangeStats, Stats};
use crate::liq::series::{RawEvent, Series, Side, SidedSums, Span, VenueTotals};

/// The raw events of one exchange, as far as they were looked through.
#[derive(Debug, Default)]
struct Raw {
    sums: SidedSums,
    sizes: Vec<f64>,
    extent: Option<(u64, u64)>,
}

impl Raw {
    fn add(&mut self, event: &RawEvent) {
        self.sums.add(event.side, event.price, event.size);
        self.sizes.push(event.size);
        self.extent = Some((self.extent.map_or(event.ts_ms, |(first, _)| first), event.ts_ms));
    }

    fn into_stats(mut self, side: Option<Side>, window_ms: u64, is_exact: bool) -> Stats {
        self.sizes.sort_unstable_by(f64::total_cmp);
        let count = self.sizes.len() as u64;
        let percentiles = SHOWN.map(|p| self.sizes.get(p.rank(count) as usize - 1).copied());
        stats_map(&self.sums, side, percentiles, self.extent, window_ms, is_exact)
    }
}

impl Series {
    /// Statistics of one exchange; `None` is one never heard of.
    pub(super) fn of_venue(&self, span: &Span, venue: Option<u8>, side: Option<Side>, window_ms: u64) -> Stats {
        let Some(venue) = venue else {
            return stats_map(&SidedSums::default(), side, [None; 4], None, window_ms, span.is_exact);
        };
        let told_under = self.exchanges.told_under();
        let of_venue = self.events.tail.events(&span.tail).filter(|event| told_under(event.venue) == venue);
        if !span.is_raw() {
            let mut totals = VenueTotals { venue, counts: [0; 2], volumes: [0.0; 2] };
            self.panes_of(span).filter(|held| told_under(held.venue) == venue).for_each(|held| totals.merge(held));
            of_venue.for_each(|event| totals.add(event.side, event.size));
            return counts_only(&totals, side);
        }
        let mut raw = Raw::default();
        of_venue.filter(|event| side.is_none_or(|side| side == event.side)).for_each(|event| raw.add(&event));
        raw.into_stats(side, window_ms, span.is_exact)
    }

    fn panes_of(&self, span: &Span) -> impl Iterator<Item = &VenueTotals> {
        self.events.archive.panes().range(span.panes.clone()).flat_map(|pane| &pane.content.venues)
    }

    /// Statistics of every exchange that has events, in the order in which they were first seen: one pass over all of them.
    pub(super) fn by_exchange(&self, window: &Window, side: Option<Side>) -> Vec<ExchangeStats> {
        let span = self.span_of(window);
        let stats: BTreeMap<u8, Stats> = match span.is_raw() {
            true => self.raw_by_venue(&span, side, window.window_ms),
            false => self.totals_by_venue(&span, side),
        };
        let named = stats.into_iter().filter(|(_, stats)| stats.count > 0);
        named
            .filter_map(|(venue, stats)| Some(ExchangeStats { exchange: self.exchanges.name(venue)?.into(), stats }))
            .collect()
    }

    fn raw_by_venue(&self, span: &Span, side: Option<Side>, window_ms: u64) -> BTreeMap<u8, Stats> {
        let mut venues: BTreeMap<u8, Raw> = BTreeMap::new();
        let told_under = self.exchanges.told_under();
        let wanted = |event: &RawEvent| event.venue != 0 && side.is_none_or(|side| side == event.side);
        for event in self.events.tail.events(&span.tail).filter(wanted) {
            venues.entry(told_under(event.venue)).or_default().add(&event);
        }
        venues.into_iter().map(|(venue, raw)| (venue, raw.into_stats(side, window_ms, span.is_exact))).collect()
    }

    fn totals_by_venue(&self, span: &Span, side: Option<Side>) -> BTreeMap<u8, Stats> {
        let mut venues: BTreeMap<u8, VenueTotals> = BTreeMap::new();
        let told_under = self.exchanges.told_under();
        let empty = |venue| VenueTotals { venue, counts: [0; 2], volumes: [0.0; 2] };
        for held in self.panes_of(span) {
            let venue = told_under(held.venue);
            venues.entry(venue).or_insert_with(|| empty(venue)).merge(held);
        }
        for event in self.events.tail.events(&span.tail).filter(|event| event.venue != 0) {
            let venue = told_under(event.venue);
            venues.entry(venue).or_insert_with(|| empty(venue)).add(event.side, event.size);
        }
        venues.into_iter().map(|(venue, totals)| (venue, counts_only(&totals, side))).collect()
    }
}
