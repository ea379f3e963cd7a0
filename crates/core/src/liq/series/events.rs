//! The events of a series: the raw tail, and the archive of what left it.

use std::ops::Range;

use super::archive::{Archive, Watcher};
use super::pane::Pane;
use super::raw_event::RawEvent;
use super::tail::{Position, Tail};
use super::{Scale, Side};
use crate::panes::Version;

/// Hears of every event that comes, moves or goes, and of panes that move.
pub trait EventWatcher: Watcher {
    /// `event` was put into the tail.
    fn inserted(&mut self, event: &RawEvent);
    /// `event` was put into the archive without having been in the tail; its pane covers `pane`.
    fn archived(&mut self, event: &RawEvent, pane: &Range<u64>);
    /// `event` went from the tail into the archive, where its pane covers `pane`.
    fn spilled(&mut self, event: &RawEvent, pane: &Range<u64>);
    /// `event` was dropped from the tail.
    fn left(&mut self, event: &RawEvent);
}

/// The raw tail and the archive.
#[derive(Debug, Clone)]
pub struct Events {
    /// The newest events.
    pub tail: Tail,
    /// What left the tail; nothing in it is newer than anything in the tail.
    pub archive: Archive,
    /// The scale of panes that are made from now on; none that is held is finer.
    pub scale: Scale,
    /// Timestamp of the newest event that was dropped, Unix ms; `None` while none was.
    pub dropped_until_ms: Option<u64>,
    /// Another one whenever an event came, moved or went.
    version: Version,
}

/// The part of the events that a window takes in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Places of panes.
    pub panes: Range<usize>,
    /// Where the raw events lie.
    pub tail: Range<Position>,
    /// Whether these are exactly the events of the window, to the millisecond, and none of them can have been dropped.
    pub is_exact: bool,
}

impl Span {
    /// Whether all events of it are raw.
    pub const fn is_raw(&self) -> bool {
        self.panes.start >= self.panes.end
    }
}

impl Events {
    /// No events.
    pub fn new(scale: Scale, coarse_ms: u64) -> Self {
        let (tail, archive) = (Tail::default(), Archive::new(coarse_ms));
        Self { tail, archive, scale, dropped_until_ms: None, version: Version::fresh() }
    }

    /// By which an answer knows whether it still holds.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// The scale on which the events of `panes`, and raw ones beside them, can be counted: that of the coarsest pane.
    pub fn scale_of(&self, panes: &Range<usize>) -> Scale {
        self.archive.scale_of(panes).unwrap_or(self.scale)
    }

    /// Timestamp of the newest event held.
    pub fn newest_ms(&self) -> Option<u64> {
        self.tail.last_ms().or_else(|| self.archive.newest_ms())
    }

    /// Timestamp of the oldest event held.
    pub fn first_ms(&self) -> Option<u64> {
        self.archive.first_ms().or_else(|| self.tail.first_ms())
    }

    /// Events held.
    pub const fn count(&self) -> u64 {
        self.tail.len() as u64 + self.archive.count()
    }

    /// Puts an event in its place; at most `capacity` stay in the tail.
    pub fn insert(&mut self, event: &RawEvent, capacity: usize, watcher: &mut impl EventWatcher) {
        self.version = Version::fresh();
        let is_full = self.tail.len() >= capacity;
        let is_before = |edge: Option<u64>| edge.is_some_and(|edge| event.ts_ms < edge);
        if is_before(self.archive.newest_ms()) || is_full && is_before(self.tail.first_ms()) {
            let pane = self.archive.add(event, self.scale);
            watcher.archived(event, &pane);
            return;
        }
        if is_full {
            self.spill_oldest(watcher);
        }
        self.tail.insert(event);
        watcher.inserted(event);
    }

    /// Moves the oldest raw event into the archive.
    pub fn spill(&mut self, watcher: &mut impl EventWatcher) {
        self.version = Version::fresh();
        self.spill_oldest(watcher);
    }

    fn spill_oldest(&mut self, watcher: &mut impl EventWatcher) {
        if let Some(oldest) = self.tail.pop_front() {
            let pane = self.archive.add(&oldest, self.scale);
            watcher.spilled(&oldest, &pane);
        }
    }

    /// Whether [`roll`](Self::roll) would do anything.
    pub fn is_due(&self, now_ms: u64, cutoff_ms: i64) -> bool {
        self.archive.is_due(now_ms, cutoff_ms) || self.tail.first_ms().is_some_and(|first| first as i64 <= cutoff_ms)
    }

    /// Gives back the memory that holds nothing.
    pub fn free_spare(&mut self) {
        self.tail.free_spare();
        self.archive.free_spare();
    }

    /// Drops what is not later than `cutoff_ms`, panes as a whole, and joins panes that grew old.
    pub fn roll(&mut self, now_ms: u64, cutoff_ms: i64, watcher: &mut impl EventWatcher) {
        if self.archive.is_due(now_ms, cutoff_ms) {
            self.version = Version::fresh();
            let dropped_ms = self.archive.roll(now_ms, cutoff_ms, watcher);
            self.dropped_until_ms = self.dropped_until_ms.max(dropped_ms);
        }
        while let Some(first_ms) = self.tail.first_ms().filter(|first| *first as i64 <= cutoff_ms) {
            // A pane counts whole: an event that lies in one that is still kept must go on being counted with it.
            if self.archive.covering(first_ms).is_some() {
                self.spill(watcher);
            } else if let Some(event) = self.tail.pop_front() {
                self.version = Version::fresh();
                self.dropped_until_ms = self.dropped_until_ms.max(Some(event.ts_ms));
                watcher.left(&event);
            }
        }
    }

    /// Where the raw events lie that are later than `cutoff_ms` and not later than `until_ms`, which is not before it.
    pub fn raw_span(&self, cutoff_ms: i64, until_ms: i64) -> Range<Position> {
        self.tail.until(cutoff_ms)..self.tail.until(until_ms)
    }

    /// The events later than `cutoff_ms`, and not later than `until_ms` where that is given. A pane that the cutoff falls
    /// into counts whole; one that holds anything later than `until_ms` does not count at all.
    pub fn span(&self, cutoff_ms: i64, until_ms: Option<i64>) -> Span {
        let tail_end = until_ms.map_or_else(|| self.tail.end(), |until_ms| self.tail.until(until_ms));
        let tail = self.tail.until(cutoff_ms).min(tail_end)..tail_end;
        let is_kept = self.dropped_until_ms.is_none_or(|dropped_ms| dropped_ms as i64 <= cutoff_ms);
        if !self.archive.reaches(cutoff_ms) {
            return Span { panes: 0..0, tail, is_exact: is_kept };
        }
        let mut panes = self.archive.behind_edge(self.archive.edge(cutoff_ms));
        if let Some(until_ms) = until_ms {
            let end = self.archive.panes().partition_point(|pane| pane.last_ms() as i64 <= until_ms);
            panes = panes.start.min(end)..end.min(panes.end);
        }
        let is_exact = is_kept && panes.is_empty();
        Span { panes, tail, is_exact }
    }

    /// The latest moment not after `ts_ms` that parts events held from one another: `ts_ms` itself, or the last
    /// millisecond before the pane whose events lie on both sides of it.
    pub fn parting_before(&self, ts_ms: u64) -> i64 {
        let is_parted = |pane: &&Pane| pane.first_ms() <= ts_ms && ts_ms < pane.last_ms();
        self.archive.covering(ts_ms).filter(is_parted).map_or(ts_ms as i64, |pane| pane.start_ms as i64 - 1)
    }

    /// Events per bucket of `scale` in `span`, of one side or of both; no pane of it is coarser, and late events are packed
    /// by then.
    pub fn bucket_counts(&self, span: &Span, side: Option<Side>, scale: Scale) -> Vec<u32> {
        let mut by_code = vec![0_u32; 2 * usize::from(scale.buckets())];
        self.archive.add_to(span.panes.clone(), &mut by_code, scale);
        for (size, of) in self.tail.sizes(&span.tail) {
            let code = scale.bucket(size) * 2 + of as u16;
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

    /// What has to be true of all events; see the invariants in `liq/series/mod.rs`.
    pub fn check(&self, capacity: usize) {
        self.tail.check();
        self.archive.check(self.scale);
        assert!(self.tail.len() <= capacity, "E1: the tail holds at most TAIL events");
        let apart = self.archive.newest_ms().zip(self.tail.first_ms()).is_none_or(|(archived, raw)| archived <= raw);
        assert!(apart, "E2: nothing archived is newer than anything raw");
    }
}
