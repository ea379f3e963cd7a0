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
    /// Whether they were refused when they were asked for last, for whatever reason.
    is_hour_refused: bool,
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

    /// Forgets the streams that no series names any more, with their signals: one that is named again is read anew.
    fn forget_streams(&mut self) {
        if self.streams.is_empty() {
            return;
        }
        let named: BTreeSet<&[u8]> =
            self.series.values().filter_map(|series| Some(series.info.as_ref()?.signals.0.as_slice())).collect();
        let is_named = |key: &[u8]| named.contains(key);
        if !self.streams.keys().all(|key| is_named(key.bytes())) {
            self.streams.retain(|key, _| is_named(key.bytes()));
            let names: BTreeSet<String> = self.streams.keys().map(|key| answers::text(key.bytes())).collect();
            self.signals.retain(|signal| names.contains(&signal.stream));
        }
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
        let is_whole = |series: &Series| series.error.is_some() || (series.is_looked_at && series.is_charted());
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

    /// Whether its hour was read, or refused.
    const fn is_charted(&self) -> bool {
        self.has_no_minutes || self.is_hour_refused || !self.hour.is_empty()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    const BUSY: &str = "-BUSY Redis is busy running a script.\r\n";

    fn key() -> Key {
        Key::from(b"liq:{BTC}".as_slice())
    }

    fn take(board: &mut Board, question: &Question, reply: &str) {
        board.take(question, redis::parse_redis_value(reply.as_bytes()));
    }

    fn is_asked(board: &mut Board, question: &Question) -> bool {
        board.batch(std::iter::empty()).questions.contains(question)
    }

    /// LIQ.INFO of a series with this stream of signals, and its full detail.
    fn info(signals: &str) -> String {
        let counts = "retention window minevents maxlen accepted_maxlen precision precision_now tail tail_now idle events \
                      tail_events panes pane_ms memory total_accepted total_filtered total_small total_duplicate total_late \
                      total_future total_signals total_stale_signals vwapwindow percentile minsize longoffset shortoffset";
        let mut words: Vec<String> = counts.split_whitespace().map(|name| format!("+{name}\r\n:3600000\r\n")).collect();
        words.extend(["tail_first", "first", "last"].map(|name| format!("+{name}\r\n$-1\r\n")));
        words.extend(
            [("accepted", ""), ("market", ""), ("clock", "SERVER"), ("signals", signals)]
                .map(|(name, text)| format!("+{name}\r\n+{text}\r\n")),
        );
        words.push("+exchanges\r\n*0\r\n".to_owned());
        format!("*{}\r\n{}", words.len() * 2, words.concat())
    }

    /// That knows one series.
    fn board(signals: &str) -> Board {
        let mut board = Board::new("x", 3_600_000);
        board.add(Kind::Series, key());
        take(&mut board, &Question::Info(key()), &info(signals));
        assert!(board.series[&key()].info.is_some(), "{:?}", board.series[&key()].error);
        board
    }

    #[test]
    fn a_chart_that_a_busy_server_refuses_is_asked_for_again() {
        let (mut board, question) = (board(""), Question::Hour(key()));
        assert!(is_asked(&mut board, &question));
        for refusal in [BUSY, "-LOADING Redis is loading the dataset in memory\r\n", BUSY] {
            take(&mut board, &question, refusal);
            assert!(is_asked(&mut board, &question), "{refusal}");
        }
        board.series.get_mut(&key()).unwrap().hour = vec![1.0, 2.0];
        take(&mut board, &question, BUSY);
        assert_eq!(board.series[&key()].hour, [1.0, 2.0], "what was read is shown");
        assert!(is_asked(&mut board, &question));
        let short = "-ERR BUCKET: must be a multiple of 5m, the width of the panes in the window, got '1m'\r\n";
        take(&mut board, &question, short);
        assert!(board.series[&key()].hour.is_empty());
        assert!(!is_asked(&mut board, &question), "while memory is short there are no minutes");
        take(&mut board, &Question::Info(key()), &info(""));
        assert!(is_asked(&mut board, &question), "there may be again");
    }

    #[test]
    fn one_picture_waits_for_no_chart_that_is_refused() {
        let mut board = board("");
        let series = board.series.get_mut(&key()).unwrap();
        (series.stats, series.is_looked_at) = (Some(Stats::default()), true);
        assert!(!board.series[&key()].is_charted());
        take(&mut board, &Question::Hour(key()), BUSY);
        assert!(board.series[&key()].is_charted());
    }

    #[test]
    fn a_stream_that_no_series_names_any_more_is_forgotten() {
        let (mut board, question) = (board("signals"), Question::Signals(Key::from(b"signals".as_slice())));
        assert!(is_asked(&mut board, &question));
        let entry = "*1\r\n*2\r\n$3\r\n5-1\r\n*2\r\n$6\r\nsymbol\r\n$3\r\nBTC\r\n";
        take(&mut board, &question, entry);
        take(&mut board, &question, "-NOPERM No permissions to access a key\r\n");
        assert_eq!((board.snapshot().signals.len(), board.snapshot().warnings.len()), (1, 1));
        assert!(is_asked(&mut board, &question));
        take(&mut board, &Question::Info(key()), &info(""));
        assert!(!is_asked(&mut board, &question));
        assert_eq!((board.snapshot().signals, board.snapshot().warnings), (Vec::new(), Vec::new()));
        // Named again it is read from its beginning, and nothing is told twice.
        take(&mut board, &Question::Info(key()), &info("signals"));
        assert!(is_asked(&mut board, &question));
        take(&mut board, &question, entry);
        assert_eq!(board.snapshot().signals.len(), 1);
        board.remove(&key());
        assert!(!is_asked(&mut board, &question), "nor is one whose series is gone");
    }
}
