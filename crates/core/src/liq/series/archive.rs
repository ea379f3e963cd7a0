//! The two tiers of panes, and which of their panes a window takes in.

use super::heap::Measure;
use super::pane::{Pane, Tier};
use super::raw_event::RawEvent;

/// Width of a fine pane, ms.
pub const FINE_PANE_MS: u64 = 60_000;
/// How far back fine panes are kept, ms.
pub const FINE_SPAN_MS: u64 = 3_600_000;

/// Where a window begins in each tier: the panes that begin there or later are taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Edges {
    /// In the fine tier, Unix ms.
    pub fine_ms: u64,
    /// In the coarse tier, Unix ms.
    pub coarse_ms: u64,
}

/// Who must hear of panes that move, because it counted their events.
pub trait Watcher {
    /// `pane` is about to be merged from the fine tier into the coarse pane beginning at `coarse_start_ms`.
    fn merging(&mut self, pane: &Pane, coarse_start_ms: u64);
    /// `pane` of the fine (or the coarse) tier was dropped.
    fn dropped(&mut self, pane: &Pane, fine: bool);
}

/// Events that left the raw tail, in panes.
#[derive(Debug, Clone)]
pub struct Archive {
    /// One-minute panes of the last hour, where the coarse ones are wider.
    fine: Option<Tier>,
    coarse: Tier,
    /// Fine panes begin here or later, as of the last write; Unix ms.
    fine_from_ms: u64,
    /// Timestamp of the newest event held.
    newest_ms: Option<u64>,
}

impl Archive {
    /// An empty archive of coarse panes `pane_ms` wide.
    pub fn new(pane_ms: u64) -> Self {
        let fine = (pane_ms > FINE_PANE_MS).then(|| Tier::new(FINE_PANE_MS));
        Self { fine, coarse: Tier::new(pane_ms), fine_from_ms: 0, newest_ms: None }
    }

    /// An archive with everything in its place; used when one is loaded.
    pub fn from_parts(fine: Option<Tier>, coarse: Tier, fine_from_ms: u64) -> Self {
        let newest_ms = coarse.panes().iter().chain(fine.iter().flat_map(Tier::panes)).map(Pane::last_ms).max();
        Self { fine, coarse, fine_from_ms, newest_ms }
    }

    /// Width of a coarse pane, ms.
    pub const fn pane_ms(&self) -> u64 {
        self.coarse.width_ms()
    }

    /// The coarse tier.
    pub const fn coarse(&self) -> &Tier {
        &self.coarse
    }

    /// The fine tier, where there is one.
    pub const fn fine(&self) -> Option<&Tier> {
        self.fine.as_ref()
    }

    /// Where the fine tier begins, Unix ms.
    pub const fn fine_from_ms(&self) -> u64 {
        self.fine_from_ms
    }

    /// Timestamp of the newest event held.
    pub const fn newest_ms(&self) -> Option<u64> {
        self.newest_ms
    }

    /// Both tiers, the one with the older events first.
    pub fn tiers(&self) -> impl Iterator<Item = &Tier> {
        std::iter::once(&self.coarse).chain(&self.fine)
    }

    /// Panes held.
    pub fn panes(&self) -> usize {
        self.tiers().map(|tier| tier.panes().len()).sum()
    }

    /// Timestamp of the oldest event held.
    pub fn first_ms(&self) -> Option<u64> {
        self.tiers().flat_map(Tier::panes).map(Pane::first_ms).min()
    }

    /// Events held.
    pub fn count(&self) -> u64 {
        self.tiers().flat_map(Tier::panes).map(|pane| pane.sums.count()).sum()
    }

    /// Takes in an event.
    pub fn add(&mut self, event: &RawEvent, code: u16) {
        self.newest_ms = self.newest_ms.max(Some(event.ts_ms));
        match &mut self.fine {
            Some(fine) if event.ts_ms >= self.fine_from_ms => fine.add(event, code),
            _ => self.coarse.add(event, code),
        }
    }

    /// Whether a window of the events later than `cutoff_ms` takes in any pane.
    pub fn reaches(&self, cutoff_ms: i64) -> bool {
        self.newest_ms.is_some_and(|newest| newest as i64 > cutoff_ms)
    }

    /// Which panes a window of the events later than `cutoff_ms` takes in, if it [reaches](Self::reaches) any.
    pub fn edges(&self, cutoff_ms: i64) -> Edges {
        // The pane that the first event of the window would lie in begins the window.
        let first_ms = u64::try_from(cutoff_ms + 1).unwrap_or(0);
        let Some(fine) = &self.fine else {
            return Edges { fine_ms: 0, coarse_ms: self.coarse.start_of(first_ms) };
        };
        // A coarse pane under the fine tier holds only what is older than it.
        let coarse_ms = if first_ms >= self.fine_from_ms { u64::MAX } else { self.coarse.start_of(first_ms) };
        Edges { fine_ms: fine.start_of(first_ms), coarse_ms }
    }

    /// Where the pane that `ts_ms` belongs to begins, and whether it is a fine one.
    pub fn home(&self, ts_ms: u64) -> (u64, bool) {
        match &self.fine {
            Some(fine) if ts_ms >= self.fine_from_ms => (fine.start_of(ts_ms), true),
            _ => (self.coarse.start_of(ts_ms), false),
        }
    }

    /// Whether panes are held and one that `ts_ms` belonged to would be kept, with all of it later than `cutoff_ms` or not.
    pub fn keeps(&self, ts_ms: u64, cutoff_ms: i64) -> bool {
        let (start_ms, fine) = self.home(ts_ms);
        let width_ms = if fine { FINE_PANE_MS } else { self.coarse.width_ms() };
        self.newest_ms.is_some() && (start_ms + width_ms) as i64 > cutoff_ms + 1
    }

    /// Moves fine panes that left the last hour of `now_ms` into coarse ones, and drops panes wholly behind `cutoff_ms`.
    pub fn roll(&mut self, now_ms: u64, cutoff_ms: i64, watcher: &mut impl Watcher) {
        if let Some(fine) = &mut self.fine {
            let hour_ago_ms = now_ms.saturating_sub(FINE_SPAN_MS);
            self.fine_from_ms = self.fine_from_ms.max(hour_ago_ms - hour_ago_ms % FINE_PANE_MS);
            while fine.panes().front().is_some_and(|pane| pane.start_ms < self.fine_from_ms) {
                let Some(pane) = fine.pop_oldest() else { break };
                if (pane.start_ms + FINE_PANE_MS) as i64 > cutoff_ms + 1 {
                    watcher.merging(&pane, self.coarse.start_of(pane.start_ms));
                    self.coarse.absorb(&pane);
                } else {
                    watcher.dropped(&pane, true);
                }
            }
        }
        drop_behind(&mut self.coarse, cutoff_ms, false, watcher);
        if let Some(fine) = &mut self.fine {
            drop_behind(fine, cutoff_ms, true, watcher);
        }
        if self.panes() == 0 {
            self.newest_ms = None;
        }
    }

    /// Whether [`roll`](Self::roll) would do anything.
    pub fn is_due(&self, now_ms: u64, cutoff_ms: i64) -> bool {
        let behind = |tier: &Tier| {
            tier.panes().front().is_some_and(|pane| (pane.start_ms + tier.width_ms()) as i64 <= cutoff_ms + 1)
        };
        self.tiers().any(behind)
            || self.fine.is_some() && now_ms.saturating_sub(FINE_SPAN_MS) >= self.fine_from_ms + FINE_PANE_MS
    }

    /// Packs the codes of late events.
    pub fn pack_late(&mut self) {
        self.coarse.pack_late();
        if let Some(fine) = &mut self.fine {
            fine.pack_late();
        }
    }

    /// Goes over to coarse panes of `pane_ms`. Panes already wider than that stay until they are dropped, and so does
    /// the width while there are any: what was merged cannot be taken apart.
    pub fn change_pane_ms(&mut self, pane_ms: u64) {
        if pane_ms == self.coarse.width_ms() || pane_ms < self.coarse.width_ms() && self.panes() > 0 {
            return;
        }
        let mut wider = Self { fine_from_ms: self.fine_from_ms, newest_ms: self.newest_ms, ..Self::new(pane_ms) };
        let old_panes = self.coarse.take_panes().chain(self.fine.iter_mut().flat_map(Tier::take_panes));
        for pane in old_panes {
            match &mut wider.fine {
                Some(fine) if pane.start_ms >= wider.fine_from_ms => fine.absorb(&pane),
                _ => wider.coarse.absorb(&pane),
            }
        }
        *self = wider;
    }

    /// Moves every pane to a scale of one mantissa bit less.
    pub fn halve_precision(&mut self) {
        self.coarse.halve_precision();
        if let Some(fine) = &mut self.fine {
            fine.halve_precision();
        }
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        self.tiers().for_each(|tier| tier.measure(measure));
    }
}

fn drop_behind(tier: &mut Tier, cutoff_ms: i64, fine: bool, watcher: &mut impl Watcher) {
    let width_ms = tier.width_ms();
    while tier.panes().front().is_some_and(|pane| (pane.start_ms + width_ms) as i64 <= cutoff_ms + 1) {
        if let Some(pane) = tier.pop_oldest() {
            watcher.dropped(&pane, fine);
        }
    }
}
