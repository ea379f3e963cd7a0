//! The limits of one key and its ban; one limit without a ban needs no allocation of its own.

use super::{Limit, MAX_LIMITS, Rule};
use crate::relocation::Mover;

/// Up to eight limits that differ in kind or period, in the order given, and perhaps a ban.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Limits {
    /// What most keys have: one limit, no ban.
    One(Limit),
    /// Any other number of limits, or a ban.
    Any {
        /// None for a key that holds but a ban.
        limits: Box<[Limit]>,
        /// The end of the ban by the key's own time; 0 without one.
        banned_until_us: u64,
    },
}

impl Limits {
    /// No limits at all, and no ban.
    pub fn none() -> Self {
        Self::Any { limits: Box::default(), banned_until_us: 0 }
    }

    /// These limits; none when they are more than eight or two match.
    pub fn new(limits: Vec<Limit>, banned_until_us: u64) -> Option<Self> {
        let several = limits.len() > MAX_LIMITS;
        let twice = (1..limits.len()).any(|end| {
            let (before, rest) = limits.split_at(end);
            rest.first().is_some_and(|limit| before.iter().any(|other| other.matches(limit.kind(), limit.figures().1)))
        });
        (!several && !twice).then(|| Self::of(limits, banned_until_us))
    }

    /// The only form that these limits with this ban have.
    fn of(mut limits: Vec<Limit>, banned_until_us: u64) -> Self {
        if banned_until_us == 0
            && limits.len() == 1
            && let Some(only) = limits.pop()
        {
            return Self::One(only);
        }
        Self::Any { limits: limits.into_boxed_slice(), banned_until_us }
    }

    /// Makes the limits those of `rules`, which are distinct, nothing used of them but what limits so far that match have
    /// used. The ban stays. Settled limits only.
    pub fn follow(&mut self, rules: &[Rule]) {
        let new_limit = |rule: &Rule| {
            let same = self.as_slice().iter().find(|limit| limit.matches(rule.kind(), rule.period_ms()));
            let mut limit = same.cloned().unwrap_or_else(|| Limit::full(rule));
            limit.follow(rule);
            limit
        };
        *self = match (rules, self.banned_until_us()) {
            ([rule], 0) => Self::One(new_limit(rule)),
            (_, banned_until_us) => Self::Any { limits: rules.iter().map(new_limit).collect(), banned_until_us },
        };
    }

    /// Makes `limit` the only one. The ban stays.
    pub fn replace(&mut self, limit: Limit) {
        *self = Self::of(vec![limit], self.banned_until_us());
    }

    /// All of them in order.
    pub fn as_slice(&self) -> &[Limit] {
        match self {
            Self::One(limit) => std::slice::from_ref(limit),
            Self::Any { limits, .. } => limits,
        }
    }

    /// All of them in order.
    pub fn as_mut_slice(&mut self) -> &mut [Limit] {
        match self {
            Self::One(limit) => std::slice::from_mut(limit),
            Self::Any { limits, .. } => limits,
        }
    }

    /// The end of the ban by the key's own time; 0 without one.
    pub const fn banned_until_us(&self) -> u64 {
        match self {
            Self::One(_) => 0,
            Self::Any { banned_until_us, .. } => *banned_until_us,
        }
    }

    /// Sets the end of the ban; 0 lifts it.
    pub fn ban_until(&mut self, until_us: u64) {
        if until_us != self.banned_until_us() {
            let limits = match std::mem::replace(self, Self::none()) {
                Self::One(limit) => vec![limit],
                Self::Any { limits, .. } => limits.into_vec(),
            };
            *self = Self::of(limits, until_us);
        }
    }

    /// Tells where each allocation behind them starts, and its bytes.
    pub fn measure(&self, measure: &mut dyn FnMut(*const u8, usize)) {
        match self {
            Self::Any { limits, .. } if !limits.is_empty() => measure(limits.as_ptr().cast(), size_of_val(&**limits)),
            Self::One(_) | Self::Any { .. } => {}
        }
        self.as_slice().iter().for_each(|limit| limit.measure(measure));
    }

    /// Moves each allocation behind them.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        match self {
            Self::Any { limits, .. } => {
                mover.slice(limits);
                limits.iter_mut().for_each(|limit| limit.relocate(mover));
            }
            Self::One(limit) => limit.relocate(mover),
        }
    }
}
