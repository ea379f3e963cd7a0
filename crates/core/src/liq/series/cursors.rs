//! The cursors of a series: for its own windows always, for others once they were asked for twice.

use super::archive::Watcher;
use super::events::{EventWatcher, Events};
use super::heap::{self, Measure};
use super::order::OrderCursor;
use super::pane::Pane;
use super::raw_event::RawEvent;
use super::sums::Weight;
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
    /// Boxed too; made by the first question about another window.
    others: Option<Box<Others>>,
}

/// Cursors over windows that are not the series' own.
#[derive(Debug, Clone, Default)]
struct Others {
    orders: Recent<(u64, Option<Side>), OrderCursor>,
    sums: Recent<u64, SumCursor>,
}

/// A few cursors, kept for what is asked for repeatedly.
#[derive(Debug, Clone)]
struct Recent<K, T> {
    /// The latest used first.
    cursors: Vec<(K, T)>,
    /// What was asked for lately without a cursor of its own.
    asked: [Option<K>; 2],
}

impl<K, T> Default for Recent<K, T> {
    fn default() -> Self {
        Self { cursors: Vec::new(), asked: [None, None] }
    }
}

impl<K: PartialEq + Copy, T> Recent<K, T> {
    /// Asks the cursor of `key`: one that is kept, or a new one that is kept when the question is not the first.
    fn ask<R>(&mut self, key: K, make: impl FnOnce() -> T, ask: impl FnOnce(&mut T) -> R) -> R {
        let known = self.cursors.iter().position(|(held, _)| *held == key);
        if let Some(through) = known.and_then(|place| self.cursors.get_mut(..=place)) {
            through.rotate_right(1);
        } else {
            let mut cursor = make();
            let answer = ask(&mut cursor);
            if self.asked.contains(&Some(key)) {
                self.keep(key, cursor);
            } else {
                self.asked = [Some(key), self.asked[0]];
            }
            return answer;
        }
        match self.cursors.first_mut() {
            Some((_, cursor)) => ask(cursor),
            None => ask(&mut make()),
        }
    }

    /// Keeps a cursor, dropping the one longest unused when there are too many.
    fn keep(&mut self, key: K, cursor: T) {
        self.cursors.truncate(MAX_ASKED - 1);
        self.cursors.reserve_exact(1);
        self.cursors.insert(0, (key, cursor));
    }

    fn each(&mut self) -> impl Iterator<Item = &mut T> {
        self.cursors.iter_mut().map(|(_, cursor)| cursor)
    }
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
        if let Some(filter) = self.filter.as_deref_mut().filter(|filter| is_wanted(filter)) {
            filter.advance(events, now_ms);
            return ask(filter);
        }
        let filter = self.filter.as_deref();
        self.others.get_or_insert_default().orders.ask(
            (window_ms, side),
            || unmoved(filter, window_ms, side),
            |cursor| {
                cursor.advance(events, now_ms);
                ask(cursor)
            },
        )
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
        if let Some(signals) = self.signals.as_deref_mut().filter(|signals| signals.window_ms() == window_ms) {
            return signals.sums(events, &span);
        }
        let others = self.others.get_or_insert_default();
        others.sums.ask(window_ms, || SumCursor::new(window_ms), |cursor| cursor.sums(events, &span))
    }

    fn each_order(&mut self) -> impl Iterator<Item = &mut OrderCursor> {
        let others = self.others.iter_mut().flat_map(|others| others.orders.each());
        self.filter.as_deref_mut().into_iter().chain(others)
    }

    fn each_sum(&mut self) -> impl Iterator<Item = &mut SumCursor> {
        let others = self.others.iter_mut().flat_map(|others| others.sums.each());
        self.signals.as_deref_mut().into_iter().chain(others)
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
        if let Some(others) = &self.others {
            heap::boxed(&**others, measure);
            heap::vec(&others.orders.cursors, measure);
            heap::vec(&others.sums.cursors, measure);
            others.orders.cursors.iter().for_each(|(_, cursor)| cursor.measure(measure));
            others.sums.cursors.iter().for_each(|(_, cursor)| cursor.measure(measure));
        }
    }
}

/// A cursor yet to be moved to the present. A window not much shorter than the filter's begins as a copy of it: fewer
/// panes have to be subtracted than added.
fn unmoved(filter: Option<&OrderCursor>, window_ms: u64, side: Option<Side>) -> OrderCursor {
    let longer = filter.filter(|filter| side.is_none() && filter.is_little_longer(window_ms));
    longer.map_or_else(|| OrderCursor::new(window_ms, side), |filter| filter.narrowed(window_ms))
}

impl Watcher for Cursors {
    fn merging(&mut self, pane: &Pane, coarse_start_ms: u64) {
        self.each_order().for_each(|cursor| cursor.merging(pane, coarse_start_ms));
    }

    fn dropped(&mut self, pane: &Pane, fine: bool) {
        self.each_order().for_each(|cursor| cursor.dropped(pane, fine));
    }
}

impl EventWatcher for Cursors {
    fn inserted(&mut self, event: &RawEvent, code: u16, newest: bool) {
        self.each_order().for_each(|cursor| cursor.inserted(event, code, newest));
        if !newest {
            self.each_sum().for_each(SumCursor::forget_blocks);
        }
    }

    fn archived(&mut self, event: &RawEvent, code: u16, home: (u64, bool)) {
        self.each_order().for_each(|cursor| cursor.archived(event, code, home));
    }

    fn spilling(&mut self, event: &RawEvent, number: u64) {
        self.each_order().for_each(|cursor| cursor.spilling(event, number));
    }

    fn expired(&mut self, event: &RawEvent, number: u64) {
        self.each_order().for_each(|cursor| cursor.expired(event, number));
    }
}
