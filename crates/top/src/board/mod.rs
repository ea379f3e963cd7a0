//! What is known of the server, key by key, and in which order it is asked about: `asking` makes the one batch of a
//! refresh, `answers` takes its replies, `picture` makes the [`Snapshot`](crate::model::Snapshot) that is shown.
//!
//! How much a refresh asks is bounded, whatever the server holds: every series has its turn, and where there are more
//! than a batch may ask about, the turn comes less often and each row tells when it was read.

mod answers;
mod asking;
mod closely;
mod keyspace;
mod picture;

use std::collections::{BTreeMap, BTreeSet};

use redis_liq::{MemoryInfo, SeriesInfo, Stats, ticks};

use crate::keys::Kind;
use crate::model::{Detail, EventRow, FoundBy, LimiterRow, ServerRow, SignalRow};
use crate::names::Key;
use keyspace::Keyspace;

pub use asking::{Batch, Question};
pub use closely::Part;

/// Length of the small chart of every row.
const HOUR_MS: u64 = 3_600_000;

/// Everything known of one server.
#[derive(Debug)]
pub struct Board {
    window_ms: u64,
    /// The server's clock at the newest answer.
    now_ms: u64,
    server: ServerRow,
    memory: Option<MemoryInfo>,
    found_by: FoundBy,
    series: BTreeMap<Key, Series>,
    markets: BTreeMap<Key, Market>,
    limiters: BTreeMap<Key, Limiter>,
    streams: BTreeMap<Key, Stream>,
    /// Keys of which the server did not say what they are: they are asked about again.
    untyped: BTreeSet<Key>,
    keyspace: Keyspace,
    events: Vec<EventRow>,
    signals: Vec<SignalRow>,
    /// By what they are about, so that each is told once.
    warnings: BTreeMap<&'static str, String>,
    turns: Turns,
    is_thorough: bool,
    /// Whether other nodes of the cluster are shown beside it.
    is_part: bool,
    /// The series that somebody looks at closely.
    details: BTreeMap<Key, Detail>,
}

/// What is known of a series.
#[derive(Debug, Default)]
struct Series {
    info: Option<Box<SeriesInfo>>,
    stats: Option<Stats>,
    /// The window of those.
    stats_window_ms: u64,
    read_ms: u64,
    hour: Vec<f64>,
    /// Whether minutes were refused: they are not kept while memory is short.
    has_no_minutes: bool,
    last_price: Option<f64>,
    /// The newest event that was looked at.
    newest_ms: Option<u64>,
    /// Whether events were looked for at all.
    is_looked_at: bool,
    /// Why its figures cannot be read.
    error: Option<String>,
    /// Why its events cannot be.
    look_error: Option<String>,
}

/// What is known of a market.
#[derive(Debug, Default)]
struct Market {
    last: Option<ticks::LastReply>,
    read_ms: u64,
    info: Option<Box<ticks::MarketInfo>>,
    /// Why its price cannot be read.
    error: Option<String>,
    /// Why its triggers cannot be.
    info_error: Option<String>,
}

/// What is known of a limiter.
#[derive(Debug, Default)]
struct Limiter {
    row: Option<LimiterRow>,
    /// Why it cannot be read.
    error: Option<String>,
}

/// A stream of signals, and how far it is read.
#[derive(Debug, Default)]
struct Stream {
    last_id: Option<Vec<u8>>,
    is_read: bool,
    /// Why it cannot be.
    error: Option<String>,
}

/// Whose turn is next, by what is asked.
#[derive(Debug, Default)]
struct Turns {
    stats: Option<Key>,
    newest: Option<Key>,
    hour: Option<Key>,
    info: Option<Key>,
    price: Option<Key>,
    market: Option<Key>,
    limiter: Option<Key>,
    stream: Option<Key>,
}

impl Board {
    /// Of a server nobody has asked yet.
    pub fn new(address: &str, window_ms: u64) -> Self {
        Self {
            window_ms,
            now_ms: 0,
            server: ServerRow { address: address.to_owned(), masters: 1, ..ServerRow::default() },
            memory: None,
            found_by: FoundBy::Rescans,
            series: BTreeMap::new(),
            markets: BTreeMap::new(),
            limiters: BTreeMap::new(),
            streams: BTreeMap::new(),
            untyped: BTreeSet::new(),
            keyspace: Keyspace::default(),
            events: Vec::new(),
            signals: Vec::new(),
            warnings: BTreeMap::new(),
            turns: Turns::default(),
            is_thorough: false,
            is_part: false,
            details: BTreeMap::new(),
        }
    }

    /// For one picture: what changes slowly is asked at once too.
    pub const fn be_thorough(&mut self) {
        self.is_thorough = true;
    }

    /// The other nodes of the cluster are shown too.
    pub const fn be_part(&mut self) {
        self.is_part = true;
    }

    /// Whether the server is a replica, as far as is known.
    pub fn is_replica(&self) -> bool {
        self.server.role.as_deref() == Some("slave")
    }

    /// Shows another window from the next refresh on.
    pub fn set_window(&mut self, window_ms: u64) {
        if std::mem::replace(&mut self.window_ms, window_ms) != window_ms {
            self.series.values_mut().for_each(|series| series.stats = None);
        }
    }

    /// How new keys are found.
    pub const fn set_found_by(&mut self, found_by: FoundBy) {
        self.found_by = found_by;
    }

    /// The same.
    pub const fn found_by(&self) -> FoundBy {
        self.found_by
    }

    /// Tells something once, or that it is over.
    pub fn warn(&mut self, about: &'static str, text: Option<String>) {
        match text {
            Some(text) => drop(self.warnings.insert(about, text)),
            None => drop(self.warnings.remove(about)),
        }
    }

    /// A key is there.
    pub fn add(&mut self, kind: Kind, key: Key) {
        match kind {
            Kind::Series => drop(self.series.entry(key).or_default()),
            Kind::Market => drop(self.markets.entry(key).or_default()),
            Kind::Limiter => drop(self.limiters.entry(key).or_default()),
        }
    }

    /// A key is gone.
    pub fn remove(&mut self, key: &Key) {
        self.series.remove(key);
        self.markets.remove(key);
        self.limiters.remove(key);
    }

    /// These are all keys of a kind, apart from those that came meanwhile.
    pub fn replace(&mut self, kind: Kind, found: &BTreeSet<Key>, came: &BTreeSet<Key>) {
        let stays = |key: &Key| found.contains(key) || came.contains(key);
        match kind {
            Kind::Series => self.series.retain(|key, _| stays(key)),
            Kind::Market => self.markets.retain(|key, _| stays(key)),
            Kind::Limiter => self.limiters.retain(|key, _| stays(key)),
        }
        found.iter().for_each(|key| self.add(kind, key.clone()));
    }

    /// How many keys of ours there are by our books.
    pub fn known(&self) -> u64 {
        (self.series.len() + self.markets.len() + self.limiters.len()) as u64
    }

    /// How many there are by the server's, in all its databases.
    pub fn counted(&self) -> Option<u64> {
        self.memory.as_ref().map(|memory| memory.series + memory.markets + memory.limiters)
    }

    /// Whether everything that is known has been read once.
    pub fn is_read(&self) -> bool {
        self.now_ms > 0
            && self.series.values().all(Series::is_read)
            && self.markets.values().all(|market| market.read_ms > 0)
            && self.limiters.values().all(|limiter| limiter.row.is_some() || limiter.error.is_some())
    }

    /// And whether that goes for what is asked only now and then.
    pub fn is_whole(&self) -> bool {
        let is_whole = |series: &Series| {
            series.error.is_some() || (series.is_looked_at && (series.has_no_minutes || !series.hour.is_empty()))
        };
        self.is_read()
            && self.series.values().all(is_whole)
            && self.markets.values().all(|market| market.info.is_some() || market.info_error.is_some())
            && self.streams.values().all(|stream| stream.is_read)
            && self.keyspace.is_read()
    }

    /// The window of a series: no longer than it keeps.
    fn window_of(&self, series: &Series) -> u64 {
        let kept = series.info.as_ref().map(|info| u64::try_from(info.retention.as_millis()).unwrap_or(u64::MAX));
        self.window_ms.min(kept.unwrap_or(u64::MAX))
    }
}

impl Series {
    const fn is_read(&self) -> bool {
        self.error.is_some() || (self.stats.is_some() && self.info.is_some())
    }
}
