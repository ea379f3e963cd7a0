//! The spool: events on disk from their arrival until Redis counted them, in one SQLite file.
//!
//! SQLite's write-ahead log survives the death of the process at any point; a power cut may take the last moments but
//! never the file's consistency. Events get their batch's number when they are first sent, and keep it.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use liq_core::liq::request::{EventId, NewEvent, decode_events, encode_events};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::courier::Packed;
use crate::config::KeyTemplate;
use crate::event::Event;

const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS series (
        id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, symbol TEXT NOT NULL, exchange TEXT NOT NULL, threshold REAL
    );
    CREATE TABLE IF NOT EXISTS event (
        id INTEGER PRIMARY KEY AUTOINCREMENT, series INTEGER NOT NULL, batch INTEGER NOT NULL DEFAULT 0,
        protected INTEGER NOT NULL, size REAL NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS event_of_series ON event (series, id);
    CREATE INDEX IF NOT EXISTS smallest ON event (protected, size) WHERE batch = 0;
    CREATE TABLE IF NOT EXISTS producer (name TEXT NOT NULL);
";

/// How long another process may still hold the file while it ends.
const LOCK_WAIT: Duration = Duration::from_millis(500);

/// Waiting events of a series that are judged anew when its threshold changes.
const MOST_JUDGED_ANEW: u64 = 10_000;

/// Why the spool does not work.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// SQLite's word.
    #[error("spool: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The folder.
    #[error("spool: {0}")]
    Io(#[from] std::io::Error),
}

/// A series with events waiting.
#[derive(Debug, Clone)]
pub struct Series {
    /// Its row.
    pub id: i64,
    /// Its key in Redis.
    pub key: Arc<str>,
    /// Canonical symbol.
    pub symbol: Arc<str>,
    /// Exchange, where keys differ by it; else empty.
    pub exchange: Arc<str>,
    /// Events of at least this size are kept longest.
    pub threshold: Option<f64>,
    waiting: u64,
}

/// The file and what is known of it without asking.
pub struct Spool {
    db: Connection,
    producer: Arc<str>,
    series: HashMap<Arc<str>, Series>,
    keys: HashMap<i64, Arc<str>>,
    events: u64,
    most_events: u64,
    next_key: usize,
    names: HashMap<(Arc<str>, Arc<str>), Arc<str>>,
}

impl Spool {
    /// Opens or begins the spool of a folder; no two processes can have one.
    pub fn open(folder: &Path, most_events: u64) -> Result<Self, SpoolError> {
        std::fs::create_dir_all(folder)?;
        let db = Connection::open(folder.join("spool.sqlite"))?;
        db.busy_timeout(LOCK_WAIT)?;
        db.pragma_update(None, "locking_mode", "EXCLUSIVE")?;
        db.pragma_update(None, "journal_mode", "WAL")?;
        db.pragma_update(None, "synchronous", "NORMAL")?;
        // Emptying the log waits for the disk; the pages are few and the same again and again, so the log may grow.
        db.pragma_update(None, "wal_autocheckpoint", 4096)?;
        db.pragma_update(None, "cache_size", -4096)?;
        db.pragma_update(None, "journal_size_limit", 16 << 20)?;
        db.execute_batch(SCHEMA)?;
        let producer = producer_of(&db)?;
        let mut spool = Self {
            db,
            producer,
            series: HashMap::new(),
            keys: HashMap::new(),
            events: 0,
            most_events,
            next_key: 0,
            names: HashMap::new(),
        };
        spool.load()?;
        Ok(spool)
    }

    fn load(&mut self) -> Result<(), SpoolError> {
        let mut rows = self.db.prepare(
            "SELECT s.id, s.key, s.symbol, s.exchange, s.threshold, (SELECT count(*) FROM event e WHERE e.series = s.id)
             FROM series s",
        )?;
        let found = rows.query_map([], |row| {
            let text = |column| row.get::<_, String>(column).map(Arc::<str>::from);
            let (id, key, symbol, exchange) = (row.get(0)?, text(1)?, text(2)?, text(3)?);
            let waiting: i64 = row.get(5)?;
            Ok(Series { id, key, symbol, exchange, threshold: row.get(4)?, waiting: waiting.max(0) as u64 })
        })?;
        for series in found {
            let series = series?;
            self.events += series.waiting;
            self.keys.insert(series.id, Arc::clone(&series.key));
            self.series.insert(Arc::clone(&series.key), series);
        }
        Ok(())
    }

    /// Who sends: this spool's name towards the server, drawn when the file was begun.
    pub fn producer(&self) -> Arc<str> {
        Arc::clone(&self.producer)
    }

    /// Events that wait.
    pub const fn len(&self) -> u64 {
        self.events
    }

    /// Whether none waits.
    pub const fn is_empty(&self) -> bool {
        self.events == 0
    }

    /// Whether events wait in a series that is not to be passed over.
    pub fn has_waiting(&self, passed: impl Fn(i64) -> bool) -> bool {
        self.series.values().any(|series| series.waiting > 0 && !passed(series.id))
    }

    /// The key of an event's series.
    pub fn key_of(&mut self, template: &KeyTemplate, event: &Event) -> Arc<str> {
        let exchange = if template.is_per_exchange() { &*event.exchange } else { "" };
        let name = (Arc::clone(&event.symbol), Arc::from(exchange));
        let known = self.names.entry(name).or_insert_with(|| Arc::from(template.expand(&event.symbol, exchange)));
        Arc::clone(known)
    }

    /// The most events it holds.
    pub const fn most_events(&self) -> u64 {
        self.most_events
    }

    /// Takes events with their keys, all or none; answers how many had to go to make room.
    ///
    /// What goes are the smallest of those below their series' threshold, and only when none of them is left the
    /// smallest of the others. `smallest` is what counts as threshold while none is known.
    pub fn append(
        &mut self,
        events: &[(Arc<str>, Event)],
        is_per_exchange: bool,
        smallest: impl Fn(&Event) -> f64,
    ) -> Result<u64, SpoolError> {
        let mut arrived: HashMap<i64, u64> = HashMap::new();
        let mut new_series = Vec::new();
        let transaction = self.db.transaction()?;
        {
            let mut insert =
                transaction.prepare_cached("INSERT INTO event (series, protected, size, body) VALUES (?, ?, ?, ?)")?;
            for (key, event) in events {
                let known =
                    self.series.get(key).or_else(|| new_series.iter().find(|series: &&Series| series.key == *key));
                let (id, threshold) = match known {
                    Some(series) => (series.id, series.threshold),
                    None => {
                        let series = begin_series(&transaction, key, event, is_per_exchange)?;
                        let known = (series.id, series.threshold);
                        new_series.push(series);
                        known
                    }
                };
                let protected = event.size >= threshold.unwrap_or_else(|| smallest(event));
                insert.execute(params![id, protected, event.size, encode_events(&[wire_form(event)])])?;
                *arrived.entry(id).or_default() += 1;
            }
        }
        let surplus = (self.events + events.len() as u64).saturating_sub(self.most_events);
        let gone = make_room(&transaction, surplus)?;
        transaction.commit()?;
        for series in new_series {
            self.keys.insert(series.id, Arc::clone(&series.key));
            self.series.insert(Arc::clone(&series.key), series);
        }
        for (id, count) in arrived {
            self.change(id, count as i64);
        }
        for id in &gone {
            self.change(*id, -1);
        }
        Ok(gone.len() as u64)
    }

    /// The next batch of each of at most `most_series` series, the same again until it is settled. Series in `passed`
    /// are passed over.
    pub fn next_batches(
        &mut self,
        most_series: usize,
        batch: usize,
        passed: impl Fn(i64) -> bool,
    ) -> Result<Vec<(Series, Packed)>, SpoolError> {
        let mut waiting: Vec<&Series> =
            self.series.values().filter(|series| series.waiting > 0 && !passed(series.id)).collect();
        waiting.sort_unstable_by_key(|series| series.id);
        if waiting.len() > most_series {
            // Turn by turn, so that a busy series does not hold up the others.
            let turn = self.next_key % waiting.len();
            waiting.rotate_left(turn);
            waiting.truncate(most_series);
            self.next_key = turn + most_series;
        }
        let waiting: Vec<Series> = waiting.into_iter().cloned().collect();
        let transaction = self.db.transaction()?;
        let mut batches = Vec::with_capacity(waiting.len());
        for series in waiting {
            if let Some(packed) = next_batch(&transaction, series.id, batch)? {
                batches.push((series, packed));
            }
        }
        transaction.commit()?;
        Ok(batches)
    }

    /// Forgets batches that were counted.
    pub fn settle(&mut self, batches: &[(i64, u64)]) -> Result<(), SpoolError> {
        let transaction = self.db.transaction()?;
        let mut settled = Vec::with_capacity(batches.len());
        {
            let mut delete = transaction.prepare_cached("DELETE FROM event WHERE series = ? AND batch = ?")?;
            for (series, seq) in batches {
                settled.push((*series, delete.execute(params![series, *seq as i64])?));
            }
        }
        transaction.commit()?;
        for (series, count) in settled {
            self.change(series, -(count as i64));
        }
        Ok(())
    }

    /// Forgets the event in one place (from 1) of a series' batch: the server will never take it.
    pub fn discard(&mut self, series: i64, seq: u64, place: usize) -> Result<(), SpoolError> {
        let gone = self.db.execute(
            "DELETE FROM event WHERE id = (SELECT id FROM event WHERE series = ?1 AND batch = ?2 ORDER BY id LIMIT 1 OFFSET ?3)",
            params![series, seq as i64, place.saturating_sub(1) as i64],
        )?;
        self.change(series, -(gone as i64));
        Ok(())
    }

    /// Notes from which size on a series' events are kept longest. Events that wait are judged anew, unless they are so
    /// many that Redis must have been away long: it is away no more, and they are about to go.
    pub fn set_threshold(&mut self, series: i64, threshold: f64) -> Result<(), SpoolError> {
        let Some(known) = self.keys.get(&series).and_then(|key| self.series.get_mut(key)) else { return Ok(()) };
        if known.threshold == Some(threshold) {
            return Ok(());
        }
        known.threshold = Some(threshold);
        self.db.execute("UPDATE series SET threshold = ?2 WHERE id = ?1", params![series, threshold])?;
        if (1..=MOST_JUDGED_ANEW).contains(&known.waiting) {
            self.db.execute("UPDATE event SET protected = size >= ?2 WHERE series = ?1", params![series, threshold])?;
        }
        Ok(())
    }

    fn change(&mut self, series: i64, by: i64) {
        self.events = self.events.saturating_add_signed(by);
        if let Some(series) = self.keys.get(&series).and_then(|key| self.series.get_mut(key)) {
            series.waiting = series.waiting.saturating_add_signed(by);
        }
    }
}

fn producer_of(db: &Connection) -> Result<Arc<str>, rusqlite::Error> {
    let known: Option<String> = db.query_row("SELECT name FROM producer", [], |row| row.get(0)).optional()?;
    if let Some(name) = known {
        return Ok(Arc::from(name));
    }
    let drawn: String = db.query_row("SELECT 'stream:' || lower(hex(randomblob(12)))", [], |row| row.get(0))?;
    db.execute("INSERT INTO producer (name) VALUES (?)", [&drawn])?;
    Ok(Arc::from(drawn))
}

fn begin_series(
    transaction: &Transaction<'_>,
    key: &Arc<str>,
    event: &Event,
    is_per_exchange: bool,
) -> Result<Series, rusqlite::Error> {
    let exchange = if is_per_exchange { Arc::clone(&event.exchange) } else { Arc::from("") };
    let symbol = Arc::clone(&event.symbol);
    transaction
        .execute("INSERT INTO series (key, symbol, exchange) VALUES (?, ?, ?)", params![key, symbol, exchange])?;
    let id = transaction.last_insert_rowid();
    Ok(Series { id, key: Arc::clone(key), symbol, exchange, threshold: None, waiting: 0 })
}

/// Deletes `surplus` events that were never sent; answers the series they were of.
fn make_room(transaction: &Transaction<'_>, surplus: u64) -> Result<Vec<i64>, rusqlite::Error> {
    if surplus == 0 {
        return Ok(Vec::new());
    }
    let mut delete = transaction.prepare_cached(
        "DELETE FROM event WHERE id IN (SELECT id FROM event WHERE batch = 0 ORDER BY protected, size LIMIT ?)
         RETURNING series",
    )?;
    let gone = delete.query_map([surplus as i64], |row| row.get(0))?;
    gone.collect()
}

fn next_batch(transaction: &Transaction<'_>, series: i64, batch: usize) -> Result<Option<Packed>, rusqlite::Error> {
    let mut select =
        transaction.prepare_cached("SELECT id, batch, body FROM event WHERE series = ? ORDER BY id LIMIT ?")?;
    let rows = select.query_map(params![series, batch as i64], |row| {
        Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, Vec<u8>>(2)?))
    })?;
    let mut rows = rows.collect::<Result<Vec<_>, _>>()?;
    let sent = rows.first().map_or(0, |(_, batch, _)| *batch);
    if sent != 0 {
        // Sent before, and nobody knows whether it was counted: the same again. It may have been made longer than now.
        let mut select = transaction
            .prepare_cached("SELECT id, batch, body FROM event WHERE series = ? AND batch = ? ORDER BY id")?;
        let again = select.query_map(params![series, sent], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        rows = again.collect::<Result<Vec<_>, _>>()?;
    }
    let Some(last) = rows.last().map(|(id, _, _)| *id) else { return Ok(None) };
    let seq = if sent != 0 { sent } else { last };
    if sent == 0 {
        let mut update =
            transaction.prepare_cached("UPDATE event SET batch = ?3 WHERE series = ?1 AND id <= ?2 AND batch = 0")?;
        update.execute(params![series, last, seq])?;
    }
    let events = rows.iter().filter_map(|(_, _, body)| decode_events(body, 1).ok()).flatten();
    Ok(Some(Packed::from_wire(seq as u64, &events.collect::<Vec<_>>())))
}

/// An event as it travels.
pub(super) fn wire_form(event: &Event) -> NewEvent<'_> {
    NewEvent {
        ts_ms: Some(event.ts_ms),
        side: event.side,
        price: event.price,
        size: event.size,
        exchange: Some(event.exchange.as_bytes()),
        id: (!event.id.is_empty()).then_some(EventId::Text(event.id.as_bytes())),
    }
}

#[cfg(test)]
#[path = "spool_tests.rs"]
mod tests;
