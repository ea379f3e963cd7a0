//! What a limit allows, apart from what was used of it.

use std::fmt;

/// The most limits one key may have.
pub const MAX_LIMITS: usize = 8;

/// The largest amount, burst and cost: 2^53, which every client language holds exactly.
pub const MAX_AMOUNT: u64 = 1 << 53;

/// The longest period: 366 days.
pub const MAX_PERIOD_MS: u64 = 366 * 86_400_000;

/// How a limit counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A smooth rate with room for a burst: the generic cell rate algorithm.
    Gcra,
    /// Never more than the amount in any stretch as long as the period.
    Sliding,
    /// Fixed windows that begin on multiples of the period since the epoch, as exchanges count.
    Aligned,
}

impl Kind {
    /// The name in replies: `gcra`, `sliding`, `aligned`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gcra => "gcra",
            Self::Sliding => "sliding",
            Self::Aligned => "aligned",
        }
    }
}

/// One limit: so much per period, counted in one way. Two limits of a key differ in kind or period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Rule {
    kind: Kind,
    amount: u64,
    period_ms: u64,
    burst: u64,
}

/// Why there is no such rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RuleError {
    /// The amount is not 1 … 2^53.
    Amount,
    /// The period is not 1 ms … 366 d.
    Period,
    /// The burst is not 1 … 2^53, or differs from the amount of a limit that knows no burst.
    Burst,
}

impl fmt::Display for RuleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Amount => "the amount of a limit must be 1 to 2^53",
            Self::Period => "the period of a limit must be 1ms to 366d",
            Self::Burst => "the burst of a limit must be 1 to 2^53, and only a smooth limit has one",
        })
    }
}

impl std::error::Error for RuleError {}

impl Rule {
    /// `amount` (1 … 2^53) per `period_ms` (1 … 366 days). `burst` is the room at once of [`Kind::Gcra`], by default
    /// the amount; the other kinds have none.
    pub const fn new(kind: Kind, amount: u64, period_ms: u64, burst: Option<u64>) -> Result<Self, RuleError> {
        if amount == 0 || amount > MAX_AMOUNT {
            return Err(RuleError::Amount);
        }
        if period_ms == 0 || period_ms > MAX_PERIOD_MS {
            return Err(RuleError::Period);
        }
        let burst = match burst {
            Some(burst) => burst,
            None => amount,
        };
        let burst_fits = matches!(kind, Kind::Gcra) || burst == amount;
        if burst == 0 || burst > MAX_AMOUNT || !burst_fits {
            return Err(RuleError::Burst);
        }
        Ok(Self { kind, amount, period_ms, burst })
    }

    /// How the limit counts.
    pub const fn kind(&self) -> Kind {
        self.kind
    }

    /// How much per period, 1 … 2^53.
    pub const fn amount(&self) -> u64 {
        self.amount
    }

    /// The period, 1 ms … 366 d.
    pub const fn period_ms(&self) -> u64 {
        self.period_ms
    }

    /// How much at once: the burst of a smooth limit, the amount of the others.
    pub const fn capacity(&self) -> u64 {
        self.burst
    }

    /// Whether `other` is the same limit with perhaps another amount: of one kind and period.
    pub fn matches(&self, other: &Self) -> bool {
        self.kind == other.kind && self.period_ms == other.period_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_within_the_bounds_exist() {
        let cases = [
            (Kind::Gcra, 1, 1, None, Ok(1)),
            (Kind::Gcra, MAX_AMOUNT, MAX_PERIOD_MS, Some(1), Ok(1)),
            (Kind::Gcra, 0, 1, None, Err(RuleError::Amount)),
            (Kind::Gcra, MAX_AMOUNT + 1, 1, None, Err(RuleError::Amount)),
            (Kind::Gcra, 1, 0, None, Err(RuleError::Period)),
            (Kind::Gcra, 1, MAX_PERIOD_MS + 1, None, Err(RuleError::Period)),
            (Kind::Gcra, 1, 1, Some(0), Err(RuleError::Burst)),
            (Kind::Gcra, 1, 1, Some(MAX_AMOUNT + 1), Err(RuleError::Burst)),
            (Kind::Sliding, 5, 1, Some(5), Ok(5)),
            (Kind::Sliding, 5, 1, Some(6), Err(RuleError::Burst)),
            (Kind::Aligned, 5, 1, Some(4), Err(RuleError::Burst)),
        ];
        for (kind, amount, period_ms, burst, expected) in cases {
            let made = Rule::new(kind, amount, period_ms, burst).map(|rule| rule.capacity());
            assert_eq!(made, expected, "{kind:?} {amount} {period_ms} {burst:?}");
        }
    }
}
