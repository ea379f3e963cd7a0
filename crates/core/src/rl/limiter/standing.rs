//! How a limiter stands at a moment, for those who only look.

use std::borrow::Cow;

use super::verdict::ms_rounded_up;
use super::{Kind, Limiter, MAX_AMOUNT, US_PER_MS};

/// How one limit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// How it counts.
    pub kind: Kind,
    /// How much per period.
    pub amount: u64,
    /// The period, 1 ms … 366 d.
    pub period_ms: u64,
    /// How much at once.
    pub capacity: u64,
    /// What is used, rounded up to whole units.
    pub used: u64,
    /// Milliseconds, rounded up, until nothing is used.
    pub reset_after_ms: i64,
}

impl Limiter {
    /// The state as the next change would find it: anchored to `now_us` when the clock was set back.
    pub(super) fn as_of(&self, now_us: u64) -> Cow<'_, Self> {
        if now_us >= self.clock_us() {
            return Cow::Borrowed(self);
        }
        let mut anchored = self.clone();
        anchored.step_back(now_us);
        Cow::Owned(anchored)
    }

    /// How each limit stands, in order.
    pub fn standings(&self, now_us: u64) -> Vec<Standing> {
        let anchored = self.as_of(now_us);
        let at = anchored.moment(now_us);
        let standing = |limit: &super::Limit| {
            let (amount, period_ms, capacity) = limit.figures();
            let reset_after_ms = ms_rounded_up(limit.reset_us(at));
            Standing { kind: limit.kind(), amount, period_ms, capacity, used: limit.used(at), reset_after_ms }
        };
        anchored.limits().iter().map(standing).collect()
    }

    /// Milliseconds, rounded up, that a ban still lasts; 0 without one.
    pub fn ban_left_ms(&self, now_us: u64) -> i64 {
        ms_rounded_up(self.as_of(now_us).banned_until_us().saturating_sub(now_us))
    }

    /// When the key may go, Unix milliseconds, rounded up and at most 2^53; none when it stays.
    pub fn expires_ms(&self) -> Option<u64> {
        self.lapses_at_us().map(expiry_ms)
    }
}

/// The expiry of a key that may go at `lapses_us`: Unix milliseconds, rounded up and at most 2^53.
pub fn expiry_ms(lapses_us: u64) -> u64 {
    lapses_us.div_ceil(US_PER_MS).min(MAX_AMOUNT)
}
