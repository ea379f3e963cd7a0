//! What became of everything that a market was sent.

use super::feeding::Status;

/// The most that is counted, so that totals survive being saved.
pub const MAX_TOTAL: u64 = i64::MAX as u64;

/// Counts of one command, or of a market since it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Ticks and quotes by what became of them, in the order of [`Status::ALL`].
    pub statuses: [u64; Status::ALL.len()],
    /// Announced candles that closed.
    pub closes: u64,
}

/// Totals of a market.
pub type Totals = Tally;

impl Tally {
    /// Counts one tick or quote.
    #[inline]
    pub fn count(&mut self, status: Status) {
        self.count_many(status, 1);
    }

    /// Counts many.
    pub fn count_many(&mut self, status: Status, more: u64) {
        if let Some(count) = self.statuses.get_mut(status as usize) {
            *count = count.saturating_add(more).min(MAX_TOTAL);
        }
    }

    /// How many became that.
    pub fn of(&self, status: Status) -> u64 {
        self.statuses.get(status as usize).copied().unwrap_or(0)
    }

    /// How many there were in all.
    pub fn all(&self) -> u64 {
        self.statuses.iter().fold(0, |sum, count| sum.saturating_add(*count))
    }

    /// Adds what another counted.
    pub fn add(&mut self, other: &Self) {
        for (count, more) in self.statuses.iter_mut().zip(other.statuses) {
            *count = count.saturating_add(more).min(MAX_TOTAL);
        }
        self.closes = self.closes.saturating_add(other.closes).min(MAX_TOTAL);
    }
}
