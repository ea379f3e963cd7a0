//! The events that left the raw tail, in panes: how wide they are, when they are joined, when they go.

use std::borrow::Cow;
use std::ops::Range;

use super::heap::{self, Measure};
use super::packed::coarsened;
use super::pane::{Digested, Pane};
use super::raw_event::RawEvent;
use super::{Options, Scale};
use crate::grammar::MAX_TIMESTAMP_MS;
use crate::panes::{Panes, Version, cell_of};
use crate::relocation::Mover;

/// Width of a fine pane, ms.
pub const FINE_PANE_MS: u64 = 60_000;
/// How far back fine panes are kept, ms: the last full hour can be charted by minute at any time.
pub const FINE_SPAN_MS: u64 = 2 * 3_600_000;

/// Codes that may wait to be packed before they are.
const MAX_WAITING: usize = 1024;

/// Who must hear of panes that move, because it counted their events.
pub trait Watcher {
    /// `pane` is about to be joined with others into one that covers `joined`, Unix ms.
    fn joining(&mut self, pane: &Pane, joined: &Range<u64>);
    /// `pane` was dropped.
    fn dropped(&mut self, pane: &Pane);
}

/// Events that left the raw tail, in panes: of a minute for the last two hours where coarse ones are wider, else coarse.
#[derive(Debug, Clone)]
pub struct Archive {
    pub(super) panes: Panes<Digested>,
    /// Codes of the newest pane that are not packed yet.
    waiting: Vec<u16>,
    /// Codes of older panes that are not packed yet, with the pane's start.
    late: Vec<(u64, u16)>,
    /// Width of the panes that events are put into which are older than what fine panes cover.
    pub(super) coarse_ms: u64,
    /// Whether there are fine panes: not while memory is short.
    pub(super) keeps_fine: bool,
    /// Where fine panes begin, as of the last write; Unix ms, a multiple of the coarse width. Cells before it are joined.
    pub(super) fine_from_ms: u64,
    /// Events held.
    count: u64,
}

impl Archive {
    /// An empty archive of coarse panes `coarse_ms` wide.
    pub fn new(coarse_ms: u64) -> Self {
        let (waiting, late) = (Vec::new(), Vec::new());
        Self { panes: Panes::default(), waiting, late, coarse_ms, keeps_fine: true, fine_from_ms: 0, count: 0 }
    }

    /// An archive as it was saved, everything packed; whether it keeps fine panes is yet to be said.
    pub fn loaded(panes: Vec<Pane>, coarse_ms: u64, fine_from_ms: u64) -> Self {
        let count = panes.iter().map(|pane| pane.content.sums.count()).sum();
        Self { panes: Panes::loaded(panes), fine_from_ms, count, ..Self::new(coarse_ms) }
    }

    /// Whether fine panes beside coarse ones of `coarse_ms` may begin at `fine_from_ms`.
    pub const fn may_begin_fine(coarse_ms: u64, fine_from_ms: u64) -> bool {
        if coarse_ms > FINE_PANE_MS { fine_from_ms.is_multiple_of(coarse_ms) } else { fine_from_ms == 0 }
    }

    /// The panes, oldest first.
    pub const fn panes(&self) -> &std::collections::VecDeque<Pane> {
        self.panes.list()
    }

    /// By which sums over panes know whether they still hold.
    pub const fn version(&self) -> Version {
        self.panes.version()
    }

    /// Width of a coarse pane, ms.
    pub const fn coarse_ms(&self) -> u64 {
        self.coarse_ms
    }

    /// Where fine panes begin, Unix ms.
    pub const fn fine_from_ms(&self) -> u64 {
        self.fine_from_ms
    }

    /// Events held.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Timestamp of the oldest event.
    pub fn first_ms(&self) -> Option<u64> {
        self.panes().front().map(Pane::first_ms)
    }

    /// Timestamp of the newest event.
    pub fn newest_ms(&self) -> Option<u64> {
        self.panes().back().map(Pane::last_ms)
    }

    /// Whether a window of the events later than `cutoff_ms` takes in any pane.
    pub fn reaches(&self, cutoff_ms: i64) -> bool {
        self.newest_ms().is_some_and(|newest| newest as i64 > cutoff_ms)
    }

    /// Where a window of the events later than `cutoff_ms` begins: the panes that begin there or later are taken in. The
    /// pane that its first event would lie in begins it.
    pub fn edge(&self, cutoff_ms: i64) -> u64 {
        let first_ms = u64::try_from(cutoff_ms + 1).unwrap_or(0);
        let covering = self.panes.covering(first_ms).and_then(|place| self.panes().get(place));
        covering.map_or(first_ms, |pane| pane.start_ms)
    }

    /// Places of the panes that begin at `edge_ms` or later.
    pub fn behind_edge(&self, edge_ms: u64) -> Range<usize> {
        self.panes.place_of(edge_ms)..self.panes().len()
    }

    /// The pane that `ts_ms` lies in.
    pub fn covering(&self, ts_ms: u64) -> Option<&Pane> {
        self.panes.covering(ts_ms).and_then(|place| self.panes().get(place))
    }

    /// Width of the pane that an event of `ts_ms` would be put into, if none covers it yet.
    pub const fn width_at(&self, ts_ms: u64) -> u64 {
        self.width_from(self.fine_from_ms, ts_ms)
    }

    /// Width of the panes that events about `ts_ms` are put into, as of `now_ms`: there may have been no write since that
    /// said from where on they are fine.
    pub fn width_by(&self, now_ms: u64, ts_ms: u64) -> u64 {
        self.width_from(self.fine_from_ms.max(self.fine_begin(now_ms)), ts_ms)
    }

    /// Width of a pane about `ts_ms` where panes are fine from `fine_from_ms` on.
    const fn width_from(&self, fine_from_ms: u64, ts_ms: u64) -> u64 {
        if self.coarse_ms > FINE_PANE_MS && ts_ms >= fine_from_ms { FINE_PANE_MS } else { self.coarse_ms }
    }

    /// Takes in an event; `scale` is that of a pane which has to be made for it. Answers the span of its pane.
    pub fn add(&mut self, event: &RawEvent, scale: Scale) -> Range<u64> {
        let place = self.panes.covering(event.ts_ms).unwrap_or_else(|| self.open(event.ts_ms, scale));
        let is_newest = place + 1 == self.panes().len();
        let Some(pane) = self.panes().get(place) else { return 0..0 };
        let (span, code) = (pane.start_ms..pane.end_ms(), pane.content.code(event));
        if let Some(content) = self.panes.content_mut(place) {
            content.add(event, (event.ts_ms - span.start) as u32);
        }
        self.count += 1;
        if is_newest {
            self.wait(code);
        } else {
            self.late.push((span.start, code));
            if self.late.len() >= MAX_WAITING {
                self.pack_late();
            }
        }
        span
    }

    fn open(&mut self, ts_ms: u64, scale: Scale) -> usize {
        if self.panes().back().is_none_or(|newest| newest.start_ms < ts_ms) {
            self.pack_newest();
        }
        let width_ms = self.width_at(ts_ms);
        let narrower = Options::PANE_WIDTHS_MS.into_iter().rev().filter(move |narrower_ms| *narrower_ms < width_ms);
        let place = self.panes.open(ts_ms, width_ms, narrower);
        if let Some(content) = self.panes.content_unseen_mut(place) {
            content.scale = scale;
        }
        place
    }

    fn wait(&mut self, code: u16) {
        if self.waiting.len() == self.waiting.capacity() {
            self.waiting.reserve_exact((self.waiting.len() / 2).max(16));
        }
        self.waiting.push(code);
        if self.waiting.len() >= MAX_WAITING {
            self.pack_newest();
        }
    }

    /// Whether [`roll`](Self::roll) would do anything.
    pub fn is_due(&self, now_ms: u64, cutoff_ms: i64) -> bool {
        let two_hours_ago_ms = now_ms.saturating_sub(FINE_SPAN_MS);
        let fine_moves = two_hours_ago_ms < self.fine_from_ms || two_hours_ago_ms >= self.fine_from_ms + self.coarse_ms;
        fine_moves && self.keeps_fine && self.coarse_ms > FINE_PANE_MS || self.is_behind(cutoff_ms)
    }

    fn is_behind(&self, cutoff_ms: i64) -> bool {
        self.panes().front().is_some_and(|pane| pane.end_ms() as i64 <= cutoff_ms + 1)
    }

    pub(super) const fn fine_begin(&self, now_ms: u64) -> u64 {
        match (self.coarse_ms > FINE_PANE_MS, self.keeps_fine) {
            (false, _) => 0,
            (true, true) => cell_of(now_ms.saturating_sub(FINE_SPAN_MS), self.coarse_ms),
            (true, false) => Self::no_fine_from(self.coarse_ms),
        }
    }

    /// Where fine panes begin that there are none of.
    pub(super) const fn no_fine_from(coarse_ms: u64) -> u64 {
        if coarse_ms > FINE_PANE_MS { cell_of(MAX_TIMESTAMP_MS, coarse_ms) } else { 0 }
    }

    /// Drops panes wholly behind `cutoff_ms`, and joins fine panes into coarse ones once the whole coarse one lies more
    /// than two hours behind `now_ms`. Answers the timestamp of the newest event dropped.
    pub fn roll(&mut self, now_ms: u64, cutoff_ms: i64, watcher: &mut impl Watcher) -> Option<u64> {
        let mut dropped_ms = None;
        while self.is_behind(cutoff_ms) {
            if let Some(pane) = self.pop_oldest() {
                dropped_ms = Some(pane.last_ms());
                watcher.dropped(&pane);
            }
        }
        let fine_from_ms = self.fine_begin(now_ms);
        if fine_from_ms > self.fine_from_ms {
            self.join(self.fine_from_ms..fine_from_ms, self.coarse_ms, watcher);
        }
        // Clocks that were ahead are put right: then minutes begin to be kept apart from there on.
        self.fine_from_ms = fine_from_ms;
        dropped_ms
    }

    pub(super) fn join(&mut self, span: Range<u64>, width_ms: u64, watcher: &mut impl Watcher) {
        let is_empty = self.panes().back().is_none_or(|newest| newest.start_ms < span.start);
        if is_empty {
            return;
        }
        self.pack();
        self.panes.join(span, width_ms, |pane, start_ms| watcher.joining(pane, &(start_ms..start_ms + width_ms)));
    }

    fn pop_oldest(&mut self) -> Option<Pane> {
        if self.panes().len() == 1 {
            self.pack_newest();
        }
        self.pack_late();
        let pane = self.panes.pop_oldest()?;
        self.count -= pane.content.sums.count();
        Some(pane)
    }

    /// Goes over to coarse panes of `coarse_ms` for what is recorded from now on. Narrower panes are joined; wider ones
    /// stay as they are until they are dropped: what was joined cannot be taken apart.
    pub fn change_coarse_ms(&mut self, coarse_ms: u64, watcher: &mut impl Watcher) {
        if coarse_ms == self.coarse_ms {
            return;
        }
        self.coarse_ms = coarse_ms;
        self.fine_from_ms = match (coarse_ms > FINE_PANE_MS, self.keeps_fine) {
            (true, true) => cell_of(self.fine_from_ms, coarse_ms),
            _ => self.fine_begin(0),
        };
        self.join(0..self.fine_from_ms, coarse_ms, watcher);
        self.join(self.fine_from_ms..u64::MAX, coarse_ms.min(FINE_PANE_MS), watcher);
        self.narrow_newest();
    }

    /// Where panes become narrower, the newest takes in no more than it must: it becomes the smallest cell that holds its
    /// events. Who counted by it is to be forgotten before.
    pub(super) fn narrow_newest(&mut self) {
        let Some(newest) = self.panes().back() else { return };
        let (start_ms, last_ms) = (newest.start_ms, newest.last_ms());
        let narrowest_ms = if self.keeps_fine { self.coarse_ms.min(FINE_PANE_MS) } else { self.coarse_ms };
        // Widths divide one another, so a cell begins wherever a wider one does.
        let fits = |width_ms: &u64| *width_ms >= narrowest_ms && last_ms < start_ms + *width_ms;
        let width_ms = Options::PANE_WIDTHS_MS.into_iter().find(fits);
        if let Some(width_ms) = width_ms.filter(|width_ms| *width_ms < u64::from(newest.width_ms)) {
            self.panes.narrow_newest(width_ms);
        }
    }

    /// Gives back the memory that holds nothing; what waited is packed.
    pub fn free_spare(&mut self) {
        self.pack();
        self.waiting = Vec::new();
        self.late = Vec::new();
        self.panes.free_spare();
    }

    /// Packs all that waits.
    pub(super) fn pack(&mut self) {
        self.pack_newest();
        self.pack_late();
    }

    fn pack_newest(&mut self) {
        if self.waiting.is_empty() {
            return;
        }
        self.waiting.sort_unstable();
        let newest = self.panes().len().wrapping_sub(1);
        if let Some(content) = self.panes.content_unseen_mut(newest) {
            content.packed = content.packed.with_codes(&self.waiting);
        }
        self.waiting.clear();
    }

    /// Packs the codes of late events: each pane once, however many came for it.
    pub fn pack_late(&mut self) {
        if self.late.is_empty() {
            return;
        }
        let mut late = std::mem::take(&mut self.late);
        late.sort_unstable();
        let mut codes = Vec::new();
        for run in late.chunk_by(|a, b| a.0 == b.0) {
            codes.clear();
            codes.extend(run.iter().map(|(_, code)| *code));
            let place = run.first().map_or(0, |(start_ms, _)| self.panes.place_of(*start_ms));
            if let Some(content) = self.panes.content_unseen_mut(place) {
                content.packed = content.packed.with_codes(&codes);
            }
        }
    }

    /// The scale of the coarsest pane at `places`; `None` where there is none.
    pub fn scale_of(&self, places: &Range<usize>) -> Option<Scale> {
        self.panes().range(places.clone()).map(|pane| pane.content.scale).min()
    }

    /// Adds the counts of the panes at `places` to `counts`, one per code of `scale`, which is not finer than any of
    /// theirs; late codes are packed by then.
    pub fn add_to(&self, places: Range<usize>, counts: &mut [u32], scale: Scale) {
        debug_assert!(self.late.is_empty(), "late codes are packed before panes are read");
        let with_newest = places.end == self.panes().len() && !places.is_empty();
        let mut halvings = 0;
        for pane in self.panes().range(places) {
            halvings = pane.content.scale.halvings_to(scale);
            pane.content.packed.add_coarsened(counts, halvings);
        }
        if with_newest {
            for code in &self.waiting {
                if let Some(slot) = counts.get_mut(usize::from(coarsened(*code, halvings))) {
                    *slot = slot.saturating_add(1);
                }
            }
        }
    }

    /// Tells the codes of the pane at `place` on `scale`, which is not finer than its own, and how many events each has; a
    /// code may be told more than once. Late codes are packed by then.
    pub fn each_code(&self, place: usize, scale: Scale, mut tell: impl FnMut(u16, u32)) {
        debug_assert!(self.late.is_empty(), "late codes are packed before panes are read");
        let Some(pane) = self.panes().get(place) else { return };
        let halvings = pane.content.scale.halvings_to(scale);
        pane.content.packed.pairs().for_each(|(code, count)| tell(coarsened(code, halvings), count));
        if place + 1 == self.panes().len() {
            self.waiting.iter().for_each(|code| tell(coarsened(*code, halvings), 1));
        }
    }

    /// The panes as they are saved: everything packed.
    pub fn packed_panes(&self) -> impl Iterator<Item = Cow<'_, Pane>> {
        let newest = self.panes().len().wrapping_sub(1);
        self.panes().iter().enumerate().map(move |(place, pane)| {
            let mut waiting = if place == newest { self.waiting.clone() } else { Vec::new() };
            waiting.extend(self.late.iter().filter(|(start_ms, _)| *start_ms == pane.start_ms).map(|(_, code)| code));
            if waiting.is_empty() {
                return Cow::Borrowed(pane);
            }
            waiting.sort_unstable();
            let mut packed = pane.clone();
            packed.content.packed = pane.content.packed.with_codes(&waiting);
            Cow::Owned(packed)
        })
    }

    /// What has to be true of every archive; see the invariants in `liq/series/mod.rs`.
    pub fn check(&self, scale: Scale) {
        let (mut behind_ms, mut count) = (0, 0);
        for pane in self.packed_panes() {
            let (first_ms, last_ms) = pane.extent(None).unwrap_or((u64::MAX, 0));
            let known_width = Options::PANE_WIDTHS_MS.contains(&pane.width_ms.into());
            let on_grid = known_width && pane.start_ms.is_multiple_of(pane.width_ms.into());
            assert!(pane.start_ms >= behind_ms && on_grid, "A1: panes are cells of known widths, ascending, apart");
            assert!(pane.start_ms <= first_ms && last_ms < pane.end_ms(), "A2: events lie within their pane");
            assert!(pane.content.scale <= scale, "A8: no pane is finer than what is recorded now");
            let (mut counts, codes) = ([0_u64; 2], 2 * u32::from(pane.content.scale.buckets()));
            for (code, more) in pane.content.packed.pairs() {
                assert!(u32::from(code) < codes, "A3: codes lie on the scale of their pane");
                let [buys, sells] = &mut counts;
                *(if code % 2 == 0 { buys } else { sells }) += u64::from(more);
            }
            let sums = super::Side::BOTH.map(|side| pane.content.sums.side(side).count);
            assert_eq!(counts, sums, "A4: a distribution counts the events of its pane");
            behind_ms = pane.end_ms();
            count += pane.content.sums.count();
        }
        assert_eq!(count, self.count, "A5: the count is that of all panes");
        let has_pane = |start_ms: u64| self.panes().iter().any(|pane| pane.start_ms == start_ms);
        assert!(self.late.iter().all(|(start_ms, _)| has_pane(*start_ms)), "A6: late codes have a pane");
        assert!(self.keeps_fine || self.has_no_fine(), "A9: there are no fine panes while memory is short");
        assert!(
            Self::may_begin_fine(self.coarse_ms, self.fine_from_ms),
            "A7: fine panes begin where a coarse one does"
        );
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::deque(self.panes(), measure);
        heap::vec(&self.waiting, measure);
        heap::vec(&self.late, measure);
        self.panes().iter().for_each(|pane| pane.content.measure(measure));
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        self.panes.relocate(mover, Digested::relocate);
        mover.vec(&mut self.waiting);
        mover.vec(&mut self.late);
    }
}
