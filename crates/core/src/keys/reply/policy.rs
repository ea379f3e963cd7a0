//! The reply of `KEYS.POLICY LIST`.

use super::Named;
use crate::keys::policy::{Policy, Rule};
use crate::wire::{Bytes, map_reply};

/// What happened to the keys of one policy since the module was loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyTally {
    /// Expiries given.
    pub given: u64,
    /// Expiries brought forward.
    pub shortened: u64,
    /// Reads of keys that are not there.
    pub misses: u64,
    /// Keys that expired.
    pub expired: u64,
    /// Keys that were evicted.
    pub evicted: u64,
}

map_reply! {
    /// One policy, and what happened to its keys since the module was loaded.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct PolicyInfo {
        /// The prefix of the names it rules.
        prefix: Bytes = "prefix",
        /// Its rules with their values as they are written: `TTL` → `30s`.
        rules: Named<Bytes> = "rules",
        /// Whether the server keeps TTL and MAXTTL by itself.
        is_applied: bool = "apply",
        /// Expiries given to keys without one.
        given: u64 = "given",
        /// Expiries brought forward.
        shortened: u64 = "shortened",
        /// Reads of keys that are not there.
        misses: u64 = "misses",
        /// Keys that expired.
        expired: u64 = "expired",
        /// Keys that were evicted.
        evicted: u64 = "evicted",
    }
}

impl PolicyInfo {
    /// What is told of `policy`.
    pub fn of(policy: &Policy, tally: PolicyTally) -> Self {
        let PolicyTally { given, shortened, misses, expired, evicted } = tally;
        let value = |rule: Rule| Some((rule.name(), Bytes(policy.value_of(rule)?.into_bytes())));
        Self {
            prefix: policy.prefix().as_bytes().into(),
            rules: Rule::ALL.into_iter().filter_map(value).collect(),
            is_applied: policy.is_applied(),
            given,
            shortened,
            misses,
            expired,
            evicted,
        }
    }
}
