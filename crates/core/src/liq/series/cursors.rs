//! The cursors of a series: its own two, and those for windows that were asked for.

use std::ops::Range;

use super::archive::Watcher;
use super::events::{EventWatcher, Events, Span};
use super::heap::{self, Measure};
use super::order::OrderCursor;
use super::pane::Pane;
use super::raw_event::RawEvent;
use super::shelf::Shelf;
use super::sums::Weight;
use super::totals::SumCursor;
use super::{Side, SidedSums};
use crate::relocation::Mover;

/// Derived answers, forgotten without loss.
#[derive(Debug, Clone, Default)]
pub struct Cursors {
    /// Both boxed, because a series that was never asked, nor added to, has neither.
    filter: Option<Box<OrderCursor>>,
    signals: Option<Box<SumCursor>>,
    shelf: Shelf,
}

impl Cursors {
    /// Forgets everything: the events or the scale changed as a whole.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The order of the filter's window, brought to `now_ms`.
    pub fn filter(&mut self, events: &mut Events, window_ms: u64, now_ms: u64) -> &mut OrderCursor {
        let filter = self.filter.get_or_insert_with(|| OrderCursor::new(window_ms, None).into());
        if !filter.is_of(window_ms, None) {
            **filter = OrderCursor::new(window_ms, None);
        }
        filter.advance(events, now_ms);
        filter
    }

    /// The order of any window up to `now_ms`.
    pub fn order<R>(
        &mut self,
        events: &mut Events,
        (window_ms, side): (u64, Option<Side>),
        now_ms: u64,
        ask: impl FnOnce(&mut OrderCursor) -> R,
    ) -> R {
        // Reads by the server's clock and writes with a time of their own would draw one cursor to and fro.
        let own = self.filter.as_deref_mut().filter(|filter| filter.is_of(window_ms, side));
        if let Some(filter) = own.filter(|filter| filter.is_near(events, now_ms)) {
            filter.advance(events, now_ms);
            return ask(filter);
        }
        let filter = self.filter.as_deref();
        let make = || unmoved(filter, window_ms, side);
        self.shelf.order((window_ms, side), make, |cursor| {
            cursor.advance(events, now_ms);
            ask(cursor)
        })
    }

    /// Quantity and VWAP of the signals' window, whose events lie in `span`.
    pub fn weight(&mut self, events: &Events, window_ms: u64, span: &Span) -> Weight {
        self.signals(window_ms).weight(events, span)
    }

    fn signals(&mut self, window_ms: u64) -> &mut SumCursor {
        let signals = self.signals.get_or_insert_with(|| SumCursor::new(window_ms).into());
        if signals.window_ms() != window_ms {
            **signals = SumCursor::new(window_ms);
        }
        signals
    }

    /// Sums of any window, whose events lie in `span`.
    pub fn sums(&mut self, events: &Events, window_ms: u64, span: &Span) -> SidedSums {
        match self.signals.as_deref_mut().filter(|signals| signals.window_ms() == window_ms) {
            Some(signals) => signals.sums(events, span),
            None => self.shelf.sums(window_ms, |cursor| cursor.sums(events, span)),
        }
    }

    fn each_order(&mut self, mut tell: impl FnMut(&mut OrderCursor)) {
        if let Some(filter) = self.filter.as_deref_mut() {
            tell(filter);
        }
        self.shelf.each_order(tell);
    }

    /// What has to be true of every cursor; see the invariants in `liq/series/mod.rs`.
    pub fn check(&mut self, events: &mut Events) {
        self.each_order(|cursor| cursor.check(events));
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if let Some(filter) = &self.filter {
            heap::boxed(&**filter, measure);
            filter.measure(measure);
        }
        if let Some(signals) = &self.signals {
            heap::boxed(&**signals, measure);
            signals.measure(measure);
        }
        self.shelf.measure(measure);
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        if let Some(filter) = &mut self.filter {
            mover.boxed(filter);
            filter.relocate(mover);
        }
        if let Some(signals) = &mut self.signals {
            mover.boxed(signals);
            signals.relocate(mover);
        }
        self.shelf.relocate(mover);
    }
}

/// A cursor yet to be moved to the present. A window not much shorter than the filter's begins as a copy of it: fewer
/// panes have to be subtracted than added.
fn unmoved(filter: Option<&OrderCursor>, window_ms: u64, side: Option<Side>) -> OrderCursor {
    let longer = filter.filter(|filter| side.is_none() && filter.is_little_longer(window_ms));
    longer.map_or_else(|| OrderCursor::new(window_ms, side), |filter| filter.narrowed(window_ms))
}

impl Watcher for Cursors {
    fn joining(&mut self, pane: &Pane, joined: &Range<u64>) {
        self.each_order(|cursor| cursor.joining(pane, joined));
    }

    fn dropped(&mut self, pane: &Pane) {
        self.each_order(|cursor| cursor.dropped(pane));
    }
}

impl EventWatcher for Cursors {
    fn inserted(&mut self, event: &RawEvent) {
        self.each_order(|cursor| cursor.inserted(event));
    }

    fn archived(&mut self, event: &RawEvent, pane: &Range<u64>) {
        self.each_order(|cursor| cursor.archived(event, pane));
    }

    fn spilled(&mut self, event: &RawEvent, pane: &Range<u64>) {
        self.each_order(|cursor| cursor.spilled(event, pane));
    }

    fn left(&mut self, event: &RawEvent) {
        self.each_order(|cursor| cursor.left(event));
    }
}
