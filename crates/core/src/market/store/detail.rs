//! How much detail a market keeps while memory is short. Prices, candles and triggers go on: what goes is how many ticks
//! are raw, and how long ago candles are that are finer than five minutes. It goes in steps, none of which takes long.

use super::market::Market;
use crate::memory::{Detail, Resolution};

/// How far back fine candles are held in [`Resolution::Aggregate`], ms.
const FINE_MS: u64 = 6 * 3_600_000;
/// Most ticks that one step lets go, and …
const TICKS_A_STEP: usize = 1024;
/// … most candles that it hands on.
const CANDLES_A_STEP: usize = 64;

/// How far back candles finer than five minutes are held, ms; `None` for as far as the settings say.
pub fn fine_ms(resolution: Resolution) -> Option<u64> {
    (resolution == Resolution::Aggregate).then_some(FINE_MS)
}

impl Market {
    /// How much detail is kept.
    pub const fn resolution(&self) -> Resolution {
        self.resolution
    }

    /// Most raw ticks at present.
    pub fn tail_now(&self) -> u32 {
        self.resolution.tail(self.options.tail)
    }

    /// How far back candles finer than five minutes are held at present, ms; `None` for as far as the settings say.
    pub fn fine_now_ms(&self) -> Option<u64> {
        fine_ms(self.resolution)
    }

    /// Whether [`change_resolution`](Self::change_resolution) would do anything.
    pub fn is_due(&self, resolution: Resolution) -> bool {
        resolution != self.resolution || self.tail.len() > self.tail_now() as usize || self.levels.is_fine_due()
    }

    /// Keeps so much detail from now on, and takes a step towards that: what is held in more goes, and stays gone. No candle
    /// goes, but into one of a coarser level that has room for it.
    pub fn change_resolution(&mut self, resolution: Resolution) -> Detail {
        let is_step = self.is_due(resolution);
        if is_step {
            self.keep(resolution);
            self.tail.shrink(self.tail_now() as usize, self.options.order, TICKS_A_STEP);
            self.levels.hand_on_fine(CANDLES_A_STEP);
        }
        Detail { resolution, is_step }
    }

    /// Does what another market did about its detail.
    pub(crate) fn follow(&mut self, detail: Detail) {
        if detail.is_step || detail.resolution != self.resolution {
            self.change_resolution(detail.resolution);
        }
    }

    /// Keeps so much detail from now on; nothing is given up yet.
    pub(crate) fn keep(&mut self, resolution: Resolution) {
        self.resolution = resolution;
        self.levels.keep_fine(fine_ms(resolution));
    }

    /// Gives back the memory that holds nothing. Nothing that is held changes.
    pub fn free_spare(&mut self) {
        self.tail.free_spare();
        self.levels.free_spare();
        self.gaps.buffer().shrink_to_fit();
        if let Some(triggers) = &mut self.triggers {
            triggers.free_spare();
        }
    }
}
