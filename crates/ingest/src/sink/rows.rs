//! The rows of a shelf, and the form in which events lie in them.

use std::sync::Arc;

use liq_core::liq::request::{EventId, NewEvent, decode_events, encode_events};
use liq_core::market::request::{NewTick, decode_ticks, encode_ticks};
use liq_core::market::tape::Id;
use rusqlite::{Connection, Transaction, params};

use super::Arrived;
use super::packed::Packed;
use super::shelf::Series;
use crate::event::Event;
use crate::item::Item;
use crate::market::{MarketItem, Told, Trade, TradeId};

/// Stands before a trade before which others may be missing; MessagePack's "true", where else an array begins.
const FOLLOWS_GAP: u8 = 0xc3;

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
    /// Whether trades may be missing before it.
    pub(super) fn follows_gap(&self) -> bool {
        self.body.first() == Some(&FOLLOWS_GAP)
    }

    /// The event, as it travels; nothing where the row holds none.
    pub(super) fn wire(&self, series: &Series) -> Option<Wire<'_>> {
        if series.market.is_none() {
            let mut events = decode_events(&self.body, 1).ok()?;
            return events.pop().map(Wire::Event);
        }
        let body = self.body.strip_prefix(&[FOLLOWS_GAP]).unwrap_or(&self.body);
        decode_ticks(body, 1).ok()?.pop().map(Wire::Tick)
    }

    /// The item as it came.
    pub(super) fn arrived(&self, series: &Series) -> Option<Arrived> {
        let item = match self.wire(series)? {
            Wire::Event(event) => Item::Liquidation(event_of(&event, series)?),
            Wire::Tick(tick) => {
                let (venue, is_numbered) = series.market?;
                let told = Told::Trade(trade_of(&tick, self.follows_gap())?);
                Item::Market(MarketItem { venue, symbol: Arc::clone(&series.symbol), is_numbered, told })
            }
        };
        Some(Arrived { item, at_us: self.at_us })
    }
}

/// An event in its travelling form.
#[derive(Clone, Copy)]
pub(super) enum Wire<'a> {
    /// A liquidation.
    Event(NewEvent<'a>),
    /// A trade.
    Tick(NewTick<'a>),
}

/// Packs events of one series under one number.
pub(super) fn packed(seq: u64, follows_gap: bool, events: &[Wire<'_>]) -> Packed {
    let ticks: Vec<NewTick<'_>> = events
        .iter()
        .filter_map(|event| match event {
            Wire::Tick(tick) => Some(*tick),
            Wire::Event(_) => None,
        })
        .collect();
    if !ticks.is_empty() {
        return Packed::from_ticks(seq, follows_gap, &ticks);
    }
    let events: Vec<NewEvent<'_>> = events
        .iter()
        .filter_map(|event| match event {
            Wire::Event(event) => Some(*event),
            Wire::Tick(_) => None,
        })
        .collect();
    Packed::from_wire(seq, &events)
}

fn event_of(event: &NewEvent<'_>, series: &Series) -> Option<Event> {
    let text = |bytes: Option<&[u8]>| bytes.and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::to_owned);
    let id = match event.id {
        Some(EventId::Text(id)) => text(Some(id)),
        _ => None,
    };
    Some(Event {
        exchange: Arc::from(text(event.exchange).unwrap_or_default()),
        symbol: Arc::clone(&series.symbol),
        ts_ms: event.ts_ms?,
        side: event.side,
        price: event.price,
        size: event.size,
        id: id.unwrap_or_default().into(),
    })
}

fn trade_of(tick: &NewTick<'_>, follows_gap: bool) -> Option<Trade> {
    let id = match tick.id {
        Id::None => TradeId::Text(Box::default()),
        Id::Numbers { first, last } => TradeId::Numbers { first, last },
        Id::Text(text) => TradeId::Text(std::str::from_utf8(text).ok()?.into()),
    };
    Some(Trade { ts_ms: tick.ts_ms?, taker: tick.side, price: tick.price, qty: tick.qty, id, follows_gap })
}

/// What lies on a shelf of an item; nothing of what is not kept there.
pub(super) fn body_of(item: &Item) -> Option<Vec<u8>> {
    match item {
        Item::Liquidation(event) => Some(encode_events(&[wire_form(event)])),
        Item::Market(MarketItem { told: Told::Trade(trade), .. }) => {
            let mut body = if trade.follows_gap { vec![FOLLOWS_GAP] } else { Vec::new() };
            body.extend(encode_ticks(&[trade.wire()]));
            Some(body)
        }
        Item::Market(_) => None,
    }
}

/// The body of a trade before which others may be missing; nothing where it says so already.
pub(super) fn behind_gap(body: &[u8]) -> Option<Vec<u8>> {
    (body.first() != Some(&FOLLOWS_GAP)).then(|| [&[FOLLOWS_GAP], body].concat())
}

/// What makes an item larger than another where there is not room for both: its notional.
pub(super) fn size_of(item: &Item) -> f64 {
    match item {
        Item::Liquidation(event) => event.size,
        Item::Market(MarketItem { told: Told::Trade(trade), .. }) => trade.worth(),
        Item::Market(_) => 0.0,
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
    item: &Item,
    is_per_exchange: bool,
) -> Result<Series, rusqlite::Error> {
    let (exchange, market) = match item {
        Item::Liquidation(event) if is_per_exchange => (Arc::clone(&event.exchange), None),
        Item::Liquidation(_) => (Arc::from(""), None),
        Item::Market(item) => (Arc::from(""), Some((item.venue, item.is_numbered))),
    };
    let symbol = Arc::clone(item.symbol());
    transaction.execute(
        "INSERT INTO series (key, symbol, exchange, venue, numbered) VALUES (?, ?, ?, ?, ?)",
        params![
            key,
            symbol,
            exchange,
            market.map(|(venue, _)| venue.name()),
            market.is_some_and(|(_, is_numbered)| is_numbered)
        ],
    )?;
    let id = transaction.last_insert_rowid();
    Ok(Series { id, key: Arc::clone(key), symbol, exchange, market, threshold: None })
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
