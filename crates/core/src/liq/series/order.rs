//! Order statistics of one window, kept up to date as events come and go.
//!
//! While a window lies within the raw tail its sizes are kept sorted and every answer is exact. Otherwise it is a
//! histogram, from which panes are subtracted, integer by integer, as they leave. Either is derived from the events
//! and can be forgotten at any time.

use super::archive::{Edges, Watcher};
use super::events::{EventWatcher, Events, Span};
use super::heap::{self, Measure};
use super::histogram::Histogram;
use super::pane::{Pane, Tier};
use super::raw_event::RawEvent;
use super::{Scale, Side};
use crate::grammar::Percentile;

/// Sorted sizes are removed one by one up to this many at once; beyond it they are sorted anew.
const MAX_REMOVALS: usize = 64;

/// A percentile, as far as the order of sizes tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimate {
    /// This is it.
    Size(f64),
    /// It lies in this bucket, the lowest or the highest occupied one, where the smallest and the largest size bound it.
    Outermost(u16),
}

impl Estimate {
    /// The percentile, given the smallest and the largest size.
    pub fn within(self, (min, max): (f64, f64), scale: Scale) -> f64 {
        let middle = match self {
            Self::Size(size) => return size,
            // A bucket off the scale has no midpoint; all that is known of it is that it holds an end of the range.
            Self::Outermost(bucket) if bucket == 0 || bucket + 1 == scale.buckets() => scale.low(bucket),
            Self::Outermost(bucket) => scale.midpoint(bucket),
        };
        middle.max(min).min(max)
    }
}

/// The order of a window's sizes.
#[derive(Debug, Clone)]
pub struct OrderCursor {
    window_ms: u64,
    side: Option<Side>,
    /// The window is what is later than this, Unix ms.
    cutoff_ms: i64,
    order: Order,
}

#[derive(Debug, Clone)]
enum Order {
    /// To be built before the next answer.
    Stale,
    /// All events are raw: their sizes, ascending, and the number of the first event of the window.
    Exact { sorted: Vec<f64>, from: u64 },
    /// Some are in panes: those behind the edges are counted, and the whole tail.
    Buckets { histogram: Histogram, edges: Edges },
}

impl OrderCursor {
    /// A cursor over the window of `window_ms` and one side or both.
    pub const fn new(window_ms: u64, side: Option<Side>) -> Self {
        Self { window_ms, side, cutoff_ms: i64::MIN, order: Order::Stale }
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

    /// Brings it to `now_ms`, which is not before the newest event.
    pub fn advance(&mut self, events: &mut Events, now_ms: u64) {
        let cutoff_ms = now_ms as i64 - self.window_ms as i64;
        let backwards = cutoff_ms < self.cutoff_ms;
        self.cutoff_ms = cutoff_ms;
        let in_archive = events.archive.reaches(cutoff_ms);
        let moved = !backwards
            && match &mut self.order {
                Order::Exact { sorted, from } if !in_archive => drop_raw(sorted, from, self.side, events, cutoff_ms),
                Order::Buckets { histogram, edges } if in_archive => {
                    drop_panes(histogram, edges, self.side, events, cutoff_ms)
                }
                _ => false,
            };
        if !moved {
            self.order = Order::of(events, &events.span(cutoff_ms, None), cutoff_ms, self.side);
        }
    }

    /// The order of the events later than `cutoff_ms` and not later than `until_ms`, for one answer.
    pub fn once(events: &mut Events, cutoff_ms: i64, until_ms: Option<u64>, side: Option<Side>) -> Self {
        events.archive.pack_late();
        let span = events.span(cutoff_ms, until_ms);
        Self { window_ms: 0, side, cutoff_ms, order: Order::of(events, &span, cutoff_ms, side) }
    }

    /// Events in the window.
    pub fn count(&self) -> u64 {
        match &self.order {
            Order::Stale => 0,
            Order::Exact { sorted, .. } => sorted.len() as u64,
            Order::Buckets { histogram, .. } => histogram.total(),
        }
    }

    /// Events not larger than `size`; in a histogram, all of its bucket's.
    pub fn at_or_below(&self, size: f64, scale: Scale) -> u64 {
        match &self.order {
            Order::Stale => 0,
            Order::Exact { sorted, .. } => sorted.partition_point(|held| *held <= size) as u64,
            Order::Buckets { histogram, .. } => {
                let bucket = scale.bucket(size);
                histogram.below(bucket) + histogram.count(bucket)
            }
        }
    }

    /// The size from which on events reach the percentile: exact, or the lower edge of its bucket.
    pub fn threshold(&mut self, percentile: Percentile, scale: Scale) -> Option<f64> {
        let rank = percentile.rank(self.count());
        match &mut self.order {
            Order::Buckets { histogram, .. } if histogram.total() > 0 => {
                Some(scale.low(histogram.bucket_of_steady_rank(rank)))
            }
            Order::Exact { sorted, .. } => sorted.get(rank as usize - 1).copied(),
            Order::Buckets { .. } | Order::Stale => None,
        }
    }

    /// The percentile: exact, or what stands for its bucket.
    pub fn percentile(&self, percentile: Percentile, scale: Scale) -> Option<Estimate> {
        let rank = percentile.rank(self.count());
        match &self.order {
            Order::Buckets { histogram, .. } if histogram.total() > 0 => {
                let (bucket, below) = histogram.locate(rank);
                let is_outermost = below == 0 || below + histogram.count(bucket) == histogram.total();
                Some(if is_outermost { Estimate::Outermost(bucket) } else { Estimate::Size(scale.midpoint(bucket)) })
            }
            Order::Exact { sorted, .. } => sorted.get(rank as usize - 1).copied().map(Estimate::Size),
            Order::Buckets { .. } | Order::Stale => None,
        }
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        match &self.order {
            Order::Stale => {}
            Order::Exact { sorted, .. } => heap::vec(sorted, measure),
            Order::Buckets { histogram, .. } => histogram.measure(measure),
        }
    }

    fn counts(&self, side: Side) -> bool {
        self.side.is_none_or(|wanted| wanted == side)
    }

    /// Adds or removes the codes of a pane.
    fn change(&mut self, pane: &Pane, change: impl Fn(&mut Histogram, u16, u32)) {
        let side = self.side;
        if let Order::Buckets { histogram, .. } = &mut self.order {
            for (code, count) in pane.packed.pairs().filter(|(code, _)| wanted(*code, side)) {
                change(histogram, code / 2, count);
            }
        }
    }
}

impl Order {
    fn of(events: &mut Events, span: &Span, cutoff_ms: i64, side: Option<Side>) -> Self {
        events.archive.pack_late();
        if span.exact {
            let sides = span.tail.clone().filter(|place| side.is_none_or(|side| side == events.tail.side(*place)));
            let mut sorted: Vec<f64> = sides.map(|place| events.tail.size(place)).collect();
            sorted.sort_unstable_by(f64::total_cmp);
            return Self::Exact { sorted, from: events.tail.left() + span.tail.start as u64 };
        }
        let histogram = Histogram::from_counts(events.scale, &events.bucket_counts(span, side));
        Self::Buckets { histogram, edges: events.archive.edges(cutoff_ms) }
    }
}

fn wanted(code: u16, side: Option<Side>) -> bool {
    side.is_none_or(|side| code % 2 == side as u16)
}

/// Removes raw events that are no longer later than the cutoff; `false` when that is better done anew.
fn drop_raw(sorted: &mut Vec<f64>, from: &mut u64, side: Option<Side>, events: &Events, cutoff_ms: i64) -> bool {
    let tail = &events.tail;
    let Some(mut place) = from.checked_sub(tail.left()).map(|place| place as usize) else { return false };
    if place < tail.len() && tail.ts_ms(place) as i64 > cutoff_ms {
        return true;
    }
    let end = tail.until(cutoff_ms);
    if end > place + MAX_REMOVALS {
        return false;
    }
    while place < end {
        if side.is_none_or(|side| side == tail.side(place)) {
            remove(sorted, tail.size(place));
        }
        place += 1;
    }
    *from = tail.left() + place as u64;
    true
}

/// Subtracts panes that the window has left; `false` when one came back.
fn drop_panes(
    histogram: &mut Histogram,
    edges: &mut Edges,
    side: Option<Side>,
    events: &mut Events,
    cutoff_ms: i64,
) -> bool {
    let wanted_edges = events.archive.edges(cutoff_ms);
    if wanted_edges == *edges {
        return true;
    }
    if wanted_edges.coarse_ms < edges.coarse_ms || wanted_edges.fine_ms < edges.fine_ms {
        return false;
    }
    events.archive.pack_late();
    let (old_coarse, old_fine) = events.panes_from(*edges);
    let (coarse, fine) = events.panes_from(wanted_edges);
    let gone = |tier: &Tier, places: std::ops::Range<usize>, histogram: &mut Histogram| {
        let mut counts = vec![0_u32; 2 * usize::from(events.scale.buckets())];
        tier.add_to(places, &mut counts);
        for (code, count) in (0_u16..).zip(counts).filter(|(code, count)| *count > 0 && wanted(*code, side)) {
            histogram.remove(code / 2, count);
        }
    };
    if coarse.start > old_coarse.start {
        gone(events.archive.coarse(), old_coarse.start..coarse.start, histogram);
    }
    if let Some(tier) = events.archive.fine().filter(|_| fine.start > old_fine.start) {
        gone(tier, old_fine.start..fine.start, histogram);
    }
    *edges = wanted_edges;
    true
}

fn remove(sorted: &mut Vec<f64>, size: f64) {
    let place = sorted.partition_point(|held| *held < size);
    if place < sorted.len() {
        sorted.remove(place);
    }
}

fn insert(sorted: &mut Vec<f64>, size: f64) {
    if sorted.len() == sorted.capacity() {
        sorted.reserve_exact((sorted.len() / 8).max(32));
    }
    let place = sorted.partition_point(|held| *held <= size);
    sorted.insert(place, size);
}

impl Watcher for OrderCursor {
    fn merging(&mut self, pane: &Pane, coarse_start_ms: u64) {
        if let Order::Buckets { edges, .. } = &self.order {
            let counted = pane.start_ms >= edges.fine_ms;
            if counted != (coarse_start_ms >= edges.coarse_ms) {
                self.order = Order::Stale;
            }
        }
    }

    fn dropped(&mut self, pane: &Pane, fine: bool) {
        if let Order::Buckets { edges, .. } = &self.order {
            let edge_ms = if fine { edges.fine_ms } else { edges.coarse_ms };
            if pane.start_ms >= edge_ms {
                self.change(pane, Histogram::remove);
            }
        }
    }
}

impl EventWatcher for OrderCursor {
    fn inserted(&mut self, event: &RawEvent, code: u16, _: bool) {
        let (counts, cutoff_ms) = (self.counts(event.side), self.cutoff_ms);
        match &mut self.order {
            Order::Stale => {}
            // An event before the window pushes the window's first event on by one.
            Order::Exact { from, .. } if event.ts_ms as i64 <= cutoff_ms => *from += 1,
            Order::Exact { sorted, .. } if counts => insert(sorted, event.size),
            Order::Buckets { histogram, .. } if counts => histogram.add(code / 2, 1),
            Order::Exact { .. } | Order::Buckets { .. } => {}
        }
    }

    fn archived(&mut self, event: &RawEvent, code: u16, (start_ms, fine): (u64, bool)) {
        let (counts, cutoff_ms) = (self.counts(event.side), self.cutoff_ms);
        match &mut self.order {
            Order::Buckets { histogram, edges } => {
                let edge_ms = if fine { edges.fine_ms } else { edges.coarse_ms };
                if counts && start_ms >= edge_ms {
                    histogram.add(code / 2, 1);
                }
            }
            Order::Exact { .. } if event.ts_ms as i64 > cutoff_ms => self.order = Order::Stale,
            Order::Exact { .. } | Order::Stale => {}
        }
    }

    fn spilling(&mut self, _: &RawEvent, number: u64) {
        if let Order::Exact { from, .. } = &self.order
            && number >= *from
        {
            self.order = Order::Stale;
        }
    }

    fn expired(&mut self, event: &RawEvent, number: u64) {
        let counts = self.counts(event.side);
        match &mut self.order {
            Order::Exact { sorted, from } if number >= *from => {
                if counts {
                    remove(sorted, event.size);
                }
                *from = number + 1;
            }
            Order::Buckets { .. } => self.order = Order::Stale,
            Order::Exact { .. } | Order::Stale => {}
        }
    }
}
