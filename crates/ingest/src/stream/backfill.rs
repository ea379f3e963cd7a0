//! The venue's own candles by REST: what was before the feed began, and what it missed.

use liq_core::grammar::Decimal;
use liq_core::market::store::VenueRow;
use serde_json::Value;

use super::rest::{Rest, RestError};
use crate::config::VenueConfig;
use crate::market::{Candle, MarketItem, Told, level_of};
use crate::venue::{Decoder, Venue, binance, bybit, okx};

const MINUTE_MS: u64 = 60_000;
/// Pages of one answer; a venue that has more keeps repeating itself.
const MOST_PAGES: usize = 20;

/// Asks for the minutes of an instrument from one moment to another, Unix milliseconds, of which the venue answers the
/// newest thousand or so; those that have not ended at the latter are left out. Blocks until the venue has answered.
pub fn ask(
    venue: Venue,
    config: &VenueConfig,
    decoder: &mut Decoder,
    instrument: &str,
    (from_ms, to_ms): (u64, u64),
) -> Result<Vec<MarketItem>, RestError> {
    let (default, most) = match venue {
        Venue::BinanceUm => (binance::UM_REST, 1_500),
        Venue::BinanceSpot => (binance::SPOT_REST, 1_000),
        Venue::Bybit => (bybit::REST, 1_000),
        Venue::Okx => (okx::REST, 1_440),
        _ => return Ok(Vec::new()),
    };
    let rest = &Rest::new(config, default)?;
    let from_ms = from_ms.max(to_ms.saturating_sub(most * MINUTE_MS)) / MINUTE_MS * MINUTE_MS;
    let span = format!("startTime={from_ms}&endTime={to_ms}&limit={most}");
    let candles = match venue {
        Venue::BinanceUm => binance(rest, &format!("/fapi/v1/klines?symbol={instrument}&interval=1m&{span}"))?,
        Venue::BinanceSpot => binance(rest, &format!("/api/v3/klines?symbol={instrument}&interval=1m&{span}"))?,
        Venue::Bybit => {
            let span = format!("start={from_ms}&end={to_ms}&limit={most}");
            bybit(rest, &format!("/v5/market/kline?category=linear&symbol={instrument}&interval=1&{span}"))?
        }
        _ => okx(rest, instrument, from_ms, to_ms)?,
    };
    let mut items = Vec::with_capacity(candles.len());
    for candle in candles.into_iter().filter(|candle| candle.end_ms() <= to_ms) {
        let told = decoder.told(venue, instrument, venue.numbers_trades(), Told::Candle(candle));
        items.push(told.map_err(|_| RestError::Shape("no symbol"))?);
    }
    Ok(items)
}

fn binance(rest: &Rest, path: &str) -> Result<Vec<Candle>, RestError> {
    let answer = rest.get(path)?;
    let rows = answer.as_array().ok_or(RestError::Shape("no list"))?;
    rows.iter().map(|row| candle(row).ok_or(RestError::Shape("no kline"))).collect()
}

/// Bybit answers newest first: start, open, high, low, close, volume in base units, turnover in quote units.
fn bybit(rest: &Rest, path: &str) -> Result<Vec<Candle>, RestError> {
    let answer = rest.get(path)?;
    let rows = answer.get("result").and_then(|result| result.get("list")?.as_array());
    let rows = rows.ok_or(RestError::Shape("no list"))?;
    rows.iter().map(|row| minute(row, 5, 6).ok_or(RestError::Shape("no kline"))).collect()
}

/// OKX answers newest first, a page of those before `after`: start, open, high, low, close, volume in contracts (spot: in
/// base units), volume in base units (spot: in quote units), volume in quote units, whether it has ended.
fn okx(rest: &Rest, instrument: &str, from_ms: u64, to_ms: u64) -> Result<Vec<Candle>, RestError> {
    let volume = if okx::index_of(instrument).is_some() { 6 } else { 5 };
    let (mut candles, mut after) = (Vec::new(), to_ms + 1);
    for _ in 0..MOST_PAGES {
        let answer = rest.get(&format!("/api/v5/market/candles?instId={instrument}&bar=1m&after={after}&limit=300"))?;
        let rows = answer.get("data").and_then(Value::as_array).ok_or(RestError::Shape("no data"))?;
        let mut oldest_ms = after;
        for row in rows {
            let candle = minute(row, volume, 7).ok_or(RestError::Shape("no candle"))?;
            oldest_ms = oldest_ms.min(candle.row.start_ms);
            let has_ended = row.get(8).is_none_or(|confirmed| confirmed.as_str() != Some("0"));
            candles.extend(Some(candle).filter(|candle| has_ended && candle.row.start_ms >= from_ms));
        }
        if oldest_ms <= from_ms || oldest_ms >= after {
            break;
        }
        after = oldest_ms;
    }
    Ok(candles)
}

/// A row of texts that begins with start, open, high, low, close, and has the volumes at these places. Nothing is told of
/// trades and takers.
fn minute(row: &Value, volume: usize, quote: usize) -> Option<Candle> {
    let text = |place: usize| row.get(place)?.as_str();
    let number = |place: usize| Decimal::parse(text(place)?.as_bytes()).ok();
    let row = VenueRow {
        start_ms: text(0)?.parse().ok()?,
        prices: [number(1)?, number(2)?, number(3)?, number(4)?],
        volume: number(volume)?,
        quote: Some(number(quote)?),
        trades: None,
        taker_volume: None,
        taker_quote: None,
    };
    Candle { level: level_of(MINUTE_MS)?, row }.checked().ok()
}

/// Binance's kline array: start, open, high, low, close, volume, end, quote volume, trades, taker volumes.
fn candle(row: &Value) -> Option<Candle> {
    let number = |place: usize| Decimal::parse(row.get(place)?.as_str()?.as_bytes()).ok();
    let whole = |place: usize| row.get(place)?.as_u64();
    let start_ms = whole(0)?;
    let level = level_of(whole(6)?.checked_sub(start_ms)? + 1)?;
    let row = VenueRow {
        start_ms,
        prices: [number(1)?, number(2)?, number(3)?, number(4)?],
        volume: number(5)?,
        quote: number(7),
        trades: whole(8),
        taker_volume: number(9),
        taker_quote: number(10),
    };
    Candle { level, row }.checked().ok()
}
