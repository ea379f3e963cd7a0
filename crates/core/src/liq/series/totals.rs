//! Sums over one window, with what does not change from event to event remembered.
//!
//! The order of the additions is a function of the events alone: closed coarse panes, the newest coarse pane, closed
//! fine panes, the newest fine pane, then the tail. What is remembered are partial sums of that very order, so an
//! answer from memory and one made anew are the same to the bit.

use std::ops::Range;

use super::SidedSums;
use super::blocks::WholeBlocks;
use super::events::{Events, Span};
use super::heap::{self, Measure};
use super::pane::Tier;
use super::sums::Weight;

/// Sums over a window of fixed length.
#[derive(Debug, Clone, Default)]
pub struct SumCursor {
    window_ms: u64,
    /// Of the archive's tiers; made when the window first reaches it.
    panes: Option<Box<PaneSums>>,
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
        let mut sums = SidedSums::default();
        if !span.exact {
            sums = self.panes.get_or_insert_default().sums(events, span);
        }
        sums.merge(&events.tail.sums(span.tail.clone(), &mut self.blocks));
        sums
    }

    /// Quantity and VWAP of both sides.
    pub fn weight(&mut self, events: &Events, span: &Span) -> Weight {
        let mut weight = Weight::default();
        if !span.exact {
            weight = self.panes.get_or_insert_default().weight(events, span);
        }
        weight.merge(events.tail.weight(span.tail.clone(), &mut self.blocks));
        weight
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if let Some(panes) = &self.panes {
            heap::boxed(&**panes, measure);
        }
        self.blocks.measure(measure);
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

/// The sums of both tiers' panes.
#[derive(Debug, Clone, Default)]
struct PaneSums {
    coarse: ClosedPanes<SidedSums>,
    fine: ClosedPanes<SidedSums>,
    coarse_weight: ClosedPanes<Weight>,
    fine_weight: ClosedPanes<Weight>,
}

impl PaneSums {
    fn sums(&mut self, events: &Events, span: &Span) -> SidedSums {
        let mut sums = self.coarse.of(events.archive.coarse(), &span.coarse, SidedSums::merge);
        if let Some(fine) = events.archive.fine() {
            sums.merge(&self.fine.of(fine, &span.fine, SidedSums::merge));
        }
        sums
    }

    fn weight(&mut self, events: &Events, span: &Span) -> Weight {
        let add = |weight: &mut Weight, sums: &SidedSums| weight.merge(sums.weight());
        let mut weight = self.coarse_weight.of(events.archive.coarse(), &span.coarse, add);
        if let Some(fine) = events.archive.fine() {
            weight.merge(self.fine_weight.of(fine, &span.fine, add));
        }
        weight
    }
}

/// The sum of a tier's panes from some place on, all but the newest, remembered.
#[derive(Debug, Clone, Default)]
struct ClosedPanes<S> {
    /// The tier's version and the places that were summed.
    of: Option<(u64, Range<usize>)>,
    sum: S,
}

impl<S: Default + Copy> ClosedPanes<S> {
    /// The sum of the panes at `places`.
    fn of(&mut self, tier: &Tier, places: &Range<usize>, mut add: impl FnMut(&mut S, &SidedSums)) -> S {
        let Some(newest) = places.clone().next_back() else { return S::default() };
        let closed = places.start..newest;
        let known = self.of.as_ref().is_some_and(|(version, of)| *version == tier.version() && *of == closed);
        if !known {
            self.sum = S::default();
            tier.panes().range(closed.clone()).for_each(|pane| add(&mut self.sum, &pane.sums));
            self.of = Some((tier.version(), closed));
        }
        let mut sum = self.sum;
        if let Some(pane) = tier.panes().get(newest) {
            add(&mut sum, &pane.sums);
        }
        sum
    }
}
