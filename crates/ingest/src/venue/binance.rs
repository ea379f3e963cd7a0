//! Binance: `forceOrder` frames of USD-M and COIN-M, and trades of spot too, plain or in the combined stream's envelope.

use liq_core::market::store::Quote;
use serde_json::Value;

use super::feeding::QuoteKind;
use super::field::{exact, positive, text, time_ms, whole};
use super::{Answered, Decoder, Frame, Raw, RawTrade, Venue};
use crate::event::{Batch, Event, Reject, side_of};
use crate::market::{MarketItem, Taker, TradeId};

/// Where USD-M market data lives since 2026-04-23; the old root acknowledges and stays silent.
pub const UM_URL: &str = "wss://fstream.binance.com/market/stream";
/// COIN-M.
pub const CM_URL: &str = "wss://dstream.binance.com/stream";

/// Where USD-M best bids and asks live.
pub const UM_PUBLIC_URL: &str = "wss://fstream.binance.com/public/stream";
/// Spot.
pub const SPOT_URL: &str = "wss://stream.binance.com:9443/stream";
/// USD-M by REST.
pub const UM_REST: &str = "https://fapi.binance.com";
/// Spot by REST.
pub const SPOT_REST: &str = "https://api.binance.com";

/// The streams to subscribe: all forced orders, and one that ticks every second to show that the feed lives.
pub const fn streams(venue: Venue) -> [&'static str; 2] {
    match venue {
        Venue::BinanceCm => ["!forceOrder@arr", "btcusd_perp@markPrice@1s"],
        _ => ["!forceOrder@arr", "btcusdt@markPrice@1s"],
    }
}

/// The message inside the combined stream's envelope, or the frame itself when it is one.
pub fn payload(frame: &Value) -> Option<&Value> {
    let inner = if frame.get("stream").is_some() { frame.get("data")? } else { frame };
    inner.get("e").map(|_| inner)
}

/// COIN-M symbols are quoted in dollars and carry a delivery (`BTCUSD_PERP`); only spot trades have a field `M`.
pub fn market_of(payload: &Value) -> Venue {
    let symbol = payload.get("o").unwrap_or(payload).get("s").and_then(Value::as_str).unwrap_or_default();
    if symbol.contains("USD_") {
        Venue::BinanceCm
    } else if payload.get("M").is_some() {
        Venue::BinanceSpot
    } else {
        Venue::BinanceUm
    }
}

pub(super) fn decode(
    decoder: &mut Decoder,
    venue: Venue,
    frame: &Value,
    received_ms: Option<u64>,
    batch: &mut Batch,
) -> Frame {
    if let Some(error) = frame.get("error").or_else(|| frame.get("code").map(|_| frame)) {
        return Frame::Refused(Answered::to(frame.get("id")), error.to_string());
    }
    if frame.get("result").is_some() {
        return Frame::Acknowledged(Answered::to(frame.get("id")));
    }
    let Some(payload) = payload(frame).or_else(|| spot_book(frame)) else {
        batch.push(Err(Reject::MalformedFrame));
        return Frame::Unknown;
    };
    match payload.get("e").and_then(Value::as_str) {
        Some("forceOrder") => {
            batch.push(payload.get("o").ok_or(Reject::MissingField).and_then(|order| forced(decoder, venue, order)));
            Frame::Data
        }
        Some(kind @ ("trade" | "aggTrade")) if decoder.reads_trades() => {
            batch.push_market(traded(decoder, venue, kind, payload));
            Frame::Data
        }
        Some("bookTicker") if decoder.reads_trades() => {
            take_book(decoder, venue, payload, time_ms(payload, "E"), batch);
            Frame::Pulse
        }
        None if decoder.reads_trades() => {
            // Spot's tell no time.
            take_book(decoder, venue, payload, received_ms.ok_or(Reject::NoTime), batch);
            Frame::Pulse
        }
        Some("markPriceUpdate") => {
            if let (Ok(instrument), Ok(ts_ms)) = (text(payload, "s"), time_ms(payload, "E")) {
                let quote = marks(payload, ts_ms);
                decoder.quoted(venue, instrument, QuoteKind::Marks, quote, batch);
                decoder.time_passed(venue, ts_ms, batch);
            }
            Frame::Pulse
        }
        _ => {
            batch.push(Err(Reject::NotLiquidation));
            Frame::Unknown
        }
    }
}

/// Spot's best bid and ask, which do not say what they are.
fn spot_book(frame: &Value) -> Option<&Value> {
    let inner = frame.get("data").unwrap_or(frame);
    ["s", "b", "B", "a", "A"].iter().all(|name| inner.get(name).is_some_and(Value::is_string)).then_some(inner)
}

fn take_book(decoder: &mut Decoder, venue: Venue, book: &Value, ts_ms: Result<u64, Reject>, batch: &mut Batch) {
    let (Ok(instrument), Ok(ts_ms)) = (text(book, "s"), ts_ms) else {
        batch.push(Err(Reject::MissingField));
        return;
    };
    decoder.quoted(venue, instrument, QuoteKind::Book, best(book, ts_ms), batch);
    decoder.time_passed(venue, ts_ms, batch);
}

/// `b`, `a` are the best prices, `B`, `A` what is there for them; an empty side is told as 0.
fn best(book: &Value, ts_ms: u64) -> Result<Quote, Reject> {
    let offer = |price: &str, qty: &str| {
        let (price, qty) = (exact(book, price)?, exact(book, qty)?);
        Ok::<_, Reject>((!price.is_zero()).then_some((price, qty)))
    };
    Ok(Quote { ts_ms, bid: offer("b", "B")?, ask: offer("a", "A")?, ..Quote::default() })
}

/// `p` is the mark price, `i` the index; 0 where there is none.
fn marks(update: &Value, ts_ms: u64) -> Result<Quote, Reject> {
    let price = |name: &str| match update.get(name) {
        None => Ok(None),
        Some(_) => exact(update, name).map(|price| (!price.is_zero()).then_some(price)),
    };
    Ok(Quote { ts_ms, mark: price("p")?, index: price("i")?, ..Quote::default() })
}

/// `m` tells that the buyer was the maker, so that the seller took. An aggregated trade is the trades `f` to `l`. What
/// has an `X` other than `MARKET` is no trade of the market, such as one with the insurance fund; it has a number.
fn traded(decoder: &mut Decoder, venue: Venue, kind: &str, trade: &Value) -> Result<MarketItem, Reject> {
    let (first, last) = if kind == "trade" {
        let id = whole(trade, "t")?;
        (id, id)
    } else {
        (whole(trade, "f")?, whole(trade, "l")?)
    };
    let is_market = trade.get("X").is_none_or(|kind| kind.as_str() == Some("MARKET"));
    let taker = match trade.get("m").and_then(Value::as_bool).ok_or(Reject::BadSide)? {
        true => Taker::Sell,
        false => Taker::Buy,
    };
    let raw = RawTrade {
        instrument: text(trade, "s")?,
        is_numbered: venue.numbers_trades(),
        ts_ms: time_ms(trade, "T")?,
        taker,
        price: if is_market { Some(exact(trade, "p")?) } else { None },
        qty: exact(trade, "q")?,
        id: TradeId::Numbers { first, last },
    };
    decoder.trade(venue, raw)
}

/// `ap` is the average fill, `p` the bankruptcy price; `z` what was filled. COIN-M counts contracts.
fn forced(decoder: &mut Decoder, venue: Venue, order: &Value) -> Result<Event, Reject> {
    if text(order, "X")? != "FILLED" {
        return Err(Reject::NotFilled);
    }
    let price = match positive(order, "ap")? {
        Some(price) => price,
        None => positive(order, "p")?.ok_or(Reject::NoPrice)?,
    };
    let quantity = match positive(order, "z")? {
        Some(quantity) => quantity,
        None => positive(order, "q")?.ok_or(Reject::MissingField)?,
    };
    let side = side_of(text(order, "S")?)?;
    let raw = Raw { instrument: text(order, "s")?, ts_ms: time_ms(order, "T")?, side, price, quantity, id: "" };
    decoder.event(venue, raw)
}
