//! What windows are made of: spans of time that hold something, oldest first, never overlapping.
//!
//! Generic over what a pane holds. What lives here: where panes begin and end, finding and joining them, and versions by
//! which a remembered sum knows whether it still holds. What does not: events, sizes, prices.

mod version;

use std::collections::VecDeque;
use std::ops::Range;

use crate::relocation::Mover;

pub use version::Version;

/// What a pane holds.
pub trait Content: Default {
    /// Everything that `parts` hold, each with how far its pane begins behind the new one, ms.
    fn joined<'a>(parts: impl Iterator<Item = (u32, &'a Self)> + Clone) -> Self
    where
        Self: 'a;
}

/// A span of time and what is known of it: a cell of the grid of its width, which begins at the Unix epoch.
#[derive(Debug, Clone, PartialEq)]
pub struct Pane<C> {
    /// Where the span begins, Unix ms; a multiple of the width.
    pub start_ms: u64,
    /// How long it is, ms.
    pub width_ms: u32,
    /// What it holds.
    pub content: C,
}

impl<C> Pane<C> {
    /// The first millisecond behind the span.
    pub const fn end_ms(&self) -> u64 {
        self.start_ms + self.width_ms as u64
    }
}

/// Where the cell of a grid of `width_ms` begins that `ts_ms` lies in.
pub const fn cell_of(ts_ms: u64, width_ms: u64) -> u64 {
    ts_ms - ts_ms % width_ms
}

/// Panes, oldest first; only those that hold something. Widths may differ, and each divides the next larger one, so that
/// cells lie within one another or apart.
#[derive(Debug, Clone)]
pub struct Panes<C> {
    list: VecDeque<Pane<C>>,
    version: Version,
}

impl<C: Content> Default for Panes<C> {
    fn default() -> Self {
        Self { list: VecDeque::new(), version: Version::fresh() }
    }
}

impl<C: Content> Panes<C> {
    /// Panes as they were saved: ascending, without overlap.
    pub fn loaded(list: Vec<Pane<C>>) -> Self {
        Self { list: list.into(), version: Version::fresh() }
    }

    /// The panes, oldest first.
    pub const fn list(&self) -> &VecDeque<Pane<C>> {
        &self.list
    }

    /// Moves the list's buffer, and what `content` moves of each pane. Nothing that is held changes.
    pub fn relocate<M: Mover>(&mut self, mover: &mut M, content: impl Fn(&mut C, &mut M)) {
        mover.deque(&mut self.list);
        self.list.iter_mut().for_each(|pane| content(&mut pane.content, mover));
    }

    /// Gives back the memory that holds no pane.
    pub fn free_spare(&mut self) {
        self.list.shrink_to_fit();
    }

    /// What the pane at `place` holds, to be changed.
    pub fn content_mut(&mut self, place: usize) -> Option<&mut C> {
        if place + 1 != self.list.len() {
            self.version = Version::fresh();
        }
        self.list.get_mut(place).map(|pane| &mut pane.content)
    }

    /// As [`content_mut`](Self::content_mut), for a change that no sum over panes can see.
    pub fn content_unseen_mut(&mut self, place: usize) -> Option<&mut C> {
        self.list.get_mut(place).map(|pane| &mut pane.content)
    }

    /// Another one whenever what panes other than the newest hold has changed, or one came among them or left. A pane that
    /// comes at the end does not change it: sums over the others go on from where they are.
    pub const fn version(&self) -> Version {
        self.version
    }

    /// Place of the first pane that does not begin before `start_ms`.
    pub fn place_of(&self, start_ms: u64) -> usize {
        // Windows begin at the oldest pane, or behind the newest, more often than in between.
        match (self.list.front(), self.list.back()) {
            (Some(oldest), _) if oldest.start_ms >= start_ms => 0,
            (_, Some(newest)) if newest.start_ms < start_ms => self.list.len(),
            _ => self.list.partition_point(|pane| pane.start_ms < start_ms),
        }
    }

    /// Place of the pane whose span `ts_ms` lies in.
    pub fn covering(&self, ts_ms: u64) -> Option<usize> {
        let place = match self.list.back() {
            Some(newest) if newest.start_ms <= ts_ms => self.list.len() - 1,
            _ => self.list.partition_point(|pane| pane.start_ms <= ts_ms).checked_sub(1)?,
        };
        self.list.get(place).filter(|pane| ts_ms < pane.end_ms()).map(|_| place)
    }

    /// Makes an empty pane that covers `ts_ms`, which none does: the cell of `width_ms`, or where panes lie in that
    /// already, the widest of `narrower` (widest first) that is free. Answers its place.
    pub fn open(&mut self, ts_ms: u64, width_ms: u64, narrower: impl Iterator<Item = u64>) -> usize {
        let mut widths = std::iter::once(width_ms).chain(narrower).peekable();
        loop {
            let Some(width_ms) = widths.next() else { return self.list.len() };
            let start_ms = cell_of(ts_ms, width_ms);
            let place = self.place_of(start_ms);
            let is_free = self.list.get(place).is_none_or(|next| next.start_ms >= start_ms + width_ms);
            if is_free || widths.peek().is_none() {
                self.insert(place, Pane { start_ms, width_ms: width_ms as u32, content: C::default() });
                return place;
            }
        }
    }

    /// Makes the newest pane a narrower one with the same begin: `width_ms` divides its width, and all it holds lies within
    /// that.
    pub fn narrow_newest(&mut self, width_ms: u64) {
        if let Some(newest) = self.list.back_mut() {
            newest.width_ms = width_ms as u32;
            self.version = Version::fresh();
        }
    }

    fn insert(&mut self, place: usize, pane: Pane<C>) {
        // Panes are large and come one at a time, minutes apart: room grows by one, not by doubling.
        if self.list.len() == self.list.capacity() {
            self.list.reserve_exact(1);
        }
        if place < self.list.len() {
            self.version = Version::fresh();
        }
        self.list.insert(place, pane);
    }

    /// Takes the oldest pane out.
    pub fn pop_oldest(&mut self) -> Option<Pane<C>> {
        self.version = Version::fresh();
        self.list.pop_front()
    }

    /// Joins all panes that begin in `span` and are narrower than `width_ms` into the cells of that width that they lie
    /// in. `hear` is told of every such pane before, and where its new one begins.
    pub fn join(&mut self, span: Range<u64>, width_ms: u64, mut hear: impl FnMut(&Pane<C>, u64)) {
        let mut place = self.place_of(span.start);
        while let Some(first) = self.list.get(place).filter(|pane| pane.start_ms < span.end) {
            let start_ms = cell_of(first.start_ms, width_ms);
            let is_wide = u64::from(first.width_ms) >= width_ms;
            let end = if is_wide { place + 1 } else { self.place_of(start_ms + width_ms) };
            if !is_wide {
                self.list.range(place..end).for_each(|pane| hear(pane, start_ms));
                let parts = self.list.range(place..end);
                let content = C::joined(parts.map(|pane| ((pane.start_ms - start_ms) as u32, &pane.content)));
                let joined = Pane { start_ms, width_ms: width_ms as u32, content };
                self.list.drain(place + 1..end);
                if let Some(slot) = self.list.get_mut(place) {
                    *slot = joined;
                }
                self.version = Version::fresh();
            }
            place += 1;
        }
    }
}
