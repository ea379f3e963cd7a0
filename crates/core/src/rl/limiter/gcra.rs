//! A smooth rate with room for a burst: the generic cell rate algorithm, kept as a leaking level.

use super::limit::Spent;
use super::moment::us_from_ms;
use super::{Kind, MAX_AMOUNT, Moment, Rule, Wait};

/// A level that every cost raises, that leaks `amount` per period, and that never stands above `burst`.
///
/// The level is a rational number with the period's microseconds as its denominator: `amount` leaks out of it in
/// whole numerators per microsecond, so no rate is ever rounded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gcra {
    amount: u64,
    burst: u64,
    period_ms: u64,
    /// Whole units of the level.
    used: u64,
    /// Numerator of the rest, below the period's microseconds.
    fraction: u64,
}

impl Gcra {
    /// A full limit (nothing used). `amount`, `burst` and `period_ms` are those of a valid rule.
    pub(super) const fn full(amount: u64, burst: u64, period_ms: u64) -> Self {
        Self { amount, burst, period_ms, used: 0, fraction: 0 }
    }

    /// A limit of which `used` and `fraction` / (microseconds of the period) are used; none when that is above the
    /// burst, or no fraction.
    pub fn with_level(rule: &Rule, used: u64, fraction: u64) -> Option<Self> {
        let limit = Self { used, fraction, ..Self::full(rule.amount(), rule.capacity(), rule.period_ms()) };
        let above = used > limit.burst || (used == limit.burst && fraction > 0);
        let valid = rule.kind() == Kind::Gcra && fraction < us_from_ms(limit.period_ms) && !above;
        valid.then_some(limit)
    }

    /// A limit that is full again in `debt_us`, or sooner: no more than its burst is ever used.
    pub(super) fn with_debt(rule: &Rule, debt_us: u64) -> Self {
        let mut limit = Self::full(rule.amount(), rule.capacity(), rule.period_ms());
        let most = limit.numerator(limit.burst);
        limit.set_level((u128::from(limit.amount) * u128::from(debt_us)).min(most));
        limit
    }

    /// Amount, period and burst.
    pub const fn rule(&self) -> (u64, u64, u64) {
        (self.amount, self.period_ms, self.burst)
    }

    /// Whole units used, and the numerator of the fraction over the period's microseconds.
    pub const fn level_parts(&self) -> (u64, u64) {
        (self.used, self.fraction)
    }

    /// Of every fraction of a unit: the period's microseconds.
    const fn denominator(&self) -> u64 {
        us_from_ms(self.period_ms)
    }

    /// `units` as a numerator; below 2^98.
    const fn numerator(&self, units: u64) -> u128 {
        units as u128 * self.denominator() as u128
    }

    /// The numerator of the level after `elapsed_us`; below 2^99.
    const fn level(&self, elapsed_us: u64) -> u128 {
        let level = self.numerator(self.used) + self.fraction as u128;
        level.saturating_sub(self.amount as u128 * elapsed_us as u128)
    }

    fn set_level(&mut self, level: u128) {
        // The level is at most burst × denominator: the quotient fits.
        (self.used, self.fraction) = divided(level, self.denominator());
    }

    /// The time in which `level` leaks away, rounded up.
    fn leaking_us(&self, level: u128) -> u64 {
        let (whole_us, rest) = divided(level, self.amount);
        whole_us.saturating_add(u64::from(rest > 0))
    }

    pub(super) fn settle(&mut self, at: Moment) {
        if at.elapsed_us > 0 && (self.used | self.fraction) != 0 {
            self.set_level(self.level(at.elapsed_us));
        }
    }

    pub(super) fn wait(&self, at: Moment, cost: u64) -> Wait {
        if cost > self.burst {
            return Wait::Never;
        }
        let room = self.numerator(self.burst - cost);
        let level = self.level(at.elapsed_us);
        if level <= room { Wait::Now } else { Wait::After(self.leaking_us(level - room)) }
    }

    pub(super) fn used(&self, at: Moment) -> u64 {
        if at.elapsed_us == 0 {
            return self.used + u64::from(self.fraction > 0);
        }
        let (units, rest) = divided(self.level(at.elapsed_us), self.denominator());
        units + u64::from(rest > 0)
    }

    pub(super) fn reset_us(&self, at: Moment) -> u64 {
        self.leaking_us(self.level(at.elapsed_us))
    }

    /// Takes `cost`, which fits, having brought the state up to the moment: the level is computed once for all of it.
    pub(super) fn spend(&mut self, at: Moment, cost: u64) -> Spent {
        debug_assert!(cost <= MAX_AMOUNT);
        let before = self.level(at.elapsed_us);
        let after = before + self.numerator(cost);
        self.set_level(after);
        Spent {
            capacity: self.burst,
            remaining: self.burst.saturating_sub(self.used + u64::from(self.fraction > 0)),
            before_us: self.leaking_us(before),
            reset_us: self.leaking_us(after),
        }
    }

    /// Gives `cost` back, down to nothing used; the limit is settled.
    pub(super) fn give_back(&mut self, cost: u64) {
        match self.used.checked_sub(cost) {
            Some(left) => self.used = left,
            None => (self.used, self.fraction) = (0, 0),
        }
    }

    /// Makes `used`, as it was `age_us` ago, the level now; a higher level stays unless `force`. Settled.
    pub(super) fn sync(&mut self, used: u64, age_us: u64, force: bool) {
        let told = self.numerator(used.min(self.burst));
        let told = told.saturating_sub(u128::from(self.amount) * u128::from(age_us));
        if force || told > self.level(0) {
            self.set_level(told);
        }
    }

    /// Follows `rule` (of the same period) from now on; what is used stays, cut to the new burst. Settled.
    pub(super) fn follow(&mut self, rule: &Rule) {
        (self.amount, self.burst) = (rule.amount(), rule.capacity());
        if self.used >= self.burst {
            (self.used, self.fraction) = (self.burst, 0);
        }
    }
}

/// Quotient, cut to 64 bits, and remainder. Most levels fit into a machine word, where dividing is one instruction.
fn divided(level: u128, by: u64) -> (u64, u64) {
    if let Ok(level) = u64::try_from(level) {
        return (level / by, level % by);
    }
    let by = u128::from(by);
    (u64::try_from(level / by).unwrap_or(u64::MAX), (level % by) as u64)
}
