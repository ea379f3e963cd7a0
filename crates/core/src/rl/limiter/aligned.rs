//! Fixed windows on multiples of the period since the epoch, as exchanges count.

use super::moment::{LATEST_US, us_from_ms};
use super::{Kind, Moment, Rule, Wait};

/// What was used in the current window.
///
/// The window is the wall clock's. When that is set back behind the window, the use stays until the clock is in a later
/// one, but never longer than one period of the key's own time after it began: nobody waits for a clock that was wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aligned {
    amount: u64,
    period_ms: u64,
    /// Number of the window since the epoch.
    window: u64,
    used: u64,
    /// When the first of the use was taken, by the key's own time; 0 without use.
    began_us: u64,
}

impl Aligned {
    /// A full limit. `amount` and `period_ms` are those of a valid rule.
    pub(super) const fn full(amount: u64, period_ms: u64) -> Self {
        Self { amount, period_ms, window: 0, used: 0, began_us: 0 }
    }

    /// A limit of which `used` is used in the window number `window`, since `began_us`; none when that is above the
    /// amount, the window is behind the end of time, or nothing is used since a time.
    pub fn with_use(rule: &Rule, window: u64, used: u64, began_us: u64) -> Option<Self> {
        let limit = Self { window, used, began_us, ..Self::full(rule.amount(), rule.period_ms()) };
        let sound = used <= limit.amount && (used > 0 || began_us == 0);
        (rule.kind() == Kind::Aligned && sound && window <= limit.window_of(LATEST_US)).then_some(limit)
    }

    /// Amount and period.
    pub const fn rule(&self) -> (u64, u64) {
        (self.amount, self.period_ms)
    }

    /// Number of the window the use belongs to, the use, and when it began, by the key's own time.
    pub const fn window_and_use(&self) -> (u64, u64, u64) {
        (self.window, self.used, self.began_us)
    }

    /// The window a time by the wall clock lies in.
    const fn window_of(&self, wall_us: u64) -> u64 {
        wall_us / us_from_ms(self.period_ms)
    }

    /// Microseconds until the use of `window` is over: by the wall clock, or by the time that passes.
    fn left_us(&self, window: u64, at: Moment) -> u64 {
        let period_us = us_from_ms(self.period_ms);
        let to_the_end_us = window.saturating_add(1).saturating_mul(period_us).saturating_sub(at.wall_us);
        to_the_end_us.min(self.began_us.saturating_add(period_us).saturating_sub(at.now_us))
    }

    /// The window and its use now.
    fn current(&self, at: Moment) -> (u64, u64) {
        let window = self.window_of(at.wall_us);
        let over = window > self.window || at.now_us >= self.began_us.saturating_add(us_from_ms(self.period_ms));
        if over { (window, 0) } else { (self.window, self.used) }
    }

    pub(super) fn settle(&mut self, at: Moment) {
        let (window, used) = self.current(at);
        self.window = window;
        self.set_used(used, at);
    }

    const fn set_used(&mut self, used: u64, at: Moment) {
        self.began_us = match (self.used, used) {
            (_, 0) => 0,
            (0, _) => at.now_us,
            _ => self.began_us,
        };
        self.used = used;
    }

    pub(super) fn wait(&self, at: Moment, cost: u64) -> Wait {
        if cost > self.amount {
            return Wait::Never;
        }
        let (window, used) = self.current(at);
        if used <= self.amount - cost { Wait::Now } else { Wait::After(self.left_us(window, at)) }
    }

    pub(super) fn used(&self, at: Moment) -> u64 {
        self.current(at).1
    }

    pub(super) fn reset_us(&self, at: Moment) -> u64 {
        let (window, used) = self.current(at);
        if used == 0 { 0 } else { self.left_us(window, at) }
    }

    /// Takes `cost`, which fits; the limit is settled.
    pub(super) const fn take(&mut self, cost: u64, at: Moment) {
        self.set_used(self.used.saturating_add(cost), at);
    }

    /// Gives `cost` back, down to nothing used; the limit is settled.
    pub(super) const fn give_back(&mut self, cost: u64, at: Moment) {
        self.set_used(self.used.saturating_sub(cost), at);
    }

    /// Makes `used`, as told when the wall clock said `told_us`, the use; a higher use stays unless `force`. What was
    /// told in another window than that of the wall clock now says nothing of this one. Settled.
    pub(super) fn sync(&mut self, used: u64, told_us: u64, at: Moment, force: bool) {
        let used = used.min(self.amount);
        if self.window_of(told_us) == self.window_of(at.wall_us) && (force || used > self.used) {
            self.set_used(used, at);
        }
    }

    /// Follows `rule` (of the same period) from now on; what is used stays, cut to the new amount. Settled.
    pub(super) fn follow(&mut self, rule: &Rule) {
        self.amount = rule.amount();
        self.used = self.used.min(self.amount);
    }
}
