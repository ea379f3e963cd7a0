//! One limit of any kind.

use super::{Aligned, Gcra, Kind, Moment, Rule, Sliding, Wait};
use crate::relocation::Mover;

/// A limit and what is used of it.
///
/// What looks (`wait`, `used`, `reset_us`) takes the moment and changes nothing. What changes (`take`, `give_back`,
/// `sync`, `follow`) needs the limit settled at that moment before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limit {
    /// A smooth rate.
    Gcra(Gcra),
    /// A sliding window; boxed, for it is larger and rarer.
    Sliding(Box<Sliding>),
    /// Aligned windows.
    Aligned(Aligned),
}

/// How a limit stands once a cost was taken from it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    /// What it holds when nothing is used.
    pub capacity: u64,
    /// What may still be taken at once.
    pub remaining: u64,
    /// Microseconds until nothing would have been used without the cost,
    pub before_us: u64,
    /// and with it.
    pub reset_us: u64,
}

impl Limit {
    /// A limit of which nothing is used.
    pub fn full(rule: &Rule) -> Self {
        let (amount, period_ms) = (rule.amount(), rule.period_ms());
        match rule.kind() {
            Kind::Gcra => Self::Gcra(Gcra::full(amount, rule.capacity(), period_ms)),
            Kind::Sliding => Self::Sliding(Box::new(Sliding::full(amount, period_ms))),
            Kind::Aligned => Self::Aligned(Aligned::full(amount, period_ms)),
        }
    }

    /// How it counts.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Gcra(_) => Kind::Gcra,
            Self::Sliding(_) => Kind::Sliding,
            Self::Aligned(_) => Kind::Aligned,
        }
    }

    /// Amount, period in milliseconds and capacity.
    pub fn figures(&self) -> (u64, u64, u64) {
        let (amount, period_ms) = match self {
            Self::Gcra(limit) => return limit.rule(),
            Self::Sliding(limit) => limit.rule(),
            Self::Aligned(limit) => limit.rule(),
        };
        (amount, period_ms, amount)
    }

    /// The period, milliseconds.
    pub const fn period_ms(&self) -> u64 {
        match self {
            Self::Gcra(limit) => limit.rule().1,
            Self::Sliding(limit) => limit.rule().1,
            Self::Aligned(limit) => limit.rule().1,
        }
    }

    /// Whether it follows exactly this rule.
    pub fn follows(&self, rule: &Rule) -> bool {
        self.kind() == rule.kind() && self.figures() == (rule.amount(), rule.period_ms(), rule.capacity())
    }

    /// Whether it is the limit that this rule gives another amount to.
    pub fn matches(&self, kind: Kind, period_ms: u64) -> bool {
        self.kind() == kind && self.figures().1 == period_ms
    }

    /// How long until `cost` fits.
    pub fn wait(&self, at: Moment, cost: u64) -> Wait {
        match self {
            Self::Gcra(limit) => limit.wait(at, cost),
            Self::Sliding(limit) => limit.wait(at, cost),
            Self::Aligned(limit) => limit.wait(at, cost),
        }
    }

    /// What is used, rounded up to whole units.
    pub fn used(&self, at: Moment) -> u64 {
        match self {
            Self::Gcra(limit) => limit.used(at),
            Self::Sliding(limit) => limit.used(at),
            Self::Aligned(limit) => limit.used(at),
        }
    }

    /// Microseconds until nothing is used, if nothing more is taken.
    pub fn reset_us(&self, at: Moment) -> u64 {
        match self {
            Self::Gcra(limit) => limit.reset_us(at),
            Self::Sliding(limit) => limit.reset_us(at),
            Self::Aligned(limit) => limit.reset_us(at),
        }
    }

    /// Tells where each allocation behind it starts, and its bytes.
    pub(super) fn measure(&self, measure: &mut dyn FnMut(*const u8, usize)) {
        if let Self::Sliding(limit) = self {
            measure(std::ptr::from_ref::<Sliding>(limit).cast(), size_of::<Sliding>());
            limit.measure(measure);
        }
    }

    /// Moves each allocation behind it.
    pub(super) fn relocate(&mut self, mover: &mut impl Mover) {
        if let Self::Sliding(limit) = self {
            mover.boxed(limit);
            limit.relocate(mover);
        }
    }

    /// Brings the state up to the moment.
    pub(super) fn settle(&mut self, at: Moment) {
        match self {
            Self::Gcra(limit) => limit.settle(at),
            Self::Sliding(limit) => limit.settle(at),
            Self::Aligned(limit) => limit.settle(at),
        }
    }

    /// Takes a cost that fits, having brought the state up to the moment.
    pub(super) fn spend(&mut self, at: Moment, cost: u64) -> Spent {
        if let Self::Gcra(limit) = self {
            return limit.spend(at, cost);
        }
        let before_us = self.reset_us(at);
        self.settle(at);
        match self {
            Self::Gcra(_) => {}
            Self::Sliding(limit) => limit.take(cost, at.now_us),
            Self::Aligned(limit) => limit.take(cost, at),
        }
        let (at, (.., capacity)) = (at.settled(), self.figures());
        let remaining = capacity.saturating_sub(self.used(at));
        Spent { capacity, remaining, before_us, reset_us: self.reset_us(at) }
    }

    /// Gives a cost back, down to nothing used.
    pub(super) fn give_back(&mut self, at: Moment, cost: u64) {
        match self {
            Self::Gcra(limit) => limit.give_back(cost),
            Self::Sliding(limit) => limit.give_back(cost),
            Self::Aligned(limit) => limit.give_back(cost, at),
        }
    }

    /// Makes `used`, as told when the wall clock said `told_us`, the use; a higher one stays unless `force`.
    pub(super) fn sync(&mut self, at: Moment, used: u64, told_us: u64, force: bool) {
        let age_us = at.wall_us.saturating_sub(told_us);
        match self {
            Self::Gcra(limit) => limit.sync(used, age_us, force),
            Self::Sliding(limit) => limit.sync(used, age_us, at, force),
            Self::Aligned(limit) => limit.sync(used, told_us, at, force),
        }
    }

    /// Follows a matching rule from now on; what is used stays, cut to the new capacity.
    pub(super) fn follow(&mut self, rule: &Rule) {
        match self {
            Self::Gcra(limit) => limit.follow(rule),
            Self::Sliding(limit) => limit.follow(rule),
            Self::Aligned(limit) => limit.follow(rule),
        }
    }
}
