//! Rows of the CSV formats; here those of liquidations: captures of Binance's forced orders, tardis.dev liquidations,
//! Binance snapshots.

use csv::ByteRecord;

use super::layout::{Layout, MarketRows};
use super::market_rows;
use crate::event::{Batch, Event, Reject, side_of};
use crate::symbol;
use crate::venue::{Decoder, Raw, Venue};

/// Reads one row; `venue` is whose it is, where it does not tell.
pub fn decode(decoder: &mut Decoder, layout: &Layout, venue: Option<Venue>, row: &ByteRecord, batch: &mut Batch) {
    match layout {
        Layout::Capture => batch.push(capture(decoder, row)),
        Layout::Tardis => batch.push(tardis(decoder, row)),
        Layout::Snapshot { instrument } => batch.push(snapshot(decoder, instrument.as_deref(), row)),
        Layout::TardisTrades => batch.push_market(market_rows::tardis(decoder, row)),
        Layout::Market { instrument: None, .. } => batch.push_market(Err(Reject::BadSymbol)),
        Layout::Market { rows, instrument: Some(instrument), is_spot } => {
            let venue = Layout::venue(venue, instrument, *is_spot);
            batch.push_market(match rows {
                MarketRows::Trades => market_rows::trade(decoder, venue, instrument, row),
                MarketRows::AggTrades => market_rows::aggregated(decoder, venue, instrument, row),
                MarketRows::Klines => market_rows::kline(decoder, venue, instrument, row),
            });
        }
    }
}

/// Whether the row is the heading of its layout.
pub fn is_heading(layout: &Layout, row: &ByteRecord) -> bool {
    let first = row.get(0).unwrap_or_default();
    match layout {
        Layout::Capture => false,
        Layout::Tardis | Layout::TardisTrades => first == b"exchange",
        Layout::Snapshot { .. } => first == b"time",
        Layout::Market { .. } => matches!(first, b"id" | b"agg_trade_id" | b"open_time"),
    }
}

fn capture(decoder: &mut Decoder, row: &ByteRecord) -> Result<Event, Reject> {
    const LEAST_COLUMNS: usize = 12;
    if row.len() < LEAST_COLUMNS {
        return Err(Reject::MalformedRow);
    }
    if row.get(7) != Some(b"FILLED") {
        return Err(Reject::NotFilled);
    }
    let venue = Venue::BinanceUm;
    let canonical = if decoder.joins_dated() { symbol::capture } else { symbol::capture_own };
    let symbol = decoder.symbol(venue, text(row, 0, Reject::BadSymbol)?, canonical)?;
    let side = side_of(text(row, 1, Reject::BadSide)?)?;
    let price = fill_else_bankruptcy(row, 6, 5)?;
    let size = filled_quantity(row, 9, 4)? * price;
    let ts_ms = time(row, 10, 1)?;
    Event { exchange: decoder.exchange(venue), symbol, ts_ms, side, price, size, id: Box::default() }.checked()
}

/// The side is the order's for every exchange; the amount is in the exchange's own unit.
fn tardis(decoder: &mut Decoder, row: &ByteRecord) -> Result<Event, Reject> {
    const COLUMNS: usize = 8;
    if row.len() < COLUMNS {
        return Err(Reject::MalformedRow);
    }
    let venue = Venue::parse(text(row, 0, Reject::UnsupportedVenue)?).ok_or(Reject::UnsupportedVenue)?;
    let raw = Raw {
        instrument: text(row, 1, Reject::BadSymbol)?,
        ts_ms: time(row, 2, 1_000)?,
        side: side_of(text(row, 5, Reject::BadSide)?)?,
        price: positive(row, 6)?.ok_or(Reject::NoPrice)?,
        quantity: positive(row, 7)?.ok_or(Reject::MissingField)?,
        id: text(row, 4, Reject::MalformedRow)?,
    };
    let event = decoder.event(venue, raw)?;
    if venue == Venue::Bitfinex {
        // The position's entry, where the exchange tells no other.
        decoder.note_estimate();
    }
    Ok(event)
}

fn snapshot(decoder: &mut Decoder, instrument: Option<&str>, row: &ByteRecord) -> Result<Event, Reject> {
    const COLUMNS: usize = 10;
    if row.len() < COLUMNS {
        return Err(Reject::MalformedRow);
    }
    if row.get(7) != Some(b"FILLED") {
        return Err(Reject::NotFilled);
    }
    let instrument = instrument.ok_or(Reject::BadSymbol)?;
    let venue = if instrument.contains("USD_") { Venue::BinanceCm } else { Venue::BinanceUm };
    let raw = Raw {
        instrument,
        ts_ms: time(row, 0, 1)?,
        side: side_of(text(row, 1, Reject::BadSide)?)?,
        price: fill_else_bankruptcy(row, 6, 5)?,
        quantity: filled_quantity(row, 9, 4)?,
        id: "",
    };
    decoder.event(venue, raw)
}

pub(super) fn text(row: &ByteRecord, column: usize, otherwise: Reject) -> Result<&str, Reject> {
    row.get(column).and_then(|field| std::str::from_utf8(field).ok()).ok_or(otherwise)
}

/// A positive number; nothing when the field is empty, zero or Python's `None`.
fn positive(row: &ByteRecord, column: usize) -> Result<Option<f64>, Reject> {
    match row.get(column) {
        None | Some(b"" | b"None") => Ok(None),
        Some(field) => crate::venue::decimal(field).map(|number| (number > 0.0).then_some(number)),
    }
}

fn fill_else_bankruptcy(row: &ByteRecord, fill: usize, bankruptcy: usize) -> Result<f64, Reject> {
    match positive(row, fill)? {
        Some(price) => Ok(price),
        None => positive(row, bankruptcy)?.ok_or(Reject::NoPrice),
    }
}

fn filled_quantity(row: &ByteRecord, accumulated: usize, original: usize) -> Result<f64, Reject> {
    match positive(row, accumulated)? {
        Some(quantity) => Ok(quantity),
        None => positive(row, original)?.ok_or(Reject::MissingField),
    }
}

/// Unix milliseconds of a field that counts `per_ms` to the millisecond.
pub(super) fn time(row: &ByteRecord, column: usize, per_ms: i64) -> Result<u64, Reject> {
    let field = row.get(column).ok_or(Reject::NoTime)?;
    let value = liq_core::grammar::integer("time", field, 1..=i64::MAX).map_err(|_| Reject::NoTime)?;
    u64::try_from(value / per_ms).map_err(|_| Reject::NoTime)
}
