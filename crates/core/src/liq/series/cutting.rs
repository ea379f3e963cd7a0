//! Panes give up detail: minutes become coarse panes, and fine distributions coarse ones, some at a time.

use super::Scale;
use super::archive::{Archive, FINE_PANE_MS, Watcher};
use super::pane::Pane;
use crate::panes::cell_of;
use crate::steps;

/// Bytes of distributions after which a step ends; the pane or the cell that is under way is brought to its end.
const BYTES_A_STEP: usize = 8 * 1024;

impl Archive {
    /// Keeps fine panes from now on, or gives them up: then those that there are become coarse ones.
    pub fn keep_fine(&mut self, keeps_fine: bool, watcher: &mut impl Watcher) {
        if keeps_fine && !self.keeps_fine {
            // From where is said by the next write.
            (self.fine_from_ms, self.keeps_fine) = (0, true);
            self.narrow_newest();
        }
        if !keeps_fine {
            self.fine_from_ms = Self::no_fine_from(self.coarse_ms);
            self.join(0..u64::MAX, self.coarse_ms, watcher);
        }
        self.keeps_fine = keeps_fine;
    }

    /// Whether fine panes begin nowhere.
    pub(super) const fn has_no_fine(&self) -> bool {
        self.fine_from_ms == Self::no_fine_from(self.coarse_ms)
    }

    /// Whether no pane holds more than it should: none is finer than `scale`, nor narrow unless fine ones are kept.
    pub fn is_within(&self, scale: Scale, keeps_fine: bool) -> bool {
        steps::note(self.panes().len());
        !self.panes().iter().any(|pane| self.holds_more(pane, scale, keeps_fine))
    }

    /// The same of one that was saved: had it been brought there?
    pub fn was_settled(&self, scale: Scale, keeps_fine: bool) -> bool {
        keeps_fine || self.has_no_fine() && self.panes().iter().all(|pane| pane.content.scale <= scale)
    }

    fn holds_more(&self, pane: &Pane, scale: Scale, keeps_fine: bool) -> bool {
        pane.content.scale > scale || self.is_narrow(pane, keeps_fine)
    }

    fn is_narrow(&self, pane: &Pane, keeps_fine: bool) -> bool {
        !keeps_fine && self.coarse_ms > FINE_PANE_MS && u64::from(pane.width_ms) < self.coarse_ms
    }

    /// Brings panes there, the oldest first, until enough is done for a step. Whether all are there. Nobody counts on their
    /// scale: cursors are forgotten by then.
    pub fn give_up(&mut self, scale: Scale, keeps_fine: bool, watcher: &mut impl Watcher) -> bool {
        self.pack();
        let (mut place, mut bytes) = (0, 0);
        while bytes < BYTES_A_STEP {
            let Some(pane) = self.panes().get(place) else { return true };
            if self.is_narrow(pane, keeps_fine) {
                let start_ms = cell_of(pane.start_ms, self.coarse_ms);
                let cell = start_ms..start_ms + self.coarse_ms;
                let parts = self.panes().iter().skip(place).take_while(|pane| pane.start_ms < cell.end);
                let packed: usize = parts.map(|pane| pane.content.packed.as_bytes().len()).sum();
                steps::note(packed);
                bytes += packed;
                self.join(cell, self.coarse_ms, watcher);
            }
            if let Some(content) = self.panes.content_unseen_mut(place)
                && content.scale > scale
            {
                steps::note(content.packed.as_bytes().len());
                bytes += content.packed.as_bytes().len();
                content.coarsen(scale);
            }
            place += 1;
        }
        self.is_within(scale, keeps_fine)
    }
}
