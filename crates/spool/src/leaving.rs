//! What leaves a shelf: what was delivered, what has to make room, what nobody will ever take.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rusqlite::{OptionalExtension, Transaction, params};

use crate::entry::{Entry, behind_gap};
use crate::rows::rows_behind;
use crate::shelf::Shelf;
use crate::{SpoolError, schema};

impl Shelf {
    /// Deletes what was delivered before `until`. While the disk refuses, it stays, and is not sent again.
    pub fn forget_delivered(&mut self, until: Instant) -> Result<(), SpoolError> {
        let due = self.delivered.iter().take_while(|(at, _, _)| *at <= until).count();
        if due == 0 {
            return Ok(());
        }
        let mut up_to: HashMap<i64, i64> = HashMap::new();
        for (_, series, last) in self.delivered.iter().take(due) {
            up_to.insert(*series, *last);
        }
        // What is gone cannot be counted.
        up_to.keys().try_for_each(|series| self.count(*series))?;
        let (transaction, mut gone) = (self.db.transaction()?, 0);
        {
            let mut delete = transaction.prepare_cached("DELETE FROM event WHERE series = ? AND id <= ?")?;
            for (series, last) in &up_to {
                gone += delete.execute(params![series, last])?;
            }
        }
        transaction.commit()?;
        for (series, last) in up_to {
            self.tracks.get_mut(&series).into_iter().for_each(|track| track.refused.retain(|row| *row > last));
        }
        self.delivered.drain(..due);
        self.rows = self.rows.saturating_sub(gone as u64);
        Ok(())
    }

    /// Drops `surplus` events; answers how many went that were not delivered.
    ///
    /// What goes first was delivered; then the smallest of those below their series' threshold, and only when none of
    /// them is left the smallest of the others. What is under way may be counted already, so it goes only before those
    /// that are kept longest; the rest of its batch stays what it was. Where trades are not numbered, the next one says
    /// that some are missing; a key without a next one goes into `broken_off`.
    pub fn shed(&mut self, surplus: u64, broken_off: &mut HashSet<Arc<str>>) -> Result<u64, SpoolError> {
        let before = self.rows;
        self.forget_delivered(Instant::now() + Duration::from_secs(86_400 * 365))?;
        let surplus = surplus.saturating_sub(before - self.rows);
        let going = if surplus > 0 { self.smallest(surplus as usize)? } else { Vec::new() };
        let transaction = self.db.transaction()?;
        {
            let mut delete = transaction.prepare_cached("DELETE FROM event WHERE id = ?")?;
            for (id, _) in &going {
                delete.execute([id])?;
            }
        }
        let mut cut: HashSet<i64> = HashSet::new();
        for (id, series) in &going {
            let Some(track) = self.tracks.get(series).filter(|track| track.series.labels.is_unnumbered()) else {
                continue;
            };
            // What is under way stays what it was.
            let from = (*id).max(track.given);
            if !mark_next(&transaction, *series, from)? {
                cut.insert(*series);
            }
        }
        transaction.commit()?;
        let tracks = cut.iter().filter_map(|series| self.tracks.get(series));
        broken_off.extend(tracks.map(|track| Arc::clone(&track.series.key)));
        self.rows = self.rows.saturating_sub(going.len() as u64);
        for (_, series) in &going {
            if let Some(track) = self.tracks.get_mut(series) {
                track.waiting = track.waiting.saturating_sub(1);
            }
        }
        Ok(going.len() as u64)
    }

    /// The rows that make room first, with their series.
    fn smallest(&self, count: usize) -> Result<Vec<(i64, i64)>, SpoolError> {
        let mut going: Vec<(i64, i64)> = Vec::new();
        let mut under_way = Vec::new();
        let mut select = self.db.prepare_cached("SELECT id, series, protected FROM event ORDER BY protected, size")?;
        let mut rows = select.query([])?;
        while going.len() < count
            && let Some(row) = rows.next()?
        {
            let (id, series, protected): (i64, i64, bool) = (row.get(0)?, row.get(1)?, row.get(2)?);
            if protected {
                going.append(&mut under_way);
                going.push((id, series));
            } else if self.tracks.get(&series).is_some_and(|track| id <= track.given) {
                under_way.push((id, series));
            } else {
                going.push((id, series));
            }
        }
        going.append(&mut under_way);
        going.truncate(count);
        Ok(going)
    }

    /// Takes rows of a series away: the server will never take them, or they hold no event. Where the disk does not let them
    /// go they are given out no more, and go with what is delivered.
    pub fn discard(&mut self, series: i64, rows: &[i64]) -> Result<(), SpoolError> {
        let deleted = self.delete(series, rows);
        if deleted.is_err() {
            self.tracks.get_mut(&series).into_iter().for_each(|track| track.refused.extend(rows));
        }
        deleted
    }

    fn delete(&mut self, series: i64, rows: &[i64]) -> Result<(), SpoolError> {
        let Some(track) = self.tracks.get_mut(&series) else { return Ok(()) };
        let transaction = self.db.transaction()?;
        let (mut gone, mut waited) = (0, 0);
        for row in rows {
            let deleted = transaction.execute("DELETE FROM event WHERE id = ? AND series = ?", [*row, series])? as u64;
            gone += deleted;
            waited += if *row > track.counted { deleted } else { 0 };
        }
        transaction.commit()?;
        self.rows = self.rows.saturating_sub(gone);
        track.waiting = track.waiting.saturating_sub(waited);
        Ok(())
    }

    /// Gives the log's room back to the disk.
    pub fn shrink(&self) {
        // While somebody reads, or the disk does not allow it, the log stays.
        let _ = self.db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()));
    }

    /// Whether the disk takes a good many events.
    pub fn try_room(&self) -> Result<(), SpoolError> {
        self.shrink();
        schema::try_room(&self.db)?;
        self.shrink();
        Ok(())
    }

    /// Takes out what was never sent, to be put elsewhere under new numbers. From which size on it is kept longest is asked
    /// for when it is there.
    pub fn take_unsent(&mut self) -> Result<Vec<Entry>, SpoolError> {
        let mut taken = Vec::new();
        let tracks: Vec<(i64, i64)> = self
            .tracks
            .values()
            .filter(|track| track.waiting > 0)
            .map(|track| (track.series.id, track.last_sent()))
            .collect();
        for (id, sent) in tracks {
            let Some(series) = self.tracks.get(&id).map(|track| track.series.clone()) else { continue };
            let rows = rows_behind(&self.db, id, sent, usize::MAX, 0)?;
            self.delete(id, &rows.iter().map(|row| row.id).collect::<Vec<_>>())?;
            for row in rows {
                let (key, labels) = (Arc::clone(&series.key), series.labels.clone());
                let floor = labels.venue.is_none().then_some(f64::INFINITY);
                taken.push((row.id, Entry { key, labels, at_us: row.at_us, body: row.body, size: row.size, floor }));
            }
        }
        taken.sort_unstable_by_key(|(row, _)| *row);
        Ok(taken.into_iter().map(|(_, entry)| entry).collect())
    }
}

/// Has the next trade behind a row say that others may be missing before it; false when there is none.
fn mark_next(transaction: &Transaction<'_>, series: i64, behind: i64) -> Result<bool, rusqlite::Error> {
    let mut next =
        transaction.prepare_cached("SELECT id, body FROM event WHERE series = ? AND id > ? ORDER BY id LIMIT 1")?;
    let found = next.query_row(params![series, behind], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let Some((id, body)): Option<(i64, Vec<u8>)> = found else { return Ok(false) };
    if let Some(marked) = behind_gap(&body) {
        transaction.execute("UPDATE event SET body = ? WHERE id = ?", params![marked, id])?;
    }
    Ok(true)
}

#[cfg(test)]
#[path = "leaving_tests.rs"]
mod tests;
