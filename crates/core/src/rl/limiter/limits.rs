//! The limits of one key, one of them without an allocation of its own.

use super::{Limit, MAX_LIMITS, Rule};

/// Up to eight limits that differ in kind or period, in the order given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Limits {
    /// What most keys have.
    One(Limit),
    /// Any other number; none for a key that holds but a ban.
    Several(Box<[Limit]>),
}

impl Limits {
    /// No limits at all.
    pub fn none() -> Self {
        Self::Several(Box::default())
    }

    /// These limits; none when they are more than eight or two match.
    pub fn new(limits: Vec<Limit>) -> Option<Self> {
        let several = limits.len() > MAX_LIMITS;
        let twice = (1..limits.len()).any(|end| {
            let (before, rest) = limits.split_at(end);
            rest.first().is_some_and(|limit| before.iter().any(|other| other.matches(limit.kind(), limit.figures().1)))
        });
        (!several && !twice).then(|| Self::from_distinct(limits))
    }

    fn from_distinct(mut limits: Vec<Limit>) -> Self {
        match (limits.pop(), limits.is_empty()) {
            (Some(only), true) => Self::One(only),
            (Some(last), false) => {
                limits.push(last);
                Self::Several(limits.into_boxed_slice())
            }
            (None, _) => Self::none(),
        }
    }

    /// The limits of `rules`, which are distinct, nothing used of them but what `old` limits that match have used.
    /// Settled limits only.
    pub(super) fn following(rules: &[Rule], old: &Self) -> Self {
        let new_limit = |rule: &Rule| {
            let same = old.as_slice().iter().find(|limit| limit.matches(rule.kind(), rule.period_ms()));
            let mut limit = same.cloned().unwrap_or_else(|| Limit::full(rule));
            limit.follow(rule);
            limit
        };
        match rules {
            [rule] => Self::One(new_limit(rule)),
            _ => Self::Several(rules.iter().map(new_limit).collect()),
        }
    }

    /// All of them in order.
    pub fn as_slice(&self) -> &[Limit] {
        match self {
            Self::One(limit) => std::slice::from_ref(limit),
            Self::Several(limits) => limits,
        }
    }

    /// All of them in order.
    pub(super) fn as_mut_slice(&mut self) -> &mut [Limit] {
        match self {
            Self::One(limit) => std::slice::from_mut(limit),
            Self::Several(limits) => limits,
        }
    }

    /// Tells where each allocation behind them starts, and its bytes.
    pub(super) fn measure(&self, measure: &mut dyn FnMut(*const u8, usize)) {
        match self {
            Self::Several(limits) if !limits.is_empty() => measure(limits.as_ptr().cast(), size_of_val(&**limits)),
            Self::One(_) | Self::Several(_) => {}
        }
        self.as_slice().iter().for_each(|limit| limit.measure(measure));
    }
}
