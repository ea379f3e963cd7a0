//! The rows of a shelf.

use std::sync::Arc;

use rusqlite::{Connection, Transaction, params};

use crate::entry::{self, Labels, Series};

/// An event as it lies on a shelf.
pub(super) struct Row {
    /// Its number.
    pub(super) id: i64,
    /// Who numbered it.
    pub(super) epoch: i64,
    /// When it came, Unix microseconds.
    pub(super) at_us: i64,
    /// What makes it larger than another.
    pub(super) size: f64,
    /// As it travels, perhaps behind a mark.
    pub(super) body: Vec<u8>,
}

impl Row {
    /// Whether others may be missing before it.
    pub(super) fn follows_gap(&self) -> bool {
        entry::follows_gap(&self.body)
    }

    /// As it travels.
    pub(super) fn plain(&self) -> &[u8] {
        entry::plain(&self.body)
    }
}

/// Rows of a series behind `cursor`, in order; with `last` above 0 none beyond it, and then as many as there are.
pub(super) fn rows_behind(
    db: &Connection,
    series: i64,
    cursor: i64,
    most: usize,
    last: i64,
) -> Result<Vec<Row>, rusqlite::Error> {
    let mut select = db.prepare_cached(
        "SELECT id, epoch, at, size, body FROM event WHERE series = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?",
    )?;
    let (last, most) = if last > 0 { (last, -1) } else { (i64::MAX, i64::try_from(most).unwrap_or(-1)) };
    let rows = select.query_map(params![series, cursor, last, most], |row| {
        Ok(Row { id: row.get(0)?, epoch: row.get(1)?, at_us: row.get(2)?, size: row.get(3)?, body: row.get(4)? })
    })?;
    rows.collect()
}

/// Begins a series.
pub(super) fn begin_series(
    transaction: &Transaction<'_>,
    key: &Arc<str>,
    labels: &Labels,
) -> Result<Series, rusqlite::Error> {
    let Labels { symbol, exchange, venue, is_numbered } = labels;
    transaction.execute(
        "INSERT INTO series (key, symbol, exchange, venue, numbered) VALUES (?, ?, ?, ?, ?)",
        params![key, symbol, exchange, venue, is_numbered],
    )?;
    let id = transaction.last_insert_rowid();
    Ok(Series { id, key: Arc::clone(key), labels: labels.clone(), threshold: None })
}
