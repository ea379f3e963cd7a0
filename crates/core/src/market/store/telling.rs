//! What is told of announced candles: that they closed, and whatever changes of them afterwards.
//!
//! A candle was told of when it is closed by market time and a trade came into it: it closed while it held the newest, or
//! the trade itself was told. What rows of CANDLE.PUT alone made was never told; a row in the place of trades was. Nor was
//! anything told of what had ended when its interval came to be announced.

use std::collections::BTreeMap;
use std::ops::{ControlFlow, Range};

use super::changes::{Change, Changes, PutOff, Row, State};
use super::market::Market;
use crate::market::candle::{Candle, Interval, Span};
use crate::market::tape::Gaps;

/// Which announced candles were told of before a command, by the place of the interval and where they begin.
pub(super) type Told = BTreeMap<(usize, u64), bool>;

/// How much is looked at and told when a gap changes what candles are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bounds {
    /// Candles of levels that are looked at for one interval, newest first; a block of which rows alone tell is one.
    parts: usize,
    /// Candles of one interval that are told of.
    told: usize,
}

impl Bounds {
    /// Of a tick: a gap may lie over all that is held, and a tick is to cost little whatever it says.
    pub(super) const TICK: Self = Self { parts: 1_000, told: 100 };
    /// Of rows: what they do not name between them goes, so that they are about as many as the candles there.
    pub(super) const ROWS: Self = Self { parts: usize::MAX, told: usize::MAX };
}

impl Market {
    /// A candle as a reader sees it, closed or not.
    pub fn row(&self, candle: Candle, span: Span, is_closed: bool) -> Row {
        let state = self.state(span, is_closed);
        Row { candle: Candle { start_ms: span.start_ms, ..candle }, span, state }
    }

    /// How far a candle is to be believed, closed or not.
    #[inline]
    pub(crate) fn state(&self, span: Span, is_closed: bool) -> State {
        match is_closed {
            false => State::Open,
            true if self.gaps.touch(span.start_ms, span.end_ms) => State::Partial,
            true => State::Closed,
        }
    }

    /// Market time has come to `ts_ms`. Announced candles that end by then close: each that holds the newest trade.
    pub(crate) fn come_to(&mut self, ts_ms: u64, changes: Option<&mut Changes>) {
        if ts_ms <= self.time_ms {
            return;
        }
        let before_ms = std::mem::replace(&mut self.time_ms, ts_ms);
        if ts_ms >= self.quiet_ms {
            self.close_between(before_ms, ts_ms, changes);
        }
    }

    /// Market time has come from `before_ms` to `ts_ms`, which may be behind the end of an announced candle.
    fn close_between(&mut self, before_ms: u64, ts_ms: u64, changes: Option<&mut Changes>) {
        let ends_ms = self.options.announce.iter().map(|interval| interval.span(ts_ms, self.options.zone).end_ms);
        // Whichever trade is the newest: what ends behind market time does not end before that.
        self.quiet_ms = ends_ms.min().unwrap_or(u64::MAX);
        let (Some(changes), Some(newest_ms)) = (changes, self.prices.last.as_ref().map(|last| last.ts_ms)) else {
            return;
        };
        for (place, interval) in self.options.announce.iter().enumerate() {
            let span = interval.span(newest_ms, self.options.zone);
            if before_ms < span.end_ms && span.end_ms <= ts_ms {
                self.note(changes, place, *interval, span, false);
            }
        }
    }

    /// Whether it is told when the candle of `span` changes, of the announced interval at that place: it is closed, and had
    /// not ended when that came to be announced.
    fn is_told_of(&self, place: usize, span: Span) -> bool {
        self.is_closed(span) && self.announced_ms(place) < span.end_ms
    }

    /// Notes what the announced candle of `span` is now. What levels hold no longer, or not yet, is missing in it.
    fn note(&self, changes: &mut Changes, place: usize, interval: Interval, span: Span, is_amended: bool) {
        let Some(candle) = self.levels.candle(interval, span) else { return };
        let mut row = self.row(candle, span, true);
        if self.levels.reach_of(interval).is_some_and(|reach_ms| span.start_ms < reach_ms) {
            row.state = State::Partial;
        }
        changes.note(place, Change { interval, is_amended, row });
    }

    /// The announced candles that a trade at `ts_ms` would change although they are closed, with whether each was told of.
    pub(crate) fn closed_at(&self, ts_ms: u64) -> Vec<(usize, bool)> {
        let mut closed = Vec::new();
        // A candle that ends behind market time is open, and nearly every trade is one of that time.
        let announced = if ts_ms < self.time_ms { self.options.announce.as_slice() } else { &[] };
        for (place, interval) in announced.iter().enumerate() {
            let span = interval.span(ts_ms, self.options.zone);
            if self.is_told_of(place, span) {
                closed.push((place, self.levels.was_traded(*interval, span)));
            }
        }
        closed
    }

    /// Notes that something at `ts_ms` changed these.
    pub(crate) fn note_changed(&self, changes: &mut Changes, ts_ms: u64, closed: &[(usize, bool)]) {
        for (place, was_told) in closed {
            if let Some(interval) = self.options.announce.get(*place) {
                let span = interval.span(ts_ms, self.options.zone);
                let (place, interval, was_told) = (*place, *interval, *was_told);
                self.note_change(changes, PutOff { place, interval, span, was_told });
            }
        }
    }

    /// Notes that a closed candle changed. To look at one takes as long as it has parts, so a command that may change it
    /// many times looks once, at its end.
    fn note_change(&self, changes: &mut Changes, candle: PutOff) {
        if !changes.note_later(candle) {
            let PutOff { place, interval, span, was_told } = candle;
            self.note(changes, place, interval, span, was_told);
        }
    }

    /// Notes what candles are now whose changes were put off until the command is over. One that left meanwhile is no
    /// more told of than it can be read.
    pub fn settle(&self, changes: &mut Changes) {
        for PutOff { place, interval, span, was_told } in changes.take_put_off() {
            self.note(changes, place, interval, span, was_told);
        }
    }

    /// The announced candles at `ts_ms` that were told of before the command: each is looked at once, in `told`, before
    /// the command changes it.
    pub(super) fn told_at(&self, ts_ms: u64, told: &mut Told) -> Vec<(usize, bool)> {
        let mut found = Vec::new();
        for (place, interval) in self.options.announce.iter().enumerate() {
            let span = interval.span(ts_ms, self.options.zone);
            let was_told = || self.is_told_of(place, span) && self.levels.was_traded(*interval, span);
            if *told.entry((place, span.start_ms)).or_insert_with(was_told) {
                found.push((place, true));
            }
        }
        found
    }

    /// Changes what is known of gaps in `stretch`, which is one itself where that `is_added`, and tells of every candle that
    /// was told of and is `partial` now, or no longer.
    pub(super) fn change_gaps(
        &mut self,
        changes: Option<&mut Changes>,
        bounds: Bounds,
        (stretch, is_added): (Range<u64>, bool),
        change: impl FnOnce(&mut Self),
    ) {
        let Some(changes) = changes.filter(|_| !self.options.announce.is_empty()) else { return change(self) };
        let is_partial = |gaps: &Gaps, span: Span| gaps.touch(span.start_ms, span.end_ms);
        if is_added || self.gaps.is_roomy() {
            let mut told = self.told_in(&stretch, bounds);
            if is_added {
                told.extend(self.told_in(&self.gaps.joined_by(&stretch), bounds));
            }
            let were: Vec<bool> = told.iter().map(|(_, span)| is_partial(&self.gaps, *span)).collect();
            change(self);
            let is_other = |span: Span, was: bool| was != is_partial(&self.gaps, span);
            let others = told.into_iter().zip(were).filter(|((_, span), was)| is_other(*span, *was));
            self.note_states(changes, others.map(|(candle, _)| candle), bounds);
            return;
        }
        // Two gaps elsewhere may become one.
        let before = self.gaps.clone();
        change(self);
        for stretch in self.gaps.differing(&before) {
            let told = self.told_in(&stretch, bounds).into_iter();
            let others = told.filter(|(_, span)| is_partial(&before, *span) != is_partial(&self.gaps, *span));
            self.note_states(changes, others, bounds);
        }
    }

    /// The announced candles that `stretch` lies in or that lie in it, and that were told of: the place of the interval and
    /// the span, the newest first.
    fn told_in(&self, stretch: &Range<u64>, bounds: Bounds) -> Vec<(usize, Span)> {
        let mut told: Vec<(usize, Span)> = Vec::new();
        for (place, interval) in self.options.announce.iter().enumerate() {
            let span_of = |ms: u64| interval.span(ms, self.options.zone);
            let first = span_of(stretch.start.max(self.announced_ms(place)));
            // Hardly ever is it closed where a gap begins.
            if stretch.is_empty() || !self.is_closed(first) {
                continue;
            }
            let last = span_of(stretch.end.min(self.time_ms).saturating_sub(1));
            let touched = Span { start_ms: first.start_ms, end_ms: last.end_ms };
            let mut parts = 0;
            let _ = self.levels.visit_traded(*interval, touched, &mut |part| {
                let candle = (place, span_of(part.start_ms));
                if part.is_traded() && self.is_closed(candle.1) && told.last() != Some(&candle) {
                    told.push(candle);
                }
                parts += 1;
                if parts >= bounds.parts { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
            });
        }
        told
    }

    /// Notes what these are now, of each interval no more than is to be told.
    fn note_states(&self, changes: &mut Changes, candles: impl Iterator<Item = (usize, Span)>, bounds: Bounds) {
        let (mut of, mut told) = (0, 0);
        for (place, span) in candles {
            told = if place == of { told + 1 } else { 1 };
            of = place;
            if let Some(interval) = self.options.announce.get(place).copied().filter(|_| told <= bounds.told) {
                self.note_change(changes, PutOff { place, interval, span, was_told: true });
            }
        }
    }
}
