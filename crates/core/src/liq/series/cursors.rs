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
    /// Only while events are newer than the moment that others are judged at.
    past: Option<Box<Past>>,
    shelf: Shelf,
}

/// The windows of the filter and of the signals, ended before the newest event.
#[derive(Debug, Clone)]
struct Past {
    filter: OrderCursor,
    signals: SumCursor,
}

impl Default for Past {
    fn default() -> Self {
        Self { filter: OrderCursor::new(0, None), signals: SumCursor::default() }
    }
}

impl Cursors {
    /// Forgets everything: the events or the scale changed as a whole.
    pub fn forget(&mut self) {
        *self = Self::default();
    }

    /// The order of the filter's window, brought to `now_ms`.
    pub fn filter(&mut self, events: &mut Events, window_ms: u64, now_ms: u64) -> &mut OrderCursor {
        self.past = None;
        let filter = self.filter.get_or_insert_with(|| OrderCursor::new(window_ms, None).into());
        if !filter.is_of(window_ms, None) {
            **filter = OrderCursor::new(window_ms, None);
        }
        filter.advance(events, now_ms);
        filter
    }

    /// Asks the order of the filter's window that ends at `until_ms`, behind which there are events.
    pub fn past_filter<R>(
        &mut self,
        events: &mut Events,
        window_ms: u64,
        until_ms: i64,
        ask: impl FnOnce(&mut OrderCursor) -> R,
    ) -> R {
        if events.archive.reaches(until_ms) {
            // Panes would have to be told apart: they are few, and so are series that get here.
            let span = events.span(until_ms - window_ms as i64, Some(until_ms));
            return ask(&mut OrderCursor::once(events, &span, None));
        }
        let filter = &mut self.past.get_or_insert_default().filter;
        if !filter.is_of(window_ms, None) {
            *filter = OrderCursor::new(window_ms, None);
        }
        filter.advance_until(events, until_ms);
        ask(filter)
    }

    /// Sums of the signals' window that ends before the newest event; its events lie in `span`.
    pub fn past_sums(&mut self, events: &Events, span: &Span) -> SidedSums {
        self.past.get_or_insert_default().signals.sums(events, span)
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
        if let Some(past) = self.past.as_deref_mut() {
            tell(&mut past.filter);
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
        if let Some(past) = &self.past {
            heap::boxed(&**past, measure);
            past.filter.measure(measure);
            past.signals.measure(measure);
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
        if let Some(past) = &mut self.past {
            mover.boxed(past);
            past.filter.relocate(mover);
            past.signals.relocate(mover);
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
