//! Bybit v5: `allLiquidation` packets, and of markets `publicTrade` and `tickers`.

use liq_core::market::store::Quote;
use serde_json::Value;

use super::feeding::{BookSide, QuoteKind};
use super::field::{exact, exact_if_told, items, positive, text, time_ms};
use super::{Answered, Decoder, Frame, Raw, RawTrade, Venue};
use crate::event::{Batch, Event, Reject, Side, opposite, side_of};
use crate::market::{MarketItem, Taker, TradeId};

/// USDT and USDC contracts.
pub const LINEAR_URL: &str = "wss://stream.bybit.com/v5/public/linear";
/// Contracts settled in their base currency.
pub const INVERSE_URL: &str = "wss://stream.bybit.com/v5/public/inverse";
/// By REST.
pub const REST: &str = "https://api.bybit.com";
/// What ticks all the time on a connection of linear contracts.
pub const CONTROL: &str = "tickers.BTCUSDT";
/// Topics in one request: long ones went unanswered.
pub const CHUNK: usize = 10;
/// Symbols of one connection: its arguments may have 21,000 characters in all, and the last topic is not to wait long.
pub const SYMBOLS_PER_CONNECTION: usize = 200;

/// The topic of a symbol's liquidations.
pub fn topic(symbol: &str) -> String {
    format!("allLiquidation.{symbol}")
}

/// The instrument whose trades a topic tells.
pub fn traded_in(topic: &str) -> Option<&str> {
    topic.strip_prefix("publicTrade.")
}

pub(super) fn decode(decoder: &mut Decoder, frame: &Value, batch: &mut Batch) -> Frame {
    let Some(topic) = frame.get("topic").and_then(Value::as_str) else {
        return control(frame, batch);
    };
    if topic.starts_with("allLiquidation.") {
        let packet_ms = time_ms(frame, "ts").unwrap_or_default();
        for (place, item) in items(frame.get("data")).iter().enumerate() {
            let event = forced(decoder, item, packet_ms, place);
            batch.push(event);
        }
        if !frame.get("data").is_some_and(Value::is_array) {
            batch.push(Err(Reject::MissingField));
        }
        return Frame::Data;
    }
    if topic.starts_with("publicTrade.") && decoder.reads_trades() {
        for item in items(frame.get("data")) {
            let item = traded(decoder, item);
            batch.push_market(item);
        }
        return Frame::Data;
    }
    if topic.starts_with("liquidation.") {
        batch.push(Err(Reject::WithdrawnTopic));
        return Frame::Unknown;
    }
    if let Some(instrument) = topic.strip_prefix("tickers.") {
        ticked(decoder, instrument, frame, batch);
        return Frame::Pulse;
    }
    batch.push(Err(Reject::NotLiquidation));
    Frame::Unknown
}

/// A ticker is told whole at first, and then what has changed of it, at `ts`; what is empty there is none of.
fn ticked(decoder: &mut Decoder, instrument: &str, frame: &Value, batch: &mut Batch) {
    let (Some(ticker), Ok(ts_ms)) = (frame.get("data"), time_ms(frame, "ts")) else { return };
    if frame.get("type").and_then(Value::as_str) == Some("snapshot") {
        decoder.forget_book(instrument);
    }
    let book = book(decoder, instrument, ticker, ts_ms);
    if !matches!(&book, Ok(quote) if quote.is_heartbeat()) {
        decoder.quoted(Venue::Bybit, instrument, QuoteKind::Book, book, batch);
    }
    let marks = marks(ticker, ts_ms);
    if !matches!(&marks, Ok(quote) if quote.is_heartbeat()) {
        decoder.quoted(Venue::Bybit, instrument, QuoteKind::Marks, marks, batch);
    }
    decoder.time_passed(Venue::Bybit, ts_ms, batch);
}

fn book(decoder: &mut Decoder, instrument: &str, ticker: &Value, ts_ms: u64) -> Result<Quote, Reject> {
    let told = |name: &str| exact_if_told(ticker, name);
    let bid = decoder.complete(instrument, BookSide::Bid, told("bid1Price")?, told("bid1Size")?);
    let ask = decoder.complete(instrument, BookSide::Ask, told("ask1Price")?, told("ask1Size")?);
    Ok(Quote { ts_ms, bid, ask, ..Quote::default() })
}

fn marks(ticker: &Value, ts_ms: u64) -> Result<Quote, Reject> {
    let price = |name: &str| Ok(exact_if_told(ticker, name)?.filter(|price| !price.is_zero()));
    Ok(Quote { ts_ms, mark: price("markPrice")?, index: price("indexPrice")?, ..Quote::default() })
}

/// `S` is the taker's side; the id is a UUID, so that nothing tells what is missing.
fn traded(decoder: &mut Decoder, trade: &Value) -> Result<MarketItem, Reject> {
    let taker = match side_of(text(trade, "S")?)? {
        Side::Buy => Taker::Buy,
        Side::Sell => Taker::Sell,
    };
    let raw = RawTrade {
        instrument: text(trade, "s")?,
        is_numbered: Venue::Bybit.numbers_trades(),
        ts_ms: time_ms(trade, "T")?,
        taker,
        price: Some(exact(trade, "p")?),
        qty: exact(trade, "v")?,
        id: TradeId::parse(text(trade, "i")?)?,
    };
    decoder.trade(Venue::Bybit, raw)
}

fn control(frame: &Value, batch: &mut Batch) -> Frame {
    let is_subscription = frame.get("op").and_then(Value::as_str) == Some("subscribe");
    if frame.get("success") == Some(&Value::Bool(false)) {
        let why = frame.get("ret_msg").and_then(Value::as_str).unwrap_or("refused").to_owned();
        let about = Answered::to(frame.get("req_id"));
        return match had_before(&why) {
            Some(topics) => Frame::Repeated(Answered { topics, ..about }),
            None => Frame::Refused(about, why),
        };
    }
    if is_subscription {
        return Frame::Acknowledged(Answered::to(frame.get("req_id")));
    }
    if frame.get("op").is_some() {
        return Frame::Control;
    }
    batch.push(Err(Reject::MalformedFrame));
    Frame::Unknown
}

/// `error:already subscribed,topic:X`: for one topic that is, the whole request is refused.
fn had_before(why: &str) -> Option<Vec<String>> {
    let (_, behind) = why.split_once("already subscribed")?;
    Some(behind.split_once("topic:").map(|(_, topic)| topic.trim().to_owned()).into_iter().collect())
}

/// `S` is the side of the position, so the order's is the other; `p` is the bankruptcy price. Equal items of one
/// packet are liquidations of their own, so the id holds the place in the packet.
fn forced(decoder: &mut Decoder, item: &Value, packet_ms: u64, place: usize) -> Result<Event, Reject> {
    let position = side_of(text(item, "S")?)?;
    let price = positive(item, "p")?.ok_or(Reject::NoPrice)?;
    let quantity = positive(item, "v")?.ok_or(Reject::MissingField)?;
    let ts_ms = time_ms(item, "T")?;
    let id = format!("{packet_ms}.{place}");
    let raw = Raw { instrument: text(item, "s")?, ts_ms, side: opposite(position), price, quantity, id: &id };
    decoder.event(Venue::Bybit, raw)
}
