//! One key before its policy: which rules it breaks, and which expiry it should be given.

use super::{Broken, Policy, Rule, Ttl, TypeName};

/// What is known of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observed {
    /// Its type.
    pub type_name: TypeName,
    /// Time until it expires, ms; `None` for never.
    pub left_ms: Option<u64>,
    /// Memory it takes; `None` where that was not measured.
    pub bytes: Option<u64>,
    /// Bytes of a string, elements of a list, set, sorted set, hash or stream; 0 of other types.
    pub len: u64,
    /// How long it was neither read nor written, ms; `None` where the server does not know.
    pub idle_ms: Option<u64>,
    /// Whether it is of one of this module's types, whose expiry is the module's own business.
    pub is_own: bool,
}

/// The expiry that a key should be given, as a time from now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// It has none: this one, ms.
    Given(u64),
    /// It expires too late: this instead, ms.
    Shortened(u64),
}

impl Due {
    /// How long the key may stay, ms.
    pub const fn after_ms(self) -> u64 {
        match self {
            Self::Given(ms) | Self::Shortened(ms) => ms,
        }
    }
}

/// What an audit gives is drawn out by up to a tenth of its length.
const SPREAD: u64 = 10;

impl Policy {
    /// The rules that `key` breaks. What is not known of it breaks none.
    pub fn judge(&self, key: &Observed) -> Broken {
        let mut broken = Broken::default();
        if !key.is_own {
            let breaks_ttl = match self.ttl {
                None => false,
                Some(Ttl::Never) => key.left_ms.is_some(),
                Some(Ttl::After(_)) => key.left_ms.is_none(),
            };
            broken.add(Rule::Ttl, breaks_ttl);
            broken.add(Rule::MaxTtl, exceeds(key.left_ms, self.max_ttl_ms));
        }
        broken.add(Rule::Type, !self.types.is_empty() && !self.types.contains(&key.type_name));
        broken.add(Rule::MaxBytes, exceeds(key.bytes, self.max_bytes));
        broken.add(Rule::MaxItems, key.type_name.has_items() && exceeds(Some(key.len), self.max_items));
        broken.add(Rule::Idle, self.idle_ms.is_some_and(|limit_ms| key.idle_ms.is_some_and(|ms| ms >= limit_ms)));
        broken
    }

    /// The expiry that a key of no type of this module's should be given when it expires in `left_ms`, or (`None`) never.
    /// Nothing where the policy is not applied or the key keeps it: an expiry is given or brought forward, never
    /// taken away or put off.
    pub const fn due(&self, left_ms: Option<u64>) -> Option<Due> {
        if !self.is_applied() {
            return None;
        }
        match (left_ms, self.ttl, self.max_ttl_ms) {
            (None, Some(Ttl::After(ms)), _) => Some(Due::Given(ms)),
            (Some(left_ms), _, Some(max_ms)) if left_ms > max_ms => Some(Due::Shortened(max_ms)),
            _ => None,
        }
    }

    /// As [`Self::due`], for a key that an audit found: one without an expiry is given up to a tenth more, by `lot`, so that
    /// those found together do not all go at once; never more than MAXTTL.
    pub fn due_spread(&self, left_ms: Option<u64>, lot: u64) -> Option<Due> {
        let due = self.due(left_ms)?;
        let Due::Given(ms) = due else { return Some(due) };
        // A fraction of 2^32 of a tenth: no product overflows below 3660 days.
        let more_ms = ((u128::from(ms / SPREAD) * u128::from(lot >> 32)) >> 32) as u64;
        let most_ms = self.max_ttl_ms.unwrap_or(u64::MAX);
        Some(Due::Given(ms.saturating_add(more_ms).min(most_ms)))
    }
}

fn exceeds(value: Option<u64>, limit: Option<u64>) -> bool {
    matches!((value, limit), (Some(value), Some(limit)) if value > limit)
}
