//! Fixed windows on multiples of the period since the epoch, as exchanges count.

use super::moment::us_from_ms;
use super::{Kind, Moment, Rule, Wait};

/// What was used in the current window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Aligned {
    amount: u64,
    period_ms: u64,
    /// Number of the window since the epoch.
    window: u64,
    used: u64,
}

impl Aligned {
    /// A full limit. `amount` and `period_ms` are those of a valid rule.
    pub(super) const fn full(amount: u64, period_ms: u64) -> Self {
        Self { amount, period_ms, window: 0, used: 0 }
    }

    /// A limit of which `used` is used in the window number `window`; none when that is above the amount.
    pub fn with_use(rule: &Rule, window: u64, used: u64) -> Option<Self> {
        let limit = Self { window, used, ..Self::full(rule.amount(), rule.period_ms()) };
        (rule.kind() == Kind::Aligned && used <= limit.amount).then_some(limit)
    }

    /// Amount and period.
    pub const fn rule(&self) -> (u64, u64) {
        (self.amount, self.period_ms)
    }

    /// Number of the window the use belongs to, and the use.
    pub const fn window_and_use(&self) -> (u64, u64) {
        (self.window, self.used)
    }

    /// Whether the use is in a later window than the next one after `time_us`: no command leads there.
    pub(super) const fn is_ahead_of(&self, time_us: u64) -> bool {
        self.window > self.window_of(time_us).saturating_add(1)
    }

    /// The window a time lies in.
    const fn window_of(&self, time_us: u64) -> u64 {
        time_us / us_from_ms(self.period_ms)
    }

    const fn left_us(&self, window: u64, now_us: u64) -> u64 {
        window.saturating_add(1).saturating_mul(us_from_ms(self.period_ms)).saturating_sub(now_us)
    }

    /// The window and its use now. A window ahead of the clock stays: see [`Self::step_back`].
    const fn current(&self, now_us: u64) -> (u64, u64) {
        let window = self.window_of(now_us);
        if window > self.window { (window, 0) } else { (self.window, self.used) }
    }

    pub(super) const fn settle(&mut self, at: Moment) {
        (self.window, self.used) = self.current(at.now_us);
    }

    /// The server's clock was set back. The window stays when it is the next one, so that a small step across a
    /// boundary opens no window twice; after a larger step the use moves into the window of now, so that nobody
    /// waits for a time that was never right.
    pub(super) const fn step_back(&mut self, now_us: u64) {
        let window = self.window_of(now_us);
        if self.window > window.saturating_add(1) {
            self.window = window;
        }
    }

    pub(super) const fn wait(&self, at: Moment, cost: u64) -> Wait {
        if cost > self.amount {
            return Wait::Never;
        }
        let (window, used) = self.current(at.now_us);
        if used <= self.amount - cost { Wait::Now } else { Wait::After(self.left_us(window, at.now_us)) }
    }

    pub(super) const fn used(&self, at: Moment) -> u64 {
        self.current(at.now_us).1
    }

    pub(super) const fn reset_us(&self, at: Moment) -> u64 {
        let (window, used) = self.current(at.now_us);
        if used == 0 { 0 } else { self.left_us(window, at.now_us) }
    }

    /// Takes `cost`, which fits; the limit is settled.
    pub(super) const fn take(&mut self, cost: u64) {
        self.used = self.used.saturating_add(cost);
    }

    /// Gives `cost` back, down to nothing used; the limit is settled.
    pub(super) const fn give_back(&mut self, cost: u64) {
        self.used = self.used.saturating_sub(cost);
    }

    /// Makes `used`, as told at `told_us`, the use of its window; a higher use stays unless `force`. What was told in
    /// an earlier window says nothing of this one. An exchange may be in the next window already. Settled.
    pub(super) fn sync(&mut self, used: u64, told_us: u64, at: Moment, force: bool) {
        let window = self.window_of(told_us).min(self.window_of(at.now_us).saturating_add(1));
        if window < self.window {
            return;
        }
        if window > self.window {
            (self.window, self.used) = (window, 0);
        }
        let used = used.min(self.amount);
        self.used = if force { used } else { used.max(self.used) };
    }

    /// Follows `rule` (of the same period) from now on; what is used stays, cut to the new amount. Settled.
    pub(super) fn follow(&mut self, rule: &Rule) {
        self.amount = rule.amount();
        self.used = self.used.min(self.amount);
    }
}
