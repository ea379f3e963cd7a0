//! The rows of a shelf, and the form in which events lie in them.

use std::sync::Arc;

use liq_core::liq::request::{EventId, NewEvent, decode_events};
use rusqlite::{Connection, Transaction, params};

use super::Arrived;
use super::shelf::Series;
use crate::event::Event;

/// An event as it lies on a shelf.
pub(super) struct Row {
    /// Its number.
    pub(super) id: i64,
    /// Who numbered it.
    pub(super) epoch: i64,
    /// When it came, Unix microseconds.
    pub(super) at_us: i64,
    /// As it travels.
    pub(super) body: Vec<u8>,
}

impl Row {
    /// The event as it came.
    pub(super) fn arrived(&self, series: &Series) -> Option<Arrived> {
        let event = decode_events(&self.body, 1).ok()?.into_iter().next()?;
        let text = |bytes: Option<&[u8]>| bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned);
        let id = match event.id {
            Some(EventId::Text(id)) => text(Some(id)),
            _ => None,
        };
        let event = Event {
            exchange: Arc::from(text(event.exchange).unwrap_or_default()),
            symbol: Arc::clone(&series.symbol),
            ts_ms: event.ts_ms?,
            side: event.side,
            price: event.price,
            size: event.size,
            id: id.unwrap_or_default().into(),
        };
        Some(Arrived { event, at_us: self.at_us })
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
        "SELECT id, epoch, at, body FROM event WHERE series = ? AND id > ? AND id <= ? ORDER BY id LIMIT ?",
    )?;
    let (last, most) = if last > 0 { (last, -1) } else { (i64::MAX, i64::try_from(most).unwrap_or(-1)) };
    let rows = select.query_map(params![series, cursor, last, most], |row| {
        Ok(Row { id: row.get(0)?, epoch: row.get(1)?, at_us: row.get(2)?, body: row.get(3)? })
    })?;
    rows.collect()
}

/// Begins a series.
pub(super) fn begin_series(
    transaction: &Transaction<'_>,
    key: &Arc<str>,
    event: &Event,
    is_per_exchange: bool,
) -> Result<Series, rusqlite::Error> {
    let exchange = if is_per_exchange { Arc::clone(&event.exchange) } else { Arc::from("") };
    let symbol = Arc::clone(&event.symbol);
    transaction
        .execute("INSERT INTO series (key, symbol, exchange) VALUES (?, ?, ?)", params![key, symbol, exchange])?;
    Ok(Series { id: transaction.last_insert_rowid(), key: Arc::clone(key), symbol, exchange, threshold: None })
}

/// An event as it travels.
pub fn wire_form(event: &Event) -> NewEvent<'_> {
    NewEvent {
        ts_ms: Some(event.ts_ms),
        side: event.side,
        price: event.price,
        size: event.size,
        exchange: Some(event.exchange.as_bytes()),
        id: (!event.id.is_empty()).then_some(EventId::Text(event.id.as_bytes())),
    }
}
