//! Sums over one window, with what does not change from event to event remembered.
//!
//! The order of the additions is a function of the events alone: closed panes, the newest pane, then the tail. What is
//! remembered are partial sums of that very order, so an answer from memory and one made anew are the same to the bit.

use std::ops::Range;

use super::SidedSums;
use super::archive::Archive;
use super::events::{Events, Span};
use super::heap::{self, Measure};
use super::sums::Weight;
use super::tail::Remembered;
use crate::panes::Version;
use crate::relocation::Mover;
use crate::steps;

/// Sums over a window of fixed length.
#[derive(Debug, Clone, Default)]
pub struct SumCursor {
    window_ms: u64,
    /// Of the archive's panes; made when the window first reaches them.
    panes: Option<Box<PaneSums>>,
    tail: Remembered,
    /// The last sums, which stand while no event comes or goes: a price is asked for more often than it changes.
    last: Option<Box<Last>>,
}

/// Sums, and which events they are of.
#[derive(Debug, Clone)]
struct Last {
    version: Version,
    span: Span,
    sums: SidedSums,
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
        if let Some(last) = self.last.as_ref().filter(|last| last.version == events.version() && last.span == *span) {
            return last.sums;
        }
        let sums = self.sums_anew(events, span);
        let last = Last { version: events.version(), span: span.clone(), sums };
        match &mut self.last {
            Some(held) => **held = last,
            None => self.last = Some(last.into()),
        }
        sums
    }

    fn sums_anew(&mut self, events: &Events, span: &Span) -> SidedSums {
        let mut sums = SidedSums::default();
        if !span.is_raw() {
            sums = self.panes.get_or_insert_default().sums.of(&events.archive, &span.panes, SidedSums::merge);
        }
        sums.merge(&events.tail.sums(&span.tail, &mut self.tail));
        sums
    }

    /// Quantity and VWAP of both sides.
    pub fn weight(&mut self, events: &Events, span: &Span) -> Weight {
        let mut weight = Weight::default();
        if !span.is_raw() {
            let add = |weight: &mut Weight, sums: &SidedSums| weight.merge(sums.weight());
            weight = self.panes.get_or_insert_default().weight.of(&events.archive, &span.panes, add);
        }
        weight.merge(events.tail.weight(&span.tail, &mut self.tail));
        weight
    }

    /// The sums of the events in `span`, for one answer.
    pub fn once(events: &Events, span: &Span) -> SidedSums {
        Self::default().sums_anew(events, span)
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if let Some(panes) = &self.panes {
            heap::boxed(&**panes, measure);
        }
        if let Some(last) = &self.last {
            heap::boxed(&**last, measure);
        }
        self.tail.measure(measure);
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        if let Some(panes) = &mut self.panes {
            mover.boxed(panes);
        }
        if let Some(last) = &mut self.last {
            mover.boxed(last);
        }
        self.tail.relocate(mover);
    }
}

/// The sums of the panes, and what they weigh.
#[derive(Debug, Clone, Default)]
struct PaneSums {
    sums: ClosedPanes<SidedSums>,
    weight: ClosedPanes<Weight>,
}

/// The sum of a run of panes without the newest, remembered; it grows cheaply at its end.
#[derive(Debug, Clone)]
struct ClosedPanes<S> {
    /// The archive's version, and where the first pane begins.
    of: (Version, u64),
    panes: usize,
    sum: S,
}

impl<S: Default> Default for ClosedPanes<S> {
    fn default() -> Self {
        Self { of: (Version::NONE, 0), panes: 0, sum: S::default() }
    }
}

impl<S: Default + Copy> ClosedPanes<S> {
    /// The sum of the panes at `places`.
    fn of(&mut self, archive: &Archive, places: &Range<usize>, mut add: impl FnMut(&mut S, &SidedSums)) -> S {
        let Some(first) = archive.panes().get(places.start).filter(|_| !places.is_empty()) else { return S::default() };
        // The last of the panes may be the newest of all, which still grows.
        let closed = places.len() - 1;
        let of = (archive.version(), first.start_ms);
        if self.of != of || self.panes > closed {
            *self = Self { of, ..Self::default() };
        }
        let fresh = places.start + self.panes..places.start + closed;
        steps::note(fresh.len());
        archive.panes().range(fresh).for_each(|pane| add(&mut self.sum, &pane.content.sums));
        self.panes = closed;
        let mut sum = self.sum;
        if let Some(last) = archive.panes().get(places.end - 1) {
            add(&mut sum, &last.content.sums);
        }
        sum
    }
}
