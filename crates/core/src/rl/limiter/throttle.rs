//! One smooth limit as redis-cell keeps it: a debt in time, which stays when the limit changes.

use super::moment::US_PER_MS;
use super::{Change, Gcra, Limit, Limiter, Now, Rule, Wait};

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
    /// Takes `quantity` from the one smooth limit that `rule` describes.
    pub fn throttle(&mut self, rule: &Rule, quantity: i64, now: Now) -> (Throttled, Change) {
        let mut state = self.clone();
        let at = state.moment(now);
        let keeping = state.keeping(at);
        let replaced = !state.follows(&[*rule]);
        if replaced {
            let at = state.settle(at);
            let debt_us = state.limits().iter().map(|limit| limit.reset_us(at)).max().unwrap_or(0);
            state.replace_limits(Limit::Gcra(Gcra::with_debt(rule, debt_us)));
        }
        let at = state.moment(now);
        let wait = state.wait(at, quantity.max(0).unsigned_abs());
        let taken = quantity != 0 && state.take_or_give_back(quantity, at).is_ok_and(|taken| taken.kept.is_some());
        let at = state.moment(now);
        let (used, reset_us) = state.limits().first().map_or((0, 0), |limit| (limit.used(at), limit.reset_us(at)));
        let throttled = Throttled {
            limited: wait != Wait::Now,
            limit: rule.capacity(),
            remaining: rule.capacity().saturating_sub(used),
            retry_after_s: if let Wait::After(wait_us) = wait { seconds(wait_us) } else { -1 },
            reset_after_s: seconds(reset_us),
        };
        if quantity == 0 || !(replaced || taken) {
            return (throttled, Change::Nothing);
        }
        *self = state;
        (throttled, self.changed_from(keeping, at))
    }
}

/// Whole milliseconds, as redis-cell cuts them, rounded up to seconds.
fn seconds(us: u64) -> i64 {
    i64::try_from((us / US_PER_MS).div_ceil(1_000)).unwrap_or(i64::MAX)
}
