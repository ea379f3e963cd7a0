//! Other levels, or longer ones, from now on.

use super::{Keep, Levels, take_over};
use crate::market::candle::Level;

impl Levels {
    /// Keeps so many from now on. A level finer than all before begins behind `newest_ms`, when the newest trade was: what
    /// has the time of that one is held by a coarser level, where there is one.
    pub fn alter(&mut self, keep: Keep, newest_ms: u64) {
        let old_finest = self.keep.finest().width_ms;
        let coarsest_reach_ms = self.oldest_reach_ms();
        let is_held = !self.is_empty();
        // Rows of the venue may be ahead of the trades.
        let told_ms = self.list.iter().filter_map(Level::newest).map(|newest| newest.last.ts_ms).max();
        let newest_ms = newest_ms.max(told_ms.unwrap_or(0));
        let mut old = std::mem::take(&mut self.list);
        let mut orphans = Vec::new();
        let has_coarser = keep.units().any(|(unit, _)| old.iter().any(|level| level.unit() == unit));
        self.list = keep
            .units()
            .map(|(unit, _)| {
                let place = old.iter().position(|level| level.unit() == unit);
                place.map_or_else(
                    || {
                        let is_finer = unit.width_ms < old_finest;
                        let begin_ms = if is_held { newest_ms + u64::from(has_coarser) } else { 0 };
                        Level::new(unit, self.zone, if is_finer { begin_ms } else { coarsest_reach_ms })
                    },
                    |place| old.remove(place),
                )
            })
            .collect();
        // Levels finer than all there are hand everything on; what was coarser is gone.
        let finest_ms = keep.finest().width_ms;
        for level in old.iter_mut().filter(|level| level.unit().width_ms < finest_ms).rev() {
            while let Some(gone) = level.pop_oldest() {
                orphans.push(gone);
            }
        }
        if let Some(finest) = self.list.first_mut() {
            orphans.iter().for_each(|candle| take_over(finest, candle));
        }
        for place in (1..self.list.len()).rev() {
            let coarser_ms = self.list.get(place).map_or(0, Level::reach_ms);
            if let Some(finer) = self.list.get_mut(place - 1) {
                finer.reach_from(coarser_ms);
            }
        }
        self.keep = keep;
        self.settle();
    }
}
