//! What is shown: a picture of the server at one moment, in plain values. The faces read nothing else; `--once --json`
//! prints a [`Snapshot`] as it is, so its fields are promised by docs/liq-top.schema.json.

mod detail;
mod keyspace;
mod merge;

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::names::Key;

pub use detail::{Bands, Class, Detail, MOST_CLASSES, Span, Venue, classes};
pub use keyspace::{AuditRow, GroupRow, PolicyRow};
pub use merge::{MOST_GROUPS, by_volume, fullest_first, in_order, merged, newest_events, newest_signals};

/// The number of the JSON form; it grows when a field goes or changes its meaning.
pub const FORM: u32 = 1;

/// What is known now, and whether it is still so.
#[derive(Debug, Clone)]
pub struct View {
    /// Where the server is, without name and password.
    pub address: String,
    /// Whether it answers.
    pub link: Link,
    /// The newest picture; an old one while the server is away.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The series that are looked at closely.
    pub details: BTreeMap<Key, Arc<Detail>>,
}

impl View {
    /// Of a server that nobody has asked yet.
    pub fn new(address: &str) -> Self {
        Self { address: address.to_owned(), link: Link::Connecting, snapshot: None, details: BTreeMap::new() }
    }
}

/// Whether the server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not asked yet.
    Connecting,
    /// It answers.
    Up,
    /// It does not.
    Down {
        /// Since when, Unix milliseconds of this machine.
        since_ms: u64,
        /// Why.
        why: String,
    },
}

/// The server at one moment.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Snapshot {
    /// [`FORM`].
    pub form: u32,
    /// When it was taken, by the server's clock, Unix milliseconds.
    pub at_ms: u64,
    /// The window that was asked for, milliseconds.
    pub window_ms: u64,
    /// The server itself.
    pub server: ServerRow,
    /// Its memory, as the module judges it.
    pub memory: MemoryRow,
    /// How keys are found, and how many are known.
    pub keys: KeysRow,
    /// One row per series, by volume, the largest first.
    pub symbols: Vec<SymbolRow>,
    /// Newest large liquidations, newest first: of at least the p95 of their series' window.
    pub events: Vec<EventRow>,
    /// Newest signals of the streams that series name, newest first.
    pub signals: Vec<SignalRow>,
    /// Markets by name.
    pub markets: Vec<MarketRow>,
    /// Limiters, the one nearest its limit first.
    pub limiters: Vec<LimiterRow>,
    /// What the newest audit found of all keys.
    pub audit: AuditRow,
    /// What keys must be like, by prefix.
    pub policies: Vec<PolicyRow>,
    /// What cannot be shown, and what endangers the data, in sentences.
    pub warnings: Vec<String>,
}

/// The server itself, from INFO. What a user may not read is null.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct ServerRow {
    /// Where it is, without name and password.
    pub address: String,
    /// Version of Redis or Valkey.
    pub version: Option<String>,
    /// Version of the module.
    pub module_version: Option<String>,
    /// `master` or `slave`, as INFO says.
    pub role: Option<String>,
    /// Whether it is a node of a cluster: then only its own keys are here, unless all masters are.
    pub is_cluster: bool,
    /// Servers that this picture is of: 1, or the masters of a cluster.
    pub masters: u64,
    /// Seconds since its start.
    pub uptime_s: Option<u64>,
    /// Commands a second.
    pub ops_per_second: Option<u64>,
    /// Clients connected.
    pub clients: Option<u64>,
    /// Bytes the server uses.
    pub used_memory: Option<u64>,
    /// `maxmemory`; 0 is none.
    pub max_memory: Option<u64>,
    /// Keys evicted since the start.
    pub evicted_keys: Option<u64>,
    /// Triggers fired since the start.
    pub fires: Option<u64>,
    /// Signals that could not be appended since the start.
    pub failed_signals: Option<u64>,
}

/// LIQ.MEMORY. What a user may not read is null.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct MemoryRow {
    /// `normal`, `compact`, `aggregate`, `critical`.
    pub mode: Option<String>,
    /// Bytes the module has allocated.
    pub used: Option<u64>,
    /// What is judged by, bytes; 0 is none.
    pub budget: Option<u64>,
    /// The share of it that is used, 0 … 1; null without a budget.
    pub ratio: Option<f64>,
    /// When the mode was entered, Unix milliseconds.
    pub since_ms: Option<u64>,
    /// `warning` from 85 %, `alert` from 90 % of the budget, else null.
    pub alarm: Option<Alarm>,
    /// Of several masters the one with the least room, of which all of this is.
    pub node: Option<String>,
}

/// How near the end of memory is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Alarm {
    /// From 85 % on.
    Warning,
    /// From 90 % on.
    Alert,
}

impl Alarm {
    /// Of a share of the budget.
    pub fn at(ratio: f64) -> Option<Self> {
        match ratio {
            ratio if ratio >= 0.90 => Some(Self::Alert),
            ratio if ratio >= 0.85 => Some(Self::Warning),
            _ => None,
        }
    }
}

/// How keys are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum FoundBy {
    /// Keyspace events tell of new and deleted keys.
    Events,
    /// `notify-keyspace-events` lacks some: all keys are looked through now and then.
    #[default]
    Rescans,
}

/// How many keys are known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct KeysRow {
    /// How new ones are found.
    pub found_by: FoundBy,
    /// Series.
    pub series: usize,
    /// Markets.
    pub markets: usize,
    /// Limiters.
    pub limiters: usize,
    /// Series whose figures are not read yet.
    pub unread: usize,
}

/// A series in the window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SymbolRow {
    /// The key as bytes, for asking about it.
    #[serde(skip)]
    pub name: Key,
    /// The key; bytes that are no UTF-8 are replaced.
    pub key: String,
    /// What stands in its braces, else the key.
    pub symbol: String,
    /// When the figures were read, Unix milliseconds.
    pub read_ms: u64,
    /// The window they are of, milliseconds: shorter than asked for where the series keeps less.
    pub window_ms: u64,
    /// Events.
    pub count: u64,
    /// Notional.
    pub volume: f64,
    /// Of forced buys: liquidated shorts.
    pub buy_volume: f64,
    /// Of forced sells: liquidated longs.
    pub sell_volume: f64,
    /// Median size.
    pub p50: Option<f64>,
    /// 80th percentile.
    pub p80: Option<f64>,
    /// 95th percentile.
    pub p95: Option<f64>,
    /// Volume-weighted average price.
    pub vwap: Option<f64>,
    /// Price of the newest event.
    pub last_price: Option<f64>,
    /// That price against the VWAP, percent.
    pub deviation_pct: Option<f64>,
    /// How much busier than usual.
    pub rate_ratio: Option<f64>,
    /// Time of the newest event in the window, Unix milliseconds.
    pub last_ms: Option<u64>,
    /// Volume by minute of the last hour, oldest first; empty where that is not known.
    pub hour: Vec<f64>,
    /// Why figures are missing.
    pub error: Option<String>,
}

/// A large liquidation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventRow {
    /// When, Unix milliseconds.
    pub ts_ms: u64,
    /// Of which symbol.
    pub symbol: String,
    /// The forced order: `buy` (a short was liquidated) or `sell` (a long).
    pub side: &'static str,
    /// Its price.
    pub price: f64,
    /// Its notional.
    pub size: f64,
    /// Where.
    pub exchange: Option<String>,
}

/// A signal, as its stream has it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SignalRow {
    /// Its id in the stream.
    pub id: String,
    /// The stream.
    pub stream: String,
    /// Of which symbol.
    pub symbol: String,
    /// What to trade.
    pub side: String,
    /// Why.
    pub entry_reason: String,
    /// Price of the liquidation.
    pub price: Option<f64>,
    /// Its distance from the VWAP, percent.
    pub vwap_deviation: Option<f64>,
    /// Its notional.
    pub liquidation_size: Option<f64>,
    /// When it was, Unix milliseconds.
    pub ts_ms: Option<u64>,
    /// Where.
    pub exchange: Option<String>,
}

/// A market.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MarketRow {
    /// The key.
    pub key: String,
    /// What stands in its braces, else the key.
    pub symbol: String,
    /// The last price, exact, as text.
    pub price: Option<String>,
    /// How old it is, milliseconds.
    pub age_ms: Option<u64>,
    /// Whether the market calls that stale.
    pub is_stale: Option<bool>,
    /// Triggers armed.
    pub armed: Option<u64>,
    /// Triggers that wait for a price.
    pub waiting: Option<u64>,
    /// Triggers that fired and are not told yet.
    pub pending: Option<u64>,
    /// Triggers that fired since the market was made.
    pub fired: Option<u64>,
    /// Stretches of time in which trades may be missing.
    pub gaps: Option<u64>,
    /// Why figures are missing.
    pub error: Option<String>,
}

/// A limiter, by the limit that is used most.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LimiterRow {
    /// The key.
    pub key: String,
    /// The share of its fullest limit that is used, 0 … 1.
    pub used_share: f64,
    /// Used of that limit.
    pub used: u64,
    /// What that limit holds.
    pub burst: u64,
    /// In so long, milliseconds.
    pub period_ms: u64,
    /// How long a ban lasts; 0 without one.
    pub ban_ms: u64,
}
