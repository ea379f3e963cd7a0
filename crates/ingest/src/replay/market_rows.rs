//! Rows of trades and candles: Binance's `trades`, `aggTrades` and `klines`, tardis.dev `trades`.

use csv::ByteRecord;
use liq_core::grammar::Decimal;
use liq_core::market::store::VenueRow;

use super::rows::{text, time};
use crate::event::{Reject, Side, side_of};
use crate::market::{Candle, MarketItem, Taker, Told, TradeId, level_of};
use crate::venue::{Decoder, RawTrade, Venue};

/// Times of Binance's files with more digits count microseconds: spot, from 2025 on.
const MOST_MS: i64 = 99_999_999_999_999;

/// `id,price,qty,quote_qty,time,is_buyer_maker`; spot has `is_best_match` behind it.
pub fn trade(decoder: &mut Decoder, venue: Venue, instrument: &str, row: &ByteRecord) -> Result<MarketItem, Reject> {
    let id = integer(row, 0)?;
    let raw = RawTrade {
        instrument,
        is_numbered: venue.numbers_trades(),
        ts_ms: binance_time(row, 4)?,
        taker: taker_of(row, 5)?,
        price: Some(number(row, 1)?),
        qty: number(row, 2)?,
        id: TradeId::Numbers { first: id, last: id },
    };
    decoder.trade(venue, raw)
}

/// `agg_trade_id,price,quantity,first_trade_id,last_trade_id,transact_time,is_buyer_maker`; spot has more behind it.
pub fn aggregated(
    decoder: &mut Decoder,
    venue: Venue,
    instrument: &str,
    row: &ByteRecord,
) -> Result<MarketItem, Reject> {
    let raw = RawTrade {
        instrument,
        is_numbered: venue.numbers_trades(),
        ts_ms: binance_time(row, 5)?,
        taker: taker_of(row, 6)?,
        price: Some(number(row, 1)?),
        qty: number(row, 2)?,
        id: TradeId::Numbers { first: integer(row, 3)?, last: integer(row, 4)? },
    };
    decoder.trade(venue, raw)
}

/// `open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,taker_buy_quote_volume,ignore`.
pub fn kline(decoder: &mut Decoder, venue: Venue, instrument: &str, row: &ByteRecord) -> Result<MarketItem, Reject> {
    // COIN-M counts contracts, and base currency where others count quote currency.
    if venue == Venue::BinanceCm {
        return Err(Reject::InverseContract);
    }
    let (start_ms, end_ms) = (binance_time(row, 0)?, binance_time(row, 6)?);
    let level = level_of(end_ms.saturating_sub(start_ms) + 1).ok_or(Reject::NoSuchLevel)?;
    let row = VenueRow {
        start_ms,
        prices: [number(row, 1)?, number(row, 2)?, number(row, 3)?, number(row, 4)?],
        volume: number(row, 5)?,
        quote: Some(number(row, 7)?),
        trades: Some(integer(row, 8)?),
        taker_volume: Some(number(row, 9)?),
        taker_quote: Some(number(row, 10)?),
    };
    let told = Told::Candle(Candle { level, row }.checked()?);
    decoder.told(venue, instrument, venue.numbers_trades(), told)
}

/// `exchange,symbol,timestamp,local_timestamp,id,side,price,amount`: the taker's side, or `unknown`. Whether the ids are
/// those of trades or of aggregates differs by exchange and time, so they are names.
pub fn tardis(decoder: &mut Decoder, row: &ByteRecord) -> Result<MarketItem, Reject> {
    let venue = match text(row, 0, Reject::UnsupportedVenue)? {
        "binance" => Venue::BinanceSpot,
        name => Venue::parse(name).ok_or(Reject::UnsupportedVenue)?,
    };
    let taker = match text(row, 5, Reject::BadSide)? {
        "unknown" | "" => Taker::Unknown,
        side => taker(side_of(side)?),
    };
    let raw = RawTrade {
        instrument: text(row, 1, Reject::BadSymbol)?,
        is_numbered: false,
        ts_ms: time(row, 2, 1_000)?,
        taker,
        price: Some(number(row, 6)?),
        qty: number(row, 7)?,
        id: TradeId::parse(text(row, 4, Reject::MalformedRow)?)?,
    };
    decoder.trade(venue, raw)
}

/// The taker by the side of the order.
const fn taker(side: Side) -> Taker {
    match side {
        Side::Buy => Taker::Buy,
        Side::Sell => Taker::Sell,
    }
}

/// Who took, where the buyer was the maker or not.
fn taker_of(row: &ByteRecord, column: usize) -> Result<Taker, Reject> {
    match row.get(column) {
        Some(b"true" | b"True") => Ok(Taker::Sell),
        Some(b"false" | b"False") => Ok(Taker::Buy),
        _ => Err(Reject::BadSide),
    }
}

fn number(row: &ByteRecord, column: usize) -> Result<Decimal, Reject> {
    let field = row.get(column).ok_or(Reject::MalformedRow)?;
    Decimal::parse(field.trim_ascii()).map_err(|_| Reject::BadNumber)
}

fn integer(row: &ByteRecord, column: usize) -> Result<u64, Reject> {
    let field = row.get(column).ok_or(Reject::MalformedRow)?;
    let value = liq_core::grammar::integer("id", field, 0..=i64::MAX).map_err(|_| Reject::BadNumber)?;
    u64::try_from(value).map_err(|_| Reject::BadNumber)
}

fn binance_time(row: &ByteRecord, column: usize) -> Result<u64, Reject> {
    let field = row.get(column).ok_or(Reject::MalformedRow)?;
    let value = liq_core::grammar::integer("time", field, 1..=i64::MAX).map_err(|_| Reject::NoTime)?;
    u64::try_from(if value > MOST_MS { value / 1_000 } else { value }).map_err(|_| Reject::NoTime)
}
