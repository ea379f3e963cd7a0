//! One smooth limit as redis-cell keeps it: a debt in time, which stays when the limit changes.

use super::moment::US_PER_MS;
use super::{Gcra, Limit, Limiter, Limits, Rule, Wait};

/// The answer to `CL.THROTTLE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttled {
    /// Whether the quantity was refused.
    pub limited: bool,
    /// What the limit holds when nothing is used.
    pub limit: u64,
    /// What may still be taken at once.
    pub remaining: u64,
    /// Seconds until the same quantity passes; −1 when it was taken, or when it never will pass.
    pub retry_after_s: i64,
    /// Seconds until nothing is used.
    pub reset_after_s: i64,
}

impl Limiter {
    /// Takes `quantity` from the one smooth limit that `rule` describes. Tells whether anything changed.
    pub fn throttle(&mut self, rule: &Rule, quantity: i64, now_us: u64) -> (Throttled, bool) {
        let mut state = self.clone();
        let mut changed = state.step_back(now_us);
        if !state.follows(&[*rule]) {
            state.settle(now_us);
            let at = state.moment(now_us);
            let debt_us = state.limits().iter().map(|limit| limit.reset_us(at)).max().unwrap_or(0);
            state.set_limits(Limits::One(Limit::Gcra(Gcra::with_debt(rule, debt_us))));
            changed = true;
        }
        let at = state.moment(now_us);
        let wait = state.wait(at, quantity.max(0).unsigned_abs());
        changed |= state.check(&[], quantity, now_us).is_ok_and(|outcome| outcome.changed);
        let at = state.moment(now_us);
        let (used, reset_us) = state.limits().first().map_or((0, 0), |limit| (limit.used(at), limit.reset_us(at)));
        let throttled = Throttled {
            limited: wait != Wait::Now,
            limit: rule.capacity(),
            remaining: rule.capacity().saturating_sub(used),
            retry_after_s: if let Wait::After(wait_us) = wait { seconds(wait_us) } else { -1 },
            reset_after_s: seconds(reset_us),
        };
        changed &= quantity != 0;
        if changed {
            *self = state;
        }
        (throttled, changed)
    }
}

/// Whole milliseconds, as redis-cell cuts them, rounded up to seconds.
fn seconds(us: u64) -> i64 {
    i64::try_from((us / US_PER_MS).div_ceil(1_000)).unwrap_or(i64::MAX)
}
