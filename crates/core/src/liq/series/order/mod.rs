//! Order statistics of one window, kept up to date as events come and go.
//!
//! While a window lies within the raw tail its sizes are kept sorted and every answer is exact. Otherwise it is a
//! histogram, to which panes are added and from which they are subtracted, integer by integer. Either is derived from the
//! events and can be forgotten at any time. A window that holds about as many events as the tail needs now the one, now
//! the other: what is not needed is kept up for a while, so that going over costs no more than an event does.

mod hearing;

use std::ops::Range;

use super::Side;
use super::estimate::Estimate;
use super::events::{Events, Span};
use super::gather::{histogram_of, histogram_on, is_wanted, panes_between, raw_between, sorted_sizes};
use super::heap::Measure;
use super::histogram::Histogram;
use super::pane::Pane;
use super::sorted::Sorted;
use crate::grammar::Percentile;
use crate::relocation::Mover;
use crate::steps;

/// Moving a window by so many raw events, or one in so many of those held, is cheaper than building it anew.
const FEW_EVENTS: usize = 64;
/// The same for panes.
const FEW_PANES: usize = 8;
/// Answers that the form that is not needed is kept up for, at least.
const LEAST_KEPT: u32 = 512;
/// The end of a window that takes in everything up to the newest event.
const NO_END: i64 = i64::MAX;

/// The order of a window's sizes.
#[derive(Debug, Clone)]
pub struct OrderCursor {
    window_ms: u64,
    side: Option<Side>,
    /// The window is what is later than this, Unix ms …
    cutoff_ms: i64,
    /// … and not later than this. A histogram is kept only while no pane holds anything later.
    until_ms: i64,
    /// No raw event lies between the cutoff and this: until the window begins here, none leaves it. Unix ms.
    none_before_ms: i64,
    /// Whether the last answer was exact.
    is_exact: bool,
    /// Answers since the other form was last needed.
    unneeded: u32,
    exact: Option<Sorted>,
    buckets: Option<Buckets>,
}

/// All raw events, and those in panes that begin at the edge or later.
#[derive(Debug, Clone)]
struct Buckets {
    histogram: Histogram,
    edge_ms: u64,
    /// Until the window begins here or later, its edge stays what it is: the pane that begins it ends here. 0 where no pane
    /// does.
    steady_until_ms: u64,
    /// Whether a pane left that was as coarse as the histogram: without it, the others may be finer.
    coarse_left: bool,
}

impl OrderCursor {
    /// A cursor over the window of `window_ms` and one side or both.
    pub const fn new(window_ms: u64, side: Option<Side>) -> Self {
        let (cutoff_ms, none_before_ms) = (i64::MIN, i64::MIN);
        let (until_ms, is_exact, exact, buckets) = (NO_END, true, None, None);
        Self { window_ms, side, cutoff_ms, until_ms, none_before_ms, is_exact, unneeded: 0, exact, buckets }
    }

    /// Whether it answers for this window and side.
    pub fn is_of(&self, window_ms: u64, side: Option<Side>) -> bool {
        self.window_ms == window_ms && self.side == side
    }

    /// Whether it counts both sides of a window longer than `window_ms`, but not twice as long.
    pub const fn is_little_longer(&self, window_ms: u64) -> bool {
        self.side.is_none() && self.window_ms >= window_ms && self.window_ms < window_ms.saturating_mul(2)
    }

    /// The same, to be moved on to where a shorter window begins.
    pub fn narrowed(&self, window_ms: u64) -> Self {
        Self { window_ms, ..self.clone() }
    }

    /// Whether it stands so near to `now_ms` that it can be moved there, and back, at little cost.
    pub fn is_near(&self, events: &Events, now_ms: u64) -> bool {
        let cutoff_ms = now_ms as i64 - self.window_ms as i64;
        if events.archive.reaches(cutoff_ms) {
            let edge_ms = events.archive.edge(cutoff_ms);
            return self.buckets.as_ref().is_some_and(|held| panes_between(events, held.edge_ms, edge_ms).len() <= 1);
        }
        let moves_none = (self.cutoff_ms..self.none_before_ms).contains(&cutoff_ms);
        self.exact.is_some() && (moves_none || raw_between(events, self.cutoff_ms, cutoff_ms) <= FEW_EVENTS)
    }

    /// Brings it to `now_ms`, which is not before the newest event.
    pub fn advance(&mut self, events: &mut Events, now_ms: u64) {
        self.move_to(events, now_ms as i64, NO_END);
    }

    /// Brings it to the window that ends at `until_ms`; there may be later events, but none in a pane.
    pub fn advance_until(&mut self, events: &mut Events, until_ms: i64) {
        self.move_to(events, until_ms, until_ms);
    }

    fn move_to(&mut self, events: &mut Events, now_ms: i64, until_ms: i64) {
        let cutoff_ms = now_ms - self.window_ms as i64;
        let exact = !events.archive.reaches(cutoff_ms);
        if until_ms != self.until_ms {
            self.move_end(events, until_ms);
        }
        if cutoff_ms != self.cutoff_ms {
            self.move_exact(events, cutoff_ms);
            self.cutoff_ms = cutoff_ms;
            self.move_buckets(events, cutoff_ms);
        }
        self.refine_buckets(events);
        if exact && self.exact.is_none() {
            self.exact = Some(sorted_sizes(events, events.raw_span(self.cutoff_ms, self.until_ms), self.side));
            // Nobody kept it up while there was no list.
            self.none_before_ms = i64::MIN;
        } else if !exact && self.buckets.is_none() {
            self.buckets = Some(Buckets::of(events, (cutoff_ms, until_ms), self.side));
        }
        self.let_go(exact, events.tail.len());
    }

    /// Forgets the form that has not been needed for so long that building it anew costs less than keeping it up.
    fn let_go(&mut self, exact: bool, raw_events: usize) {
        if exact != self.is_exact {
            (self.is_exact, self.unneeded) = (exact, 0);
        }
        if exact && self.buckets.is_none() || !exact && self.exact.is_none() {
            return;
        }
        self.unneeded += 1;
        if self.unneeded > LEAST_KEPT.max(raw_events as u32 / 8) {
            if exact {
                self.buckets = None;
            } else {
                self.exact = None;
            }
        }
    }

    /// Moves the end of the window.
    fn move_end(&mut self, events: &Events, until_ms: i64) {
        let (from, to) = (self.until_ms.min(until_ms), self.until_ms.max(until_ms));
        let (comes, side, cutoff_ms) = (until_ms > self.until_ms, self.side, self.cutoff_ms);
        self.until_ms = until_ms;
        if self.exact.is_none() && self.buckets.is_none() {
            return;
        }
        let between = events.raw_span(from, to);
        let moved = events.tail.count(&between);
        if moved > FEW_EVENTS && moved * 4 > events.tail.len() {
            (self.exact, self.buckets) = (None, None);
            return;
        }
        steps::note(moved);
        for event in events.tail.events(&between).filter(|event| side.is_none_or(|side| side == event.side)) {
            if let Some(sorted) = self.exact.as_mut().filter(|_| event.ts_ms as i64 > cutoff_ms) {
                if comes { sorted.insert(event.size) } else { sorted.remove(event.size) }
            }
            if let Some(Buckets { histogram, .. }) = &mut self.buckets {
                let bucket = histogram.bucket(event.size);
                if comes { histogram.add(bucket, 1) } else { histogram.remove(bucket, 1) }
            }
        }
    }

    fn move_exact(&mut self, events: &Events, cutoff_ms: i64) {
        let Some(sorted) = &mut self.exact else { return };
        if (self.cutoff_ms..self.none_before_ms).contains(&cutoff_ms) {
            return;
        }
        let (from, to) = (self.cutoff_ms.min(cutoff_ms), self.cutoff_ms.max(cutoff_ms));
        let between = events.raw_span(from.min(self.until_ms), to.min(self.until_ms));
        let first = if cutoff_ms > self.cutoff_ms { between.end } else { between.start };
        self.none_before_ms = events.tail.ts_ms(first).map_or(cutoff_ms, |ts_ms| ts_ms as i64);
        if between.start == between.end {
            return;
        }
        let moved = events.tail.count(&between);
        if moved > FEW_EVENTS && moved * 4 > sorted.len().max(events.tail.len() / 4) {
            self.exact = None;
            return;
        }
        let side = self.side;
        let sizes = events.tail.sizes(&between).filter(|(_, of)| side.is_none_or(|side| side == *of));
        if cutoff_ms > self.cutoff_ms {
            sizes.for_each(|(size, _)| sorted.remove(size));
        } else {
            sizes.for_each(|(size, _)| sorted.insert(size));
        }
    }

    fn move_buckets(&mut self, events: &mut Events, cutoff_ms: i64) {
        let first_ms = self.first_ms();
        let Some(Buckets { histogram, edge_ms, steady_until_ms, coarse_left }) = &mut self.buckets else { return };
        if (*edge_ms..*steady_until_ms).contains(&first_ms) {
            return;
        }
        let new_edge_ms = events.archive.edge(cutoff_ms);
        *steady_until_ms = events.archive.covering(first_ms).map_or(0, Pane::end_ms);
        if new_edge_ms == *edge_ms {
            return;
        }
        let moved = panes_between(events, *edge_ms, new_edge_ms);
        let coarsest = events.archive.scale_of(&moved);
        let is_coarser = coarsest.is_some_and(|coarsest| coarsest < histogram.scale());
        if is_coarser || moved.len() > FEW_PANES && moved.len() > events.archive.panes().len() / 2 {
            self.buckets = None;
            return;
        }
        if !moved.is_empty() {
            events.archive.pack_late();
        }
        let (side, leaves, scale) = (self.side, new_edge_ms > *edge_ms, histogram.scale());
        *coarse_left |= leaves && coarsest == Some(scale);
        steps::note(moved.len());
        for place in moved {
            events.archive.each_code(place, scale, |code, count| {
                if !is_wanted(code, side) {
                } else if leaves {
                    histogram.remove(code / 2, count);
                } else {
                    histogram.add(code / 2, count);
                }
            });
        }
        *edge_ms = new_edge_ms;
    }

    /// Forgets a histogram that is coarser than every pane it counts.
    fn refine_buckets(&mut self, events: &Events) {
        let Some(Buckets { histogram, edge_ms, coarse_left, .. }) = &mut self.buckets else { return };
        // Hardly ever: only when a series has more precision again than it had a while ago.
        let is_to_be_looked_at = std::mem::take(coarse_left) && histogram.scale() < events.scale;
        if is_to_be_looked_at && events.scale_of(&events.archive.behind_edge(*edge_ms)) > histogram.scale() {
            self.buckets = None;
        }
    }

    /// The order of the events in `span`, which a window later than `cutoff_ms` takes in, for one answer.
    pub fn once(events: &mut Events, span: &Span, side: Option<Side>) -> Self {
        let mut cursor = Self::new(0, side);
        cursor.is_exact = span.is_raw();
        if span.is_raw() {
            cursor.exact = Some(sorted_sizes(events, span.tail.clone(), side));
        } else {
            let histogram = histogram_of(events, span, side);
            cursor.buckets = Some(Buckets::new(histogram, 0));
        }
        cursor
    }

    fn form(&self) -> Form<'_> {
        match (&self.exact, &self.buckets) {
            (Some(sorted), _) if self.is_exact => Form::Exact(sorted),
            (_, Some(buckets)) if !self.is_exact => Form::Buckets(&buckets.histogram),
            _ => Form::Empty,
        }
    }

    /// Events in the window.
    pub fn count(&self) -> u64 {
        match self.form() {
            Form::Empty => 0,
            Form::Exact(sorted) => sorted.len() as u64,
            Form::Buckets(histogram) => histogram.total(),
        }
    }

    /// Events not larger than `size`; in a histogram, all of its bucket's.
    pub fn at_or_below(&self, size: f64) -> u64 {
        match self.form() {
            Form::Empty => 0,
            Form::Exact(sorted) => sorted.at_or_below(size),
            Form::Buckets(histogram) => {
                let bucket = histogram.bucket(size);
                histogram.below(bucket) + histogram.count(bucket)
            }
        }
    }

    /// The size from which on events reach the percentile: exact, or the lower edge of its bucket.
    pub fn threshold(&mut self, percentile: Percentile) -> Option<f64> {
        let rank = percentile.rank(self.count());
        match (&self.exact, &mut self.buckets) {
            (Some(sorted), _) if self.is_exact => sorted.of_rank(rank),
            (_, Some(Buckets { histogram, .. })) if !self.is_exact && histogram.total() > 0 => {
                let bucket = histogram.bucket_of_steady_rank(rank);
                Some(histogram.scale().low(bucket))
            }
            _ => None,
        }
    }

    /// The percentile: exact, or what stands for its bucket.
    pub fn percentile(&self, percentile: Percentile) -> Option<Estimate> {
        let [estimate] = self.ascending([percentile]);
        estimate
    }

    /// Percentiles that ascend, in one pass over the distribution.
    pub fn ascending<const N: usize>(&self, asked: [Percentile; N]) -> [Option<Estimate>; N] {
        let (form, count, mut passed) = (self.form(), self.count(), (0, 0));
        asked.map(|percentile| match form {
            Form::Buckets(histogram) if count > 0 => {
                let (bucket, below) = histogram.locate_from(&mut passed, percentile.rank(count));
                let is_outermost = below == 0 || below + histogram.count(bucket) == count;
                let scale = histogram.scale();
                Some(match is_outermost {
                    true => Estimate::Outermost(scale, bucket),
                    false => Estimate::Size(scale.midpoint(bucket)),
                })
            }
            Form::Exact(sorted) => sorted.of_rank(percentile.rank(count)).map(Estimate::Size),
            Form::Buckets(_) | Form::Empty => None,
        })
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        if let Some(sorted) = &self.exact {
            sorted.measure(measure);
        }
        if let Some(buckets) = &self.buckets {
            buckets.histogram.measure(measure);
        }
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        self.exact.iter_mut().for_each(|sorted| sorted.relocate(mover));
        self.buckets.iter_mut().for_each(|buckets| buckets.histogram.relocate(mover));
    }

    /// What has to be true of every cursor; see the invariants in `liq/series/mod.rs`.
    pub fn check(&self, events: &mut Events) {
        if let Some(sorted) = &self.exact {
            let anew = sorted_sizes(events, events.raw_span(self.cutoff_ms, self.until_ms), self.side);
            assert!(sorted.iter().eq(anew.iter()), "C1: a sorted list holds the raw sizes of its window");
        }
        if let Some(buckets) = &self.buckets {
            let panes = events.archive.behind_edge(buckets.edge_ms);
            let span = Span { panes, tail: events.tail.start()..events.tail.until(self.until_ms), is_exact: false };
            let (scale, finest) = (buckets.histogram.scale(), events.scale_of(&span.panes));
            let anew = histogram_on(scale, events, &span, self.side);
            assert!(scale <= finest, "C4: a histogram is not finer than the panes it counts");
            assert!(scale == finest || buckets.coarse_left, "C4: nor coarser, once it was asked");
            assert!(
                buckets.histogram.is_equal(&anew),
                "C2: a histogram counts the raw events and the panes from its edge"
            );
            assert_eq!(buckets.edge_ms, events.archive.edge(self.cutoff_ms), "C3: the edge is that of the cutoff");
        }
    }

    /// The first millisecond of the window.
    fn first_ms(&self) -> u64 {
        u64::try_from(self.cutoff_ms.saturating_add(1)).unwrap_or(0)
    }

    fn counts(&self, side: Side) -> bool {
        self.side.is_none_or(|wanted| wanted == side)
    }
}

enum Form<'a> {
    Empty,
    Exact(&'a Sorted),
    Buckets(&'a Histogram),
}

impl Buckets {
    const fn new(histogram: Histogram, edge_ms: u64) -> Self {
        Self { histogram, edge_ms, steady_until_ms: 0, coarse_left: false }
    }

    fn of(events: &mut Events, (cutoff_ms, until_ms): (i64, i64), side: Option<Side>) -> Self {
        let edge_ms = events.archive.edge(cutoff_ms);
        let tail = events.tail.start()..events.tail.until(until_ms);
        let span = Span { panes: events.archive.behind_edge(edge_ms), tail, is_exact: false };
        Self::new(histogram_of(events, &span, side), edge_ms)
    }

    /// Whether a pane of `span`, which an event came to, is counted for a window later than `cutoff_ms`. A pane that is
    /// new where the window begins now begins the window.
    fn takes_in(&mut self, span: &Range<u64>, cutoff_ms: i64) -> bool {
        if span.start < self.edge_ms && span.end as i64 > cutoff_ms + 1 {
            (self.edge_ms, self.steady_until_ms) = (span.start, 0);
        }
        span.start >= self.edge_ms
    }
}
