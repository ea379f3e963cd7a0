//! The cursors of a series: for its own windows always, for others once they were asked for twice.

use super::archive::Watcher;
use super::events::{EventWatcher, Events};
use super::heap::{self, Measure};
use super::order::OrderCursor;
use super::pane::Pane;
use super::sums::Weight;
use super::tail::RawEvent;
use super::totals::SumCursor;
use super::{Side, SidedSums};

/// Cursors beside the series' own; the one longest unused makes room.
const MAX_ASKED: usize = 3;

/// Derived answers, forgotten without loss.
#[derive(Debug, Clone, Default)]
pub struct Cursors {
    /// Both boxed, because a series that was never asked, nor added to, has neither.
    filter: Option<Box<OrderCursor>>,
    signals: Option<Box<SumCursor>>,
    /// Of other windows, the latest used first.
    orders: Vec<OrderCursor>,
    sums: Vec<SumCursor>,
    /// Windows asked for lately without a cursor of their own.
    asked_orders: [Option<(u64, Option<Side>)>; 2],
    asked_sums: [Option<u64>; 2],
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
        let is_wanted = |cursor: &OrderCursor| cursor.is_of(window_ms, side);
        if self.filter.as_deref().is_none_or(|filter| !is_wanted(filter)) {
            let known = self.orders.iter().position(is_wanted);
            if known.is_none() && remember(&mut self.asked_orders, (window_ms, side)) {
                let cursor = self.unmoved(window_ms, side);
                admit(&mut self.orders, cursor);
            }
            touch(&mut self.orders, known);
        }
        let cursor = self.filter.as_deref_mut().into_iter().chain(&mut self.orders).find(|cursor| is_wanted(cursor));
        match cursor {
            Some(cursor) => {
                cursor.advance(events, now_ms);
                ask(cursor)
            }
            None => {
                let mut once = self.unmoved(window_ms, side);
                once.advance(events, now_ms);
                ask(&mut once)
            }
        }
    }

    /// A cursor yet to be moved to the present. A window not much shorter than the filter's begins as a copy of it: fewer
    /// panes have to be subtracted than added.
    fn unmoved(&self, window_ms: u64, side: Option<Side>) -> OrderCursor {
        let longer = self.filter.as_deref().filter(|filter| side.is_none() && filter.is_little_longer(window_ms));
        longer.map_or_else(|| OrderCursor::new(window_ms, side), |filter| filter.narrowed(window_ms))
    }

    /// Quantity and VWAP of the signals' window at `now_ms`.
    pub fn weight(&mut self, events: &Events, window_ms: u64, now_ms: u64) -> Weight {
        let span = events.span(now_ms as i64 - window_ms as i64, None);
        self.signals(window_ms).weight(events, &span)
    }

    fn signals(&mut self, window_ms: u64) -> &mut SumCursor {
        let signals = self.signals.get_or_insert_with(|| SumCursor::new(window_ms).into());
        if signals.window_ms() != window_ms {
            **signals = SumCursor::new(window_ms);
        }
        signals
    }

    /// Sums of any window up to `now_ms`.
    pub fn sums(&mut self, events: &Events, window_ms: u64, now_ms: u64) -> SidedSums {
        let span = events.span(now_ms as i64 - window_ms as i64, None);
        let is_wanted = |cursor: &SumCursor| cursor.window_ms() == window_ms;
        if self.signals.as_deref().is_none_or(|signals| !is_wanted(signals)) {
            let known = self.sums.iter().position(is_wanted);
            if known.is_none() && remember(&mut self.asked_sums, window_ms) {
                admit(&mut self.sums, SumCursor::new(window_ms));
            }
            touch(&mut self.sums, known);
        }
        let cursor = self.signals.as_deref_mut().into_iter().chain(&mut self.sums).find(|cursor| is_wanted(cursor));
        cursor.map_or_else(|| SumCursor::once(events, &span), |cursor| cursor.sums(events, &span))
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::vec(&self.orders, measure);
        heap::vec(&self.sums, measure);
        if let Some(signals) = &self.signals {
            measure(std::ptr::from_ref(&**signals).cast(), size_of::<SumCursor>());
        }
        if let Some(filter) = &self.filter {
            measure(std::ptr::from_ref(&**filter).cast(), size_of::<OrderCursor>());
        }
        self.filter.as_deref().into_iter().chain(&self.orders).for_each(|cursor| cursor.measure(measure));
        self.signals.as_deref().into_iter().chain(&self.sums).for_each(|cursor| cursor.measure(measure));
    }

    fn each_order(&mut self, tell: impl FnMut(&mut OrderCursor)) {
        self.filter.as_deref_mut().into_iter().chain(&mut self.orders).for_each(tell);
    }
}

/// Moves the cursor just used to the front.
fn touch<T>(cursors: &mut [T], used: Option<usize>) {
    if let Some(through) = used.and_then(|place| cursors.get_mut(..=place)) {
        through.rotate_right(1);
    }
}

/// Puts a cursor in front, dropping the one longest unused when there are too many.
fn admit<T>(cursors: &mut Vec<T>, cursor: T) {
    cursors.truncate(MAX_ASKED - 1);
    cursors.reserve_exact(1);
    cursors.insert(0, cursor);
}

/// Whether `wanted` was asked for lately; if not, it was now.
fn remember<T: PartialEq + Copy>(asked: &mut [Option<T>; 2], wanted: T) -> bool {
    let known = asked.contains(&Some(wanted));
    if !known {
        *asked = [Some(wanted), asked[0]];
    }
    known
}

impl Watcher for Cursors {
    fn merging(&mut self, pane: &Pane, coarse_start_ms: u64) {
        self.each_order(|cursor| cursor.merging(pane, coarse_start_ms));
    }

    fn dropped(&mut self, pane: &Pane, fine: bool) {
        self.each_order(|cursor| cursor.dropped(pane, fine));
    }
}

impl EventWatcher for Cursors {
    fn inserted(&mut self, event: &RawEvent, code: u16, newest: bool) {
        self.each_order(|cursor| cursor.inserted(event, code, newest));
        if !newest {
            self.signals.as_deref_mut().into_iter().chain(&mut self.sums).for_each(SumCursor::forget_blocks);
        }
    }

    fn archived(&mut self, event: &RawEvent, code: u16, home: (u64, bool)) {
        self.each_order(|cursor| cursor.archived(event, code, home));
    }

    fn spilling(&mut self, event: &RawEvent, number: u64) {
        self.each_order(|cursor| cursor.spilling(event, number));
    }

    fn expired(&mut self, event: &RawEvent, number: u64) {
        self.each_order(|cursor| cursor.expired(event, number));
    }
}
