//! How a limiter stands at a moment, for those who only look.

use super::verdict::ms_rounded_up;
use super::{Kind, Limiter, Now};

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
    /// How each limit stands, in order.
    pub fn standings(&self, now: Now) -> Vec<Standing> {
        let at = self.moment(now);
        let standing = |limit: &super::Limit| {
            let (amount, period_ms, capacity) = limit.figures();
            let reset_after_ms = ms_rounded_up(limit.reset_us(at));
            Standing { kind: limit.kind(), amount, period_ms, capacity, used: limit.used(at), reset_after_ms }
        };
        self.limits().iter().map(standing).collect()
    }

    /// Milliseconds, rounded up, that a ban still lasts; 0 without one.
    pub fn ban_left_ms(&self, now: Now) -> i64 {
        ms_rounded_up(self.banned_until_us().saturating_sub(self.moment(now).now_us))
    }
}
