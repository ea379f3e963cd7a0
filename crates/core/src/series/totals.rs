//! Sums over one window, with what does not change from event to event remembered.
//!
//! The order of the additions is a function of the events alone: closed coarse panes, the newest coarse pane, closed
//! fine panes, the newest fine pane, then the tail. What is remembered are partial sums of that very order, so an
//! answer from memory and one made anew are the same to the bit.

use std::ops::Range;

use super::events::{Events, Span};
use super::pane::Tier;
use super::tail::WholeBlocks;
use super::{SidedSums, Sums};

/// Sums over a window of fixed length.
#[derive(Debug, Clone, Default)]
pub struct SumCursor {
    window_ms: u64,
    coarse: ClosedPanes,
    fine: ClosedPanes,
    blocks: WholeBlocks,
}

impl SumCursor {
    /// A cursor over the window of `window_ms`.
    pub fn new(window_ms: u64) -> Self {
        Self { window_ms, ..Self::default() }
    }

    /// Length of the window, ms.
    pub const fn window_ms(&self) -> u64 {
        self.window_ms
    }

    /// Sums of the events in `span`.
    pub fn sums(&mut self, events: &Events, span: &Span) -> SidedSums {
        let mut sums = self.panes(events, span);
        sums.merge(&events.tail.sums(span.tail.clone(), &mut self.blocks));
        sums
    }

    /// Count, quantity and VWAP of both sides, and nothing else.
    pub fn weight(&mut self, events: &Events, span: &Span) -> Sums {
        let tail = events.tail.weight(span.tail.clone(), &mut self.blocks);
        if span.exact {
            return tail;
        }
        let mut sums = self.panes(events, span).of(None);
        sums.merge(&tail);
        sums
    }

    fn panes(&mut self, events: &Events, span: &Span) -> SidedSums {
        let mut sums = self.coarse.with_newest(events.archive.coarse(), span.coarse.clone());
        if let Some(fine) = events.archive.fine() {
            sums.merge(&self.fine.with_newest(fine, span.fine.clone()));
        }
        sums
    }

    /// Forgets the sums of the tail's blocks: an event was put among older ones.
    pub fn forget_blocks(&mut self) {
        self.blocks.forget();
    }

    /// The sums of the events in `span`, for one answer.
    pub fn once(events: &Events, span: &Span) -> SidedSums {
        Self::default().sums(events, span)
    }
}

/// The sum of a tier's panes from some place on, all but the newest.
#[derive(Debug, Clone, Default)]
struct ClosedPanes {
    of: Option<(u64, Range<usize>)>,
    sums: SidedSums,
}

impl ClosedPanes {
    fn with_newest(&mut self, tier: &Tier, places: Range<usize>) -> SidedSums {
        let Some(newest) = places.clone().next_back() else { return SidedSums::default() };
        let closed = places.start..newest;
        let key = Some((tier.version(), closed.clone()));
        if self.of != key {
            self.sums = SidedSums::default();
            tier.panes().range(closed).for_each(|pane| self.sums.merge(&pane.sums));
            self.of = key;
        }
        let mut sums = self.sums;
        if let Some(pane) = tier.panes().get(newest) {
            sums.merge(&pane.sums);
        }
        sums
    }
}
