//! Telling what is armed and pending.

use super::fire::Fire;
use super::price::Price;
use super::terms::{Armed, Prices, State};
use super::triggers::Triggers;

/// Which triggers are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which<'a> {
    /// All.
    All,
    /// Those of one id: the one that is armed, and fires of it that are pending.
    Id(&'a [u8]),
    /// Those whose id begins so.
    Prefix(&'a [u8]),
}

impl Which<'_> {
    fn names(&self, id: &[u8]) -> bool {
        match self {
            Self::All => true,
            Self::Id(asked) => id == *asked,
            Self::Prefix(prefix) => id.starts_with(prefix),
        }
    }
}

/// A trigger that is told of.
#[allow(clippy::large_enum_variant, reason = "most rows are armed, and a row is told at once")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Row<'a> {
    /// It is armed or waits.
    Armed {
        /// The trigger.
        armed: Armed<'a>,
        /// Armed or waiting.
        state: State,
        /// The level of its nearest leg.
        nearest: Option<Price>,
    },
    /// It has fired and is not told yet.
    Pending(&'a Fire),
}

impl Row<'_> {
    /// Its arming.
    pub const fn arming(&self) -> u64 {
        match self {
            Self::Armed { armed, .. } => armed.arming,
            Self::Pending(fire) => fire.arming,
        }
    }
}

impl Triggers {
    /// At most `count` triggers with armings greater than `after`, by arming; the nearest level is that to the prices held.
    pub fn list(&self, which: Which<'_>, after: u64, count: usize, prices: &Prices<'_>) -> Vec<Row<'_>> {
        let row = |slot: u32| {
            let record = self.slab.get(slot)?;
            let state = if self.waits(record) { State::Waiting } else { State::Armed };
            Some(Row::Armed { armed: self.view(record)?, state, nearest: self.nearest(record, prices).1 })
        };
        let mut fires: Vec<&Fire> =
            self.outbox.iter().filter(|fire| fire.arming > after && which.names(&fire.id)).collect();
        fires.sort_unstable_by_key(|fire| fire.arming);
        let mut rows: Vec<Row<'_>> = match which {
            Which::All => {
                let from = self.armings.iter_from(|(arming, _)| *arming <= after);
                from.take(count).filter_map(|(_, slot)| row(slot)).collect()
            }
            Which::Id(id) => self.slot_of(id).into_iter().filter_map(row).filter(|row| row.arming() > after).collect(),
            Which::Prefix(prefix) => {
                // Found by id, told by arming: only what is told is looked at closely.
                let armings = self.slots_of(prefix).filter_map(|slot| Some((self.slab.get(slot)?.arming, slot)));
                let mut found: Vec<(u64, u32)> = armings.filter(|(arming, _)| *arming > after).collect();
                found.sort_unstable();
                found.into_iter().take(count).filter_map(|(_, slot)| row(slot)).collect()
            }
        };
        rows.extend(fires.into_iter().take(count).map(Row::Pending));
        rows.sort_by_key(Row::arming);
        rows.truncate(count);
        rows
    }

    /// All that are armed or wait, by arming.
    pub fn all_armed(&self) -> impl Iterator<Item = Armed<'_>> {
        self.armings.iter().filter_map(|(_, slot)| self.view(self.slab.get(slot)?))
    }
}
