//! How much detail a series keeps while memory is short, and how it gives up the rest: in steps, none of which takes long.
//! Events are never given up: what goes is how many of them are raw, and how finely their sizes are told apart.
//!
//! Until all of it is given up a series goes on recording as its settings say, so that what it is does not hang on which
//! step comes next; then the resolution is in force.

use super::series::Series;
use super::{Detail, Options, Resolution, Scale};
use crate::memory::Mode;
use crate::steps;

/// No mode makes a series coarser than this; settings do not either.
const COARSEST_PRECISION: u8 = 4;
/// A pane takes about as much room as so many raw events.
const WORTH_A_PANE: u64 = 12;
/// Most raw events that one step moves into panes.
const EVENTS_A_STEP: usize = 1024;

/// Mantissa bits by which a series with these settings tells sizes apart: one step of precision fewer in compact, two in
/// aggregate.
fn precision(resolution: Resolution, options: &Options) -> u8 {
    options.precision.saturating_sub(resolution.index()).max(COARSEST_PRECISION)
}

impl Series {
    /// How much detail is kept.
    pub const fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// What this series is to keep in `mode`. One with so few events that panes would take more room than they do stays as
    /// it is.
    pub fn resolution_in(&self, mode: Mode) -> Resolution {
        let wanted = Resolution::from(mode);
        if wanted > self.resolution && self.is_sparse() { self.resolution } else { wanted }
    }

    fn is_sparse(&self) -> bool {
        let tail = &self.events.tail;
        let span_ms = tail.last_ms().zip(tail.first_ms()).map_or(0, |(last, first)| last - first);
        (tail.len() as u64) < WORTH_A_PANE * (span_ms / self.options.pane_ms() + 1)
    }

    /// Most raw events at present.
    pub fn tail_now(&self) -> u32 {
        self.resolution.tail(self.options.tail)
    }

    /// Mantissa bits at present.
    pub fn precision_now(&self) -> u8 {
        precision(self.resolution, &self.options)
    }

    /// Whether [`change_resolution`](Self::change_resolution) would do anything.
    pub fn has_more_than(&self, resolution: Resolution) -> bool {
        resolution != self.resolution || !self.is_settled
    }

    /// Keeps so much detail from now on, and takes a step towards that: what is held in more is cut to it, and what is gone
    /// stays gone.
    pub fn change_resolution(&mut self, resolution: Resolution) -> Detail {
        let is_step = self.has_more_than(resolution);
        if is_step {
            self.resolution = resolution;
            self.step();
        }
        Detail { resolution, is_step }
    }

    /// Does what another series did about its detail.
    pub(crate) fn follow(&mut self, detail: Detail) {
        if detail.is_step || detail.resolution != self.resolution {
            self.change_resolution(detail.resolution);
        }
    }

    /// Takes all steps: settings changed as a whole.
    pub(super) fn take_all_steps(&mut self) {
        self.is_settled = false;
        while !self.is_settled {
            self.step();
        }
    }

    fn step(&mut self) {
        let surplus = self.events.tail.len().saturating_sub(self.tail_now() as usize);
        steps::note(surplus.min(EVENTS_A_STEP));
        // Cursors follow: each of these is what recording does all the time.
        for _ in 0..surplus.min(EVENTS_A_STEP) {
            self.events.spill(&mut self.cursors);
        }
        self.is_settled = surplus <= EVENTS_A_STEP && self.give_up_in_panes();
        self.put_in_force();
    }

    /// Cuts some of the panes. Whether none is left that holds more than it should.
    fn give_up_in_panes(&mut self) -> bool {
        let (scale, keeps_fine) = (Scale::new(self.precision_now()), self.resolution == Resolution::Full);
        if self.events.archive.is_within(scale, keeps_fine) {
            return true;
        }
        self.cursors.forget();
        self.events.archive.give_up(scale, keeps_fine, &mut self.cursors)
    }

    /// Records from now on by what is in force.
    fn put_in_force(&mut self) {
        let in_force = if self.is_settled { self.resolution } else { Resolution::Full };
        let (scale, keeps_fine) = (Scale::new(precision(in_force, &self.options)), in_force == Resolution::Full);
        if scale != self.events.scale || keeps_fine != self.events.archive.keeps_fine {
            self.cursors.forget();
            self.events.scale = scale;
        }
        self.events.archive.keep_fine(keeps_fine, &mut self.cursors);
    }

    /// A series that was saved with this resolution, perhaps between two steps; everything else is loaded by now.
    pub(crate) fn load_resolution(&mut self, resolution: Resolution) {
        self.resolution = resolution;
        let is_cut = self.events.tail.len() <= self.tail_now() as usize;
        let (scale, keeps_fine) = (Scale::new(self.precision_now()), resolution == Resolution::Full);
        self.is_settled = is_cut && self.events.archive.was_settled(scale, keeps_fine);
        self.put_in_force();
    }

    /// Asserts what holds of the detail.
    pub(super) fn check_detail(&self) {
        let in_force = if self.is_settled { self.resolution } else { Resolution::Full };
        self.events.check(in_force.tail(self.options.tail) as usize);
        let recorded = self.events.scale.precision();
        assert_eq!(recorded, precision(in_force, &self.options), "S4: records are as fine as is said");
    }
}
