//! The venue's own candles by REST: what was before the feed began, and what it missed.

use liq_core::grammar::Decimal;
use liq_core::market::store::VenueRow;
use serde_json::Value;

use super::discovery::{DiscoveryError, get};
use crate::config::VenueConfig;
use crate::market::{Candle, MarketItem, Told, level_of};
use crate::venue::{Decoder, Venue, binance};

const MINUTE_MS: u64 = 60_000;

/// Asks for the minutes of an instrument from one moment to another, Unix milliseconds, of which the venue answers the
/// newest thousand or so; those that have not ended at the latter are left out. Blocks until the venue has answered.
pub fn ask(
    venue: Venue,
    config: &VenueConfig,
    decoder: &mut Decoder,
    instrument: &str,
    (from_ms, to_ms): (u64, u64),
) -> Result<Vec<MarketItem>, DiscoveryError> {
    let (default, path, most) = match venue {
        Venue::BinanceUm => (binance::UM_REST, "/fapi/v1/klines", 1_500),
        Venue::BinanceSpot => (binance::SPOT_REST, "/api/v3/klines", 1_000),
        _ => return Ok(Vec::new()),
    };
    let base = config.rest_url.as_deref().unwrap_or(default);
    let from_ms = from_ms.max(to_ms.saturating_sub(most * MINUTE_MS)) / MINUTE_MS * MINUTE_MS;
    let answer =
        get(&format!("{base}{path}?symbol={instrument}&interval=1m&startTime={from_ms}&endTime={to_ms}&limit={most}"))?;
    let rows = answer.as_array().ok_or(DiscoveryError::Shape("no list"))?;
    let mut items = Vec::with_capacity(rows.len());
    for row in rows {
        let candle = candle(row).ok_or(DiscoveryError::Shape("no kline"))?;
        if candle.end_ms() <= to_ms {
            let told = decoder.told(venue, instrument, venue.numbers_trades(), Told::Candle(candle));
            items.push(told.map_err(|_| DiscoveryError::Shape("no symbol"))?);
        }
    }
    Ok(items)
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
