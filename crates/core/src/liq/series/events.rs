//! The events of a series: the raw tail, and the archive of what left it.

use std::ops::Range;

use super::archive::{Archive, Edges, Watcher};
use super::raw_event::RawEvent;
use super::tail::Tail;
use super::{Scale, Side};

/// Hears of every event that comes, moves or goes, and of panes that move.
pub trait EventWatcher: Watcher {
    /// `event` was put into the tail, as the `newest` or among others.
    fn inserted(&mut self, event: &RawEvent, code: u16, newest: bool);
    /// `event` was put into the archive without having been in the tail.
    fn archived(&mut self, event: &RawEvent, code: u16, home: (u64, bool));
    /// `event`, number `number` of the tail, is leaving it for the archive.
    fn spilling(&mut self, event: &RawEvent, number: u64);
    /// `event`, number `number` of the tail, was dropped.
    fn expired(&mut self, event: &RawEvent, number: u64);
}

/// The raw tail and the archive.
#[derive(Debug, Clone)]
pub struct Events {
    /// The newest events.
    pub tail: Tail,
    /// What left the tail.
    pub archive: Archive,
    /// The scale of the archive's distributions.
    pub scale: Scale,
}

/// The part of the events that a window takes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Places of coarse panes.
    pub coarse: Range<usize>,
    /// Places of fine panes.
    pub fine: Range<usize>,
    /// Places of raw events.
    pub tail: Range<usize>,
    /// Whether these are exactly the events of the window, to the millisecond.
    pub exact: bool,
}

impl Events {
    /// No events.
    pub fn new(scale: Scale, pane_ms: u64) -> Self {
        Self { tail: Tail::default(), archive: Archive::new(pane_ms), scale }
    }

    /// The code under which distributions count an event.
    pub fn code(&self, event: &RawEvent) -> u16 {
        self.scale.bucket(event.size) * 2 + event.side as u16
    }

    /// Timestamp of the newest event held.
    pub fn newest_ms(&self) -> Option<u64> {
        self.tail.last_ms().max(self.archive.newest_ms())
    }

    /// Timestamp of the oldest event held.
    pub fn first_ms(&self) -> Option<u64> {
        self.archive.first_ms().into_iter().chain(self.tail.first_ms()).min()
    }

    /// Puts an event in its place; at most `capacity` stay in the tail.
    pub fn insert(&mut self, event: &RawEvent, capacity: usize, watcher: &mut impl EventWatcher) {
        let full = self.tail.len() >= capacity;
        let before = |edge: Option<u64>| edge.is_some_and(|edge| event.ts_ms < edge);
        if before(self.archive.newest_ms()) || full && before(self.tail.first_ms()) {
            let code = self.code(event);
            watcher.archived(event, code, self.archive.home(event.ts_ms));
            self.archive.add(event, code);
            return;
        }
        if full {
            self.spill(watcher);
        }
        let code = self.code(event);
        let place = self.tail.insert(event, capacity);
        watcher.inserted(event, code, place + 1 == self.tail.len());
    }

    /// Moves the oldest raw event into the archive.
    pub fn spill(&mut self, watcher: &mut impl EventWatcher) {
        let number = self.tail.left();
        if let Some(oldest) = self.tail.pop_front() {
            watcher.spilling(&oldest, number);
            let code = self.code(&oldest);
            self.archive.add(&oldest, code);
        }
    }

    /// Drops what is not later than `cutoff_ms`, panes as a whole, and moves panes from tier to tier.
    pub fn roll(&mut self, now_ms: u64, cutoff_ms: i64, watcher: &mut impl EventWatcher) {
        if self.archive.is_due(now_ms, cutoff_ms) {
            self.archive.roll(now_ms, cutoff_ms, watcher);
        }
        while let Some(first_ms) = self.tail.first_ms().filter(|first| *first as i64 <= cutoff_ms) {
            // A pane counts whole, so an event that lies under one that is still kept must go on being counted with it.
            if self.archive.keeps(first_ms, cutoff_ms) {
                self.spill(watcher);
            } else {
                self.expire(watcher);
            }
        }
    }

    fn expire(&mut self, watcher: &mut impl EventWatcher) {
        let number = self.tail.left();
        if let Some(event) = self.tail.pop_front() {
            watcher.expired(&event, number);
        }
    }

    /// The events later than `cutoff_ms`, and not later than `until_ms` where that is given. A pane that the cutoff
    /// falls into counts whole; one that holds anything later than `until_ms` does not count at all.
    pub fn span(&self, cutoff_ms: i64, until_ms: Option<u64>) -> Span {
        let tail_end = until_ms.map_or(self.tail.len(), |until| self.tail.until(until as i64));
        let tail = self.tail.until(cutoff_ms).min(tail_end)..tail_end;
        if !self.archive.reaches(cutoff_ms) {
            return Span { coarse: 0..0, fine: 0..0, tail, exact: true };
        }
        let edges = self.archive.edges(cutoff_ms);
        let (coarse, fine) = self.panes_from(edges);
        let Some(until) = until_ms else { return Span { coarse, fine, tail, exact: false } };
        let mut exact = true;
        let mut cut = |tier: Option<&super::pane::Tier>, places: Range<usize>| {
            let Some(tier) = tier else { return places };
            exact &= tier.panes().range(places.clone()).all(|pane| pane.first_ms() > until);
            let end = tier.panes().partition_point(|pane| pane.last_ms() <= until);
            places.start.min(end)..places.end.min(end)
        };
        let coarse = cut(Some(self.archive.coarse()), coarse);
        let fine = cut(self.archive.fine(), fine);
        Span { coarse, fine, tail, exact }
    }

    /// Places of the panes behind `edges`, coarse and fine.
    pub fn panes_from(&self, edges: Edges) -> (Range<usize>, Range<usize>) {
        let coarse = self.archive.coarse();
        let coarse = coarse.place_of(edges.coarse_ms)..coarse.panes().len();
        let fine = self.archive.fine().map_or(0..0, |fine| fine.place_of(edges.fine_ms)..fine.panes().len());
        (coarse, fine)
    }

    /// Events per bucket in `span`, of one side or of both; late events are packed by then.
    pub fn bucket_counts(&self, span: &Span, side: Option<Side>) -> Vec<u32> {
        let mut by_code = vec![0_u32; 2 * usize::from(self.scale.buckets())];
        self.archive.coarse().add_to(span.coarse.clone(), &mut by_code);
        if let Some(fine) = self.archive.fine() {
            fine.add_to(span.fine.clone(), &mut by_code);
        }
        for place in span.tail.clone() {
            let code = self.scale.bucket(self.tail.size(place)) * 2 + self.tail.side(place) as u16;
            if let Some(slot) = by_code.get_mut(usize::from(code)) {
                *slot = slot.saturating_add(1);
            }
        }
        let of_side = |pair: &[u32]| match (pair, side) {
            (&[buys, _], Some(Side::Buy)) => buys,
            (&[_, sells], Some(Side::Sell)) => sells,
            _ => pair.iter().fold(0, |sum: u32, count| sum.saturating_add(*count)),
        };
        by_code.chunks_exact(2).map(of_side).collect()
    }
}
