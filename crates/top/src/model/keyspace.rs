//! What keys are like: the newest audit, and what each policy did.

use std::collections::BTreeMap;

use serde::Serialize;

/// KEYS.AUDIT. What a user may not read is null, and what no audit has told yet.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct AuditRow {
    /// `idle` or `running`.
    pub state: Option<String>,
    /// Percent of all keys that the one that runs, or ran last, has seen.
    pub progress_pct: Option<f64>,
    /// When the last complete one ended, Unix milliseconds. What follows is what it found.
    pub at_ms: Option<u64>,
    /// How long it took, milliseconds.
    pub took_ms: Option<u64>,
    /// Keys.
    pub keys: Option<u64>,
    /// About the memory they take.
    pub bytes: Option<u64>,
    /// Keys without an expiry.
    pub no_ttl: Option<u64>,
    /// Keys that no policy rules.
    pub unregistered: Option<u64>,
    /// Keys that break their policy.
    pub broken: Option<u64>,
    /// Groups of keys: those that break rules first, then by memory; at most 200.
    pub groups: Vec<GroupRow>,
}

/// The keys of a policy, or of a namespace without one.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GroupRow {
    /// The database.
    pub db: u64,
    /// The policy's prefix, or the namespace; `(none)` and `(other)` as the audit calls them.
    pub prefix: String,
    /// The policy's rules; null where no policy rules.
    pub policy: Option<String>,
    /// Keys.
    pub keys: u64,
    /// About the memory they take.
    pub bytes: u64,
    /// Keys without an expiry.
    pub no_ttl: u64,
    /// Keys idle for longer than the policy allows, else for seven days; null where the server knows no idle times.
    pub idle: Option<u64>,
    /// Keys by the rule that they break.
    pub broken: BTreeMap<String, u64>,
    /// Keys gained in an hour since the audit before; null without one.
    pub keys_per_hour: Option<f64>,
    /// Memory likewise.
    pub bytes_per_hour: Option<f64>,
}

/// A policy, and what happened to its keys since the module was loaded.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyRow {
    /// The prefix of the names it rules.
    pub prefix: String,
    /// Its rules, as KEYS.POLICY takes them.
    pub rules: String,
    /// Whether the server gives keys the expiry that they lack.
    pub is_applied: bool,
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
