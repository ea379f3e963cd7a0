//! When the server may let go of a limiter.
//!
//! The server expires keys by the wall clock, a limiter returns by its key's own time: an expiry is reckoned from the
//! later of both, so that it is never too early. Setting one costs as much as judging a check, so it lies a little later
//! than needed, on a grid, and is set again only when it has to move to another point of that.

use super::moment::{US_PER_MS, us_from_ms};
use super::{Limit, Limiter, MAX_AMOUNT, Moment};

/// An expiry lies between one and two of so many parts of the longest period behind the time it is due. What was set is
/// not stored but found again from the state, by a wall clock that may have been read a little later then: at the border
/// of a part that is one part more, and three of them are a 16th of the period.
const GRID_PARTS: u64 = 48;
/// A part is never shorter, microseconds: how much later a clock may be read than the other one of a process.
const LEAST_PART_US: u64 = 64;

/// What has to become of a key after a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing changed.
    Nothing,
    /// The state is another; when the key expires stays as it is.
    State,
    /// The state is another, and the key is to expire then: Unix milliseconds, at most 2^53.
    ExpiresAt(u64),
    /// The state is another, and the key no longer expires.
    Stays,
    /// The state says nothing more than a missing key: it may go.
    Lapsed,
}

/// How a key is kept: what a [`Change`] is found from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeping {
    /// For good.
    Kept,
    /// Until then, microseconds by the wall clock.
    Until(u64),
    /// It says nothing any more.
    Lapsed,
}

impl Limiter {
    /// Microseconds until the key says nothing any more (no ban, nothing used), if it may go then.
    pub fn lapses_in_us(&self, at: Moment) -> Option<u64> {
        if self.is_kept() {
            return None;
        }
        let ban_us = self.banned_until_us().saturating_sub(at.now_us);
        Some(self.limits().iter().map(|limit| limit.reset_us(at)).fold(ban_us, u64::max))
    }

    pub(super) fn keeping(&self, at: Moment) -> Keeping {
        let [keeping] = self.keepings([self.lapses_in_us(at).unwrap_or(0)], at);
        keeping
    }

    /// How a key is kept that lapses in so many microseconds, if it may go then.
    pub(super) fn keepings<const N: usize>(&self, left_us: [u64; N], at: Moment) -> [Keeping; N] {
        if self.is_kept() {
            return [Keeping::Kept; N];
        }
        let longest_ms = self.limits().iter().map(Limit::period_ms).fold(0, u64::max);
        let grid_us = (us_from_ms(longest_ms) / GRID_PARTS).max(LEAST_PART_US);
        left_us.map(|left_us| match left_us {
            0 => Keeping::Lapsed,
            _ => {
                let due_us = at.later_us().saturating_add(left_us);
                Keeping::Until((due_us / grid_us).saturating_add(2).saturating_mul(grid_us))
            }
        })
    }

    /// What a change made of the key that was kept like `before`.
    pub(super) fn changed_from(&mut self, before: Keeping, at: Moment) -> Change {
        let after = self.keeping(at);
        self.changed(before, after)
    }

    pub(super) fn changed(&mut self, before: Keeping, after: Keeping) -> Change {
        match after {
            Keeping::Lapsed => Change::Lapsed,
            Keeping::Kept if before == Keeping::Kept => Change::State,
            Keeping::Kept => Change::Stays,
            same if same == before && self.is_timed() => Change::State,
            Keeping::Until(until_us) => {
                self.set_timed();
                Change::ExpiresAt(until_us.div_ceil(US_PER_MS).min(MAX_AMOUNT))
            }
        }
    }
}
