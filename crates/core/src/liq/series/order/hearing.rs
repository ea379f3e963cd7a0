//! What a cursor over order does when events come, move and go, and panes with them.

use std::ops::Range;

use super::{Buckets, OrderCursor};
use crate::liq::series::archive::Watcher;
use crate::liq::series::events::EventWatcher;
use crate::liq::series::gather::is_wanted;
use crate::liq::series::pane::Pane;
use crate::liq::series::raw_event::RawEvent;

impl Watcher for OrderCursor {
    fn joining(&mut self, pane: &Pane, joined: &Range<u64>) {
        let first_ms = self.first_ms();
        // What is counted becomes part of what is not, or the other way round: rare, as a window's begin stays clear of
        // where panes are joined.
        let is_mixed = |buckets: &Buckets| {
            joined.start < buckets.edge_ms && (pane.start_ms >= buckets.edge_ms || joined.end > first_ms)
        };
        self.buckets = self.buckets.take().filter(|buckets| !is_mixed(buckets));
    }

    fn dropped(&mut self, pane: &Pane) {
        let (side, first_ms) = (self.side, self.first_ms());
        let Some(Buckets { histogram, edge_ms, steady_until_ms, coarse_left }) = &mut self.buckets else { return };
        if pane.start_ms >= *edge_ms {
            *steady_until_ms = 0;
            *coarse_left |= pane.content.scale == histogram.scale();
            let halvings = pane.content.scale.halvings_to(histogram.scale());
            for (code, count) in pane.content.packed.pairs().filter(|(code, _)| is_wanted(*code, side)) {
                histogram.remove((code / 2) >> halvings, count);
            }
            // No pane covers the window's begin any more.
            *edge_ms = (*edge_ms).max(first_ms);
        }
    }
}

impl EventWatcher for OrderCursor {
    fn inserted(&mut self, event: &RawEvent) {
        if !self.counts(event.side) {
            return;
        }
        let is_over = event.ts_ms as i64 > self.until_ms;
        if let Some(sorted) = self.exact.as_mut().filter(|_| event.ts_ms as i64 > self.cutoff_ms) {
            self.none_before_ms = self.none_before_ms.min(event.ts_ms as i64);
            if !is_over {
                sorted.insert(event.size);
            }
        }
        if let Some(buckets) = self.buckets.as_mut().filter(|_| !is_over) {
            buckets.histogram.add(buckets.histogram.bucket(event.size), 1);
        }
    }

    fn archived(&mut self, event: &RawEvent, pane: &Range<u64>) {
        let counts = self.counts(event.side);
        self.let_go_of_panes_behind(event);
        if let Some(buckets) = &mut self.buckets
            && buckets.takes_in(pane, self.cutoff_ms)
            && counts
        {
            buckets.histogram.add(buckets.histogram.bucket(event.size), 1);
        }
    }

    fn spilled(&mut self, event: &RawEvent, pane: &Range<u64>) {
        let (counts, is_in) = (self.counts(event.side), self.takes_in(event));
        self.let_go_of_panes_behind(event);
        if let Some(sorted) = self.exact.as_mut().filter(|_| counts && is_in) {
            sorted.remove(event.size);
        }
        if let Some(buckets) = &mut self.buckets
            && !buckets.takes_in(pane, self.cutoff_ms)
            && counts
        {
            buckets.histogram.remove(buckets.histogram.bucket(event.size), 1);
        }
    }

    fn left(&mut self, event: &RawEvent) {
        if !self.counts(event.side) {
            return;
        }
        let (is_in, is_over) = (self.takes_in(event), event.ts_ms as i64 > self.until_ms);
        if let Some(sorted) = self.exact.as_mut().filter(|_| is_in) {
            sorted.remove(event.size);
        }
        if let Some(buckets) = self.buckets.as_mut().filter(|_| !is_over) {
            buckets.histogram.remove(buckets.histogram.bucket(event.size), 1);
        }
    }
}

impl OrderCursor {
    /// Whether the window takes in a raw event.
    fn takes_in(&self, event: &RawEvent) -> bool {
        (self.cutoff_ms..self.until_ms).contains(&(event.ts_ms as i64 - 1))
    }

    /// Forgets the histogram when an event behind the window's end comes to a pane: panes count as a whole.
    fn let_go_of_panes_behind(&mut self, event: &RawEvent) {
        if event.ts_ms as i64 > self.until_ms {
            self.buckets = None;
        }
    }
}
