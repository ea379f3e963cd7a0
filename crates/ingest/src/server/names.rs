//! Which figures there are: their names, what they say, and the fields they are read from. Counters get their `_total`
//! when they are written.

/// Of which kind a figure is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only grows, from the start of the server or the loading of the module.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A field of the module that this program does not know.
    Unknown,
}

/// A figure.
#[derive(Debug, Clone, Copy)]
pub struct Name {
    /// Its name, without the `_total` of counters.
    pub name: &'static str,
    /// What it says.
    pub help: &'static str,
    /// Its kind.
    pub kind: Kind,
}

const fn counter(name: &'static str, help: &'static str) -> Name {
    Name { name, help, kind: Kind::Counter }
}

const fn gauge(name: &'static str, help: &'static str) -> Name {
    Name { name, help, kind: Kind::Gauge }
}

/// Whether the figures below are to be had.
pub const UP: Name = gauge("liq_server_up", "Whether the server told its figures when it was last asked");
/// 1, with the version as label.
pub const MODULE: Name = gauge("liq_module_info", "The module that is loaded");
/// 1 for the mode in force, 0 for the others, by label.
pub const MODE: Name = gauge("liq_memory_mode", "Which memory mode is in force: 1 for it, 0 for the others");
/// 1 while `LIQ.MEMORY` warns.
pub const WARNING: Name = gauge("liq_memory_warning", "Whether LIQ.MEMORY warns of what endangers the data");
/// Events by status.
pub const ADDS: Name = counter("liq_adds", "Events sent to series, by what became of them");
/// Refused commands.
pub const ERRORS: Name = counter("liq_errors", "Refused commands, by name");
/// 1 while a disk or snapshot is as it should be.
pub const AOF_ENABLED: Name = gauge("liq_server_aof_enabled", "Whether the server keeps an append-only file");
/// How long ago a replica acknowledged.
pub const REPLICA_LAG: Name = gauge("liq_server_replica_lag_seconds", "Since a replica last acknowledged");
/// How much of the stream a replica has not acknowledged.
pub const REPLICA_BEHIND: Name = gauge("liq_server_replica_behind_bytes", "Of the stream that a replica lacks");

/// The names of the memory modes.
pub const MODES: [&str; 4] = ["normal", "compact", "aggregate", "critical"];

/// The statuses of events, fields of INFO under `liq_`.
pub const STATUSES: [&str; 6] = ["future", "late", "small", "duplicate", "filtered", "accepted"];

/// Fields of the section `liq` that are numbers as they stand.
pub const SECTION: [(&str, Name); 24] = [
    ("liq_memory_used", gauge("liq_memory_used_bytes", "What the module has allocated")),
    ("liq_series", gauge("liq_series", "Series")),
    ("liq_signals", counter("liq_signals", "Signals given")),
    ("liq_stale_signals", counter("liq_stale_signals", "Signals not given, as their event was too old")),
    ("liq_failed_signals", counter("liq_failed_signals", "Signals whose stream would not take them")),
    ("liq_failed_accepted", counter("liq_failed_accepted", "Accepted events whose stream would not take them")),
    ("liq_markets", gauge("liq_markets", "Markets")),
    ("liq_ticks", counter("liq_ticks", "Ticks and quotes sent to markets")),
    ("liq_failed_closes", counter("liq_failed_closes", "Closes of candles whose stream would not take them")),
    ("liq_fires", counter("liq_fires", "Triggers that fired or expired")),
    ("liq_fires_pending", gauge("liq_fires_pending", "Fires and expiries that were decided and not told yet")),
    ("liq_failed_fires", counter("liq_failed_fires", "Fires whose stream would not take them, each attempt")),
    ("liq_unjudged", counter("liq_unjudged", "Prices too old to be judged by while triggers waited")),
    ("liq_limiters", gauge("liq_limiters", "Limiters")),
    ("liq_rate_checks", counter("liq_rate_checks", "Rate limits asked to take a cost")),
    ("liq_rate_blocks", counter("liq_rate_blocks", "Rate limits that refused it")),
    ("liq_rate_bans", counter("liq_rate_bans", "Bans that limiters were told of")),
    ("liq_key_policies", gauge("liq_key_policies", "Key policies")),
    ("liq_key_ttl_given", counter("liq_key_ttl_given", "Expiries that key policies gave")),
    ("liq_key_ttl_shortened", counter("liq_key_ttl_shortened", "Expiries that key policies brought forward")),
    ("liq_key_checks_dropped", counter("liq_key_checks_dropped", "Keys written that were left to an audit")),
    ("liq_key_audits", counter("liq_key_audits", "Audits that came to their end")),
    ("liq_key_audit_running", gauge("liq_key_audit_running", "Whether an audit is under way")),
    ("liq_panics_caught", counter("liq_panics_caught", "Faults of the module that it survived")),
];

/// Fields of the section `liq` that stand in figures of another form, or are the sum of some.
pub const SHOWN_ELSEWHERE: [&str; 5] = ["liq_version", "liq_mode", "liq_memory_budget", "liq_adds", "liq_errors"];

/// Fields of `LIQ.MEMORY` beyond those of INFO.
pub const MEMORY: [(&str, Name, f64); 3] = [
    (
        "budget",
        gauge("liq_memory_budget_bytes", "What is judged by: liq.memory-budget, else maxmemory; 0 is none"),
        1.0,
    ),
    ("ratio", gauge("liq_memory_ratio", "The share of the budget that is used"), 1.0),
    ("since", gauge("liq_memory_mode_since_seconds", "When the mode was entered, Unix seconds"), 1e-3),
];

/// Numbers of each key policy, by the name that its line gives them; the first four are the last audit's.
pub const POLICY: [(&str, Name); 7] = [
    ("keys", gauge("liq_key_keys", "Keys under a policy, at the last audit")),
    ("bytes", gauge("liq_key_bytes", "Memory of the keys under a policy, at the last audit")),
    ("no_ttl", gauge("liq_key_no_ttl", "Keys under a policy without expiry, at the last audit")),
    ("broken", gauge("liq_key_broken", "Keys that break their policy, at the last audit")),
    ("misses", counter("liq_key_misses", "Reads of missing keys under a policy")),
    ("expired", counter("liq_key_expired", "Keys under a policy that expired")),
    ("evicted", counter("liq_key_evicted", "Keys under a policy that were evicted")),
];

/// Fields of the server's own sections.
pub const SERVER: [(&str, Name); 5] = [
    ("connected_slaves", gauge("liq_server_replicas", "Replicas that are connected")),
    ("used_memory", gauge("liq_server_memory_used_bytes", "Memory that the server has allocated")),
    ("maxmemory", gauge("liq_server_memory_limit_bytes", "maxmemory; 0 is no limit")),
    ("evicted_keys", counter("liq_server_evicted_keys", "Keys that were evicted")),
    ("rejected_connections", counter("liq_server_rejected_connections", "Connections over maxclients")),
];

/// Fields that say `ok` or not.
pub const STATES: [(&str, Name); 3] = [
    ("aof_last_write_status", gauge("liq_server_aof_write_ok", "Whether the append-only file took the last write")),
    ("aof_last_bgrewrite_status", gauge("liq_server_aof_rewrite_ok", "Whether its last rewrite was finished")),
    ("rdb_last_bgsave_status", gauge("liq_server_rdb_save_ok", "Whether the last snapshot was saved")),
];

/// The name under which `/metrics` shows a field of the section `liq` that is a number as it stands.
pub fn shown_as(field: &str) -> Option<String> {
    let (_, Name { name, kind, .. }) = SECTION.iter().find(|(known, _)| *known == field)?;
    Some(if *kind == Kind::Counter { format!("{name}_total") } else { (*name).to_owned() })
}
