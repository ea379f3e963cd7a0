//! A shelf: events from their arrival until they were delivered and a moment longer, in one SQLite database, on disk or
//! in memory.
//!
//! An event's row is its number towards the server: a batch is sent under the row of its last event, so nothing needs
//! to be written for sending it. Rows are numbered anew by each process, under a producer's name of its own (an epoch),
//! so that a file that was rolled back never gives an old number to a new event. What an earlier process left may have
//! been delivered already: it goes one event to a batch until the server calls one of them new.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use rusqlite::{Connection, OptionalExtension, params};

use crate::entry::{Batch, Consignment, Entry, Labels, Series, Sound};
use crate::rows::{Row, begin_series, rows_behind};
use crate::{SpoolError, schema};

/// Events that go one to a batch in one delivery, while nobody knows whether they are new.
const SINGLES: usize = 256;
/// Of so many events nothing more goes in one delivery: it is to be over before its answer is given up.
const MOST_EVENTS: usize = 32_768;
/// Waiting events of a series that are judged anew when its threshold changes.
const MOST_JUDGED_ANEW: u64 = 10_000;

/// A series and how far it was delivered.
#[derive(Debug)]
pub(super) struct Track {
    pub(super) series: Series,
    /// Events that were not delivered.
    pub(super) waiting: u64,
    /// When the oldest of them came, Unix microseconds.
    pub(super) oldest_us: i64,
    /// Rows up to this one were delivered.
    pub(super) cursor: i64,
    /// Rows up to this one were taken off `waiting`: the cursor, unless the disk could not be read.
    pub(super) counted: i64,
    /// Rows that the server will never take and that the disk did not let go: they go with what was delivered.
    pub(super) refused: BTreeSet<i64>,
    /// Rows up to this one may have been delivered, nobody knows which.
    pub(super) doubt: i64,
    /// The last row of the batch that is under way, or 0: until its end is known it is sent as it was.
    pub(super) in_flight: i64,
    /// The last row that was given out, in a batch or by itself, while its end is not known, or 0.
    pub(super) given: i64,
}

impl Track {
    fn new(series: Series) -> Self {
        let (refused, waiting) = (BTreeSet::new(), 0);
        Self { series, waiting, oldest_us: 0, cursor: 0, counted: 0, refused, doubt: 0, in_flight: 0, given: 0 }
    }

    fn oldest_us(&self) -> Option<i64> {
        (self.waiting > 0).then_some(self.oldest_us)
    }

    /// Rows up to this one may have been sent.
    pub(super) fn last_sent(&self) -> i64 {
        self.cursor.max(self.doubt).max(self.in_flight)
    }
}

/// The database and what is known of it without asking.
#[derive(Debug)]
pub struct Shelf {
    pub(super) db: Connection,
    /// This process' own epoch, begun with its first event.
    epoch: Option<i64>,
    producers: HashMap<i64, Arc<str>>,
    pub(super) tracks: HashMap<i64, Track>,
    ids: HashMap<Arc<str>, i64>,
    /// Rows, those that were delivered a moment ago included.
    pub(super) rows: u64,
    /// Deliveries that are remembered a moment longer: when, whose, up to which row.
    pub(super) delivered: VecDeque<(Instant, i64, i64)>,
    /// The series that came last when not all had their turn, or 0.
    last_turn: i64,
    undecodable: u64,
    is_sound: Sound,
}

impl Shelf {
    /// Opens or begins the shelf in a file; no two processes can have one.
    pub fn open(file: &Path, is_sound: Sound) -> Result<Self, SpoolError> {
        Self::load(schema::open(file)?, is_sound)
    }

    /// A shelf that lives as long as the process.
    pub fn in_memory(is_sound: Sound) -> Result<Self, SpoolError> {
        Self::load(schema::in_memory()?, is_sound)
    }

    fn load(db: Connection, is_sound: Sound) -> Result<Self, SpoolError> {
        let mut shelf = Self {
            db,
            epoch: None,
            producers: HashMap::new(),
            tracks: HashMap::new(),
            ids: HashMap::new(),
            rows: 0,
            delivered: VecDeque::new(),
            last_turn: 0,
            undecodable: 0,
            is_sound,
        };
        let text = |row: &rusqlite::Row<'_>, column| row.get::<_, String>(column).map(Arc::<str>::from);
        let mut epochs = shelf.db.prepare("SELECT id, producer FROM epoch")?;
        for epoch in epochs.query_map([], |row| Ok((row.get(0)?, text(row, 1)?)))? {
            let (id, producer) = epoch?;
            shelf.producers.insert(id, producer);
        }
        drop(epochs);
        let mut known = shelf.db.prepare("SELECT id, key, symbol, exchange, threshold, venue, numbered FROM series")?;
        let found = known.query_map([], |row| {
            let venue = row.get::<_, Option<String>>(5)?.map(Cow::Owned);
            let labels = Labels { symbol: text(row, 2)?, exchange: text(row, 3)?, venue, is_numbered: row.get(6)? };
            Ok(Series { id: row.get(0)?, key: text(row, 1)?, labels, threshold: row.get(4)? })
        })?;
        for series in found {
            let series = series?;
            shelf.ids.insert(Arc::clone(&series.key), series.id);
            shelf.tracks.insert(series.id, Track::new(series));
        }
        drop(known);
        shelf.rewind()?;
        Ok(shelf)
    }

    /// Events that were not delivered.
    pub fn waiting(&self) -> u64 {
        self.tracks.values().map(|track| track.waiting).sum()
    }

    /// All events that are held, those that were delivered a moment ago included.
    pub const fn rows(&self) -> u64 {
        self.rows
    }

    /// When the oldest event came that was not delivered, Unix microseconds.
    pub fn oldest_us(&self) -> Option<i64> {
        self.tracks.values().filter_map(Track::oldest_us).min()
    }

    /// Rows that held no event, since the last time this was asked.
    pub const fn take_undecodable(&mut self) -> u64 {
        std::mem::replace(&mut self.undecodable, 0)
    }

    /// Whether events of a key wait that is not to be passed over.
    pub fn has_waiting(&self, passed: &impl Fn(&str) -> bool) -> bool {
        self.tracks.values().any(|track| track.waiting > 0 && !passed(&track.series.key))
    }

    /// Whether events of this key wait that came before a moment, Unix microseconds.
    pub fn has_waiting_since(&self, key: &str, before_us: i64) -> bool {
        self.oldest_of(key).is_some_and(|at_us| at_us < before_us)
    }

    /// When the oldest event of this key came that was not delivered, Unix microseconds.
    pub fn oldest_of(&self, key: &str) -> Option<i64> {
        self.ids.get(key).and_then(|id| self.tracks.get(id)).and_then(Track::oldest_us)
    }

    /// Keys of which events were sent without an answer, with when the oldest of them came.
    pub fn unanswered(&self) -> impl Iterator<Item = (&Arc<str>, i64)> {
        let sent = self.tracks.values().filter(|track| track.cursor < track.last_sent());
        sent.filter_map(|track| Some((&track.series.key, track.oldest_us()?)))
    }

    /// Takes events, all or none.
    pub fn append(&mut self, entries: &[Entry]) -> Result<(), SpoolError> {
        let mut taken: HashMap<i64, (u64, i64)> = HashMap::new();
        let mut begun: Vec<Series> = Vec::new();
        let transaction = self.db.transaction()?;
        let (epoch, producer) = match self.epoch {
            Some(epoch) => (epoch, None),
            None => schema::begin_epoch(&transaction).map(|(epoch, producer)| (epoch, Some(producer)))?,
        };
        {
            let mut insert = transaction.prepare_cached(
                "INSERT INTO event (series, epoch, at, protected, size, body) VALUES (?, ?, ?, ?, ?, ?)",
            )?;
            for Entry { key, labels, at_us, body, size, floor } in entries {
                let known = self.ids.get(key).and_then(|id| self.tracks.get(id)).map(|track| &track.series);
                let known = known.or_else(|| begun.iter().find(|series| series.key == *key));
                let (id, threshold) = match known {
                    Some(series) => (series.id, series.threshold),
                    None => {
                        let series = begin_series(&transaction, key, labels)?;
                        let id = series.id;
                        begun.push(series);
                        (id, None)
                    }
                };
                let protected = floor.is_some_and(|floor| *size >= threshold.unwrap_or(floor));
                insert.execute(params![id, epoch, at_us, protected, size, body])?;
                taken.entry(id).or_insert((0, *at_us)).0 += 1;
            }
        }
        transaction.commit()?;
        self.epoch = Some(epoch);
        self.producers.extend(producer.map(|producer| (epoch, producer)));
        for series in begun {
            self.ids.insert(Arc::clone(&series.key), series.id);
            self.tracks.insert(series.id, Track::new(series));
        }
        for (id, (count, first_us)) in taken {
            self.rows += count;
            if let Some(track) = self.tracks.get_mut(&id) {
                track.oldest_us = if track.waiting == 0 { first_us } else { track.oldest_us };
                track.waiting += count;
            }
        }
        Ok(())
    }

    /// What goes next to each of at most `most_series` keys, the same again until it is settled; to fewer where it is many
    /// events. Keys in `passed` are passed over.
    pub fn next(
        &mut self,
        most_series: usize,
        batch: usize,
        passed: &impl Fn(&str) -> bool,
    ) -> Result<Vec<Consignment>, SpoolError> {
        let due = |track: &&Track| track.waiting > 0 && !passed(&track.series.key);
        let mut ids: Vec<i64> = self.tracks.values().filter(due).map(|track| track.series.id).collect();
        ids.sort_unstable();
        // Turn by turn, so that a busy series does not hold up the others.
        let turn = ids.partition_point(|id| *id <= self.last_turn);
        ids.rotate_left(turn);
        let (mut consignments, mut events) = (Vec::with_capacity(ids.len().min(most_series)), 0);
        let mut last = 0;
        for id in ids {
            if consignments.len() >= most_series || events >= MOST_EVENTS {
                self.last_turn = last;
                return Ok(consignments);
            }
            if let Some(consignment) = self.next_of(id, batch)? {
                events += consignment.rows.len();
                consignments.push(consignment);
            }
            last = id;
        }
        self.last_turn = 0;
        Ok(consignments)
    }

    fn next_of(&mut self, id: i64, batch: usize) -> Result<Option<Consignment>, SpoolError> {
        self.count(id)?;
        let Some(track) = self.tracks.get_mut(&id) else { return Ok(None) };
        let most = if track.cursor < track.doubt { SINGLES } else { batch };
        let mut rows = rows_behind(&self.db, id, track.cursor, most, track.in_flight)?;
        if rows.is_empty() && track.in_flight > 0 {
            // All of what was under way had to make room.
            track.in_flight = 0;
            rows = rows_behind(&self.db, id, track.cursor, most, 0)?;
        }
        let Some(epoch) = rows.first().map(|row| row.epoch) else {
            track.waiting = 0;
            return Ok(None);
        };
        let refused: Vec<i64> = rows.extract_if(.., |row| track.refused.contains(&row.id)).map(|row| row.id).collect();
        if rows.is_empty() {
            return self.settle(id, &refused, false).map(|()| None);
        }
        let in_doubt = rows.first().is_some_and(|row| row.id <= track.doubt);
        let (doubt, mut left) = (track.doubt, if in_doubt { SINGLES } else { usize::MAX });
        let first = rows.first().map(|row| row.id);
        rows.retain(|row| {
            // A gap is told at a batch's beginning.
            let goes_on = !row.follows_gap() || first == Some(row.id);
            let fits = row.epoch == epoch && left > 0 && goes_on && (!in_doubt || row.id <= doubt);
            left = if fits { left - 1 } else { 0 };
            fits
        });
        let (is_sound, labels) = (self.is_sound, &track.series.labels);
        let (sound, broken): (Vec<_>, Vec<_>) = rows.iter().partition(|row| is_sound(labels, row.plain()));
        let broken: Vec<i64> = broken.iter().map(|row| row.id).collect();
        let Some(last) = sound.last() else {
            self.undecodable += broken.len() as u64;
            // They are given out no more, also where the disk keeps them.
            let _ = self.discard(id, &broken);
            return Ok(None);
        };
        track.given = track.given.max(last.id);
        let batches = if in_doubt {
            let single = |row: &&Row| Batch {
                seq: row.id as u64,
                follows_gap: row.follows_gap(),
                bodies: vec![row.plain().to_vec()],
            };
            sound.iter().map(single).collect()
        } else {
            track.in_flight = if track.in_flight > 0 { track.in_flight } else { last.id };
            let follows_gap = sound.first().is_some_and(|row| row.follows_gap());
            let bodies = sound.iter().map(|row| row.plain().to_vec()).collect();
            vec![Batch { seq: track.in_flight as u64, follows_gap, bodies }]
        };
        let producer = self.producers.get(&epoch).cloned().unwrap_or_else(|| Arc::from("stream:unknown"));
        let consignment = Consignment {
            series: track.series.clone(),
            producer,
            batches,
            rows: sound.iter().map(|row| row.id).collect(),
            arrived_us: sound.iter().map(|row| row.at_us).collect(),
        };
        if !broken.is_empty() {
            self.undecodable += broken.len() as u64;
            let _ = self.discard(id, &broken);
        }
        Ok(Some(consignment))
    }

    /// Notes that these rows of a series were delivered, and whether any of them was new to the server. It holds also where
    /// the disk cannot be read: what waits behind them is counted when it can.
    pub fn settle(&mut self, series: i64, rows: &[i64], is_new: bool) -> Result<(), SpoolError> {
        let (Some(track), Some(last)) = (self.tracks.get_mut(&series), rows.last()) else { return Ok(()) };
        track.cursor = track.cursor.max(*last);
        (track.in_flight, track.given) = (0, 0);
        if is_new {
            track.doubt = 0;
        }
        self.delivered.push_back((Instant::now(), series, *last));
        self.count(series)
    }

    /// Takes off what was delivered since that was done last, of a series that it was not done of.
    pub(super) fn count(&mut self, series: i64) -> Result<(), SpoolError> {
        let Some(track) = self.tracks.get_mut(&series).filter(|track| track.counted < track.cursor) else {
            return Ok(());
        };
        // Some of them may have had to make room meanwhile, and count no more.
        let mut held = self.db.prepare_cached("SELECT count(*) FROM event WHERE series = ? AND id > ? AND id <= ?")?;
        let passed: i64 = held.query_row(params![series, track.counted, track.cursor], |row| row.get(0))?;
        let waiting = track.waiting.saturating_sub(passed.max(0) as u64);
        if waiting > 0 {
            let mut first =
                self.db.prepare_cached("SELECT at FROM event WHERE series = ? AND id > ? ORDER BY id LIMIT 1")?;
            let at = first.query_row(params![series, track.cursor], |row| row.get(0)).optional()?;
            track.oldest_us = at.unwrap_or(track.oldest_us);
        }
        (track.waiting, track.counted) = (waiting, track.cursor);
        Ok(())
    }

    /// Takes everything that is held for undelivered, as it is at the start, and when the server may have lost what it
    /// had taken a moment ago. A disk that cannot be read changes nothing.
    pub fn rewind(&mut self) -> Result<(), SpoolError> {
        // The first row's time stands for the oldest: rows are in the order of arrival.
        let mut held = self.db.prepare("SELECT series, count(*), max(id), at, min(id) FROM event GROUP BY series")?;
        let rows = held.query_map([], |row| Ok((row.get(0)?, (row.get(1)?, row.get(2)?, row.get(3)?))))?;
        let held: HashMap<i64, (i64, i64, i64)> = rows.collect::<Result<_, _>>()?;
        self.delivered.clear();
        self.rows = 0;
        for (id, track) in &mut self.tracks {
            let (count, last, first_us) = held.get(id).copied().unwrap_or_default();
            (track.waiting, track.oldest_us) = (count.max(0) as u64, first_us);
            (track.cursor, track.counted, track.doubt, track.in_flight, track.given) = (0, 0, last, 0, 0);
            self.rows += track.waiting;
        }
        Ok(())
    }

    /// Notes from which size on a series' events are kept longest. Events that wait are judged anew, unless they are so
    /// many that Redis must have been away long: it is away no more, and they are about to go.
    pub fn set_threshold(&mut self, series: i64, threshold: f64) -> Result<(), SpoolError> {
        let Some(track) = self.tracks.get_mut(&series) else { return Ok(()) };
        if track.series.threshold == Some(threshold) {
            return Ok(());
        }
        track.series.threshold = Some(threshold);
        self.db.execute("UPDATE series SET threshold = ?2 WHERE id = ?1", params![series, threshold])?;
        if (1..=MOST_JUDGED_ANEW).contains(&track.waiting) {
            self.db.execute("UPDATE event SET protected = size >= ?2 WHERE series = ?1", params![series, threshold])?;
        }
        Ok(())
    }
}

#[cfg(test)]
#[path = "shelf_tests.rs"]
pub(crate) mod tests;
