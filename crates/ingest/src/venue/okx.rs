//! OKX v5: the `liquidation-orders` channel, sized in contracts, and of markets `trades`, `tickers`, `mark-price` and
//! `index-tickers`.

use std::collections::HashMap;

use liq_core::market::store::Quote;
use serde_json::Value;

use super::feeding::QuoteKind;
use super::field::{exact, exact_if_told, items, positive, text, time_ms, whole};
use super::{Answered, Decoder, Frame, Raw, RawTrade, Venue};
use crate::event::{Batch, Event, Reject, Side, side_of};
use crate::market::{MarketItem, Taker, TradeId};

/// Public channels.
pub const URL: &str = "wss://ws.okx.com:8443/ws/v5/public";

/// By REST.
pub const REST: &str = "https://www.okx.com";
/// What ticks all the time.
pub const CONTROL: &str = "mark-price:BTC-USDT-SWAP";

/// What is subscribed, by names of our own: channel and instrument or type of instruments.
pub const TOPICS: [&str; 3] = [CONTROL, "liquidation-orders:SWAP", "liquidation-orders:FUTURES"];

/// The argument of a topic.
pub fn argument(topic: &str) -> Option<Value> {
    let (channel, which) = topic.split_once(':')?;
    let name = if channel == "liquidation-orders" { "instType" } else { "instId" };
    Some(serde_json::json!({"channel": channel, name: which}))
}

/// The topic that an argument names.
fn topic_of(argument: Option<&Value>) -> Option<String> {
    let field = |name: &str| argument?.get(name)?.as_str();
    let which = field("instId").or_else(|| field("instType"))?;
    Some(format!("{}:{which}", field("channel")?))
}

pub(super) fn decode(decoder: &mut Decoder, frame: &Value, batch: &mut Batch) -> Frame {
    match frame.get("event").and_then(Value::as_str) {
        Some("error") => return Frame::Refused(refused(frame), frame.to_string()),
        Some("subscribe") => {
            return Frame::Acknowledged(Answered::about(topic_of(frame.get("arg")).into_iter().collect()));
        }
        Some(_) => return Frame::Control,
        None => {}
    }
    let Some(channel) = frame.get("arg").and_then(|arg| arg.get("channel")).and_then(Value::as_str) else {
        batch.push(Err(Reject::MalformedFrame));
        return Frame::Unknown;
    };
    match channel {
        "liquidation-orders" => {
            let mut seen = HashMap::new();
            for order in items(frame.get("data")) {
                let details = items(order.get("details"));
                if details.is_empty() {
                    batch.push(Err(Reject::MissingField));
                }
                for detail in details {
                    let id = id_among(&mut seen, order, detail);
                    let event = forced(decoder, order, detail, &id);
                    batch.push(event);
                }
            }
            Frame::Data
        }
        "trades" if decoder.reads_trades() => {
            for item in items(frame.get("data")) {
                let item = traded(decoder, item);
                batch.push_market(item);
            }
            Frame::Data
        }
        "tickers" if decoder.reads_trades() => {
            for ticker in items(frame.get("data")) {
                take(decoder, ticker, QuoteKind::Book, book, batch);
            }
            Frame::Pulse
        }
        "mark-price" => {
            for mark in items(frame.get("data")) {
                let quote = |_: &Decoder, mark: &Value, ts_ms| {
                    Ok(Quote { ts_ms, mark: Some(exact(mark, "markPx")?), ..Quote::default() })
                };
                take(decoder, mark, QuoteKind::Marks, quote, batch);
            }
            Frame::Pulse
        }
        "index-tickers" if decoder.reads_trades() => {
            for index in items(frame.get("data")) {
                indexed(decoder, index, batch);
            }
            Frame::Pulse
        }
        _ => {
            batch.push(Err(Reject::NotLiquidation));
            Frame::Unknown
        }
    }
}

/// Takes what one item of a channel says of an instrument's prices.
fn take(
    decoder: &mut Decoder,
    item: &Value,
    kind: QuoteKind,
    quote: impl Fn(&Decoder, &Value, u64) -> Result<Quote, Reject>,
    batch: &mut Batch,
) {
    let (Ok(instrument), Ok(ts_ms)) = (text(item, "instId"), time_ms(item, "ts")) else { return };
    let quote = quote(decoder, item, ts_ms);
    decoder.quoted(Venue::Okx, instrument, kind, quote, batch);
    decoder.time_passed(Venue::Okx, ts_ms, batch);
}

/// Sizes are in contracts; a side without offers is empty.
fn book(decoder: &Decoder, ticker: &Value, ts_ms: u64) -> Result<Quote, Reject> {
    let instrument = text(ticker, "instId")?;
    let contract = decoder.contracts().find(Venue::Okx, instrument);
    let offer = |price: &str, size: &str| {
        let price = exact_if_told(ticker, price)?.filter(|price| !price.is_zero());
        let size = exact_if_told(ticker, size)?.unwrap_or_default();
        let Some(price) = price else { return Ok(None) };
        let size = contract.ok_or(Reject::UnknownMultiplier)?.base_units(size)?;
        Ok::<_, Reject>(Some((price, size)))
    };
    Ok(Quote { ts_ms, bid: offer("bidPx", "bidSz")?, ask: offer("askPx", "askSz")?, ..Quote::default() })
}

/// An index such as `BTC-USDT` is that of every contract on it.
fn indexed(decoder: &mut Decoder, index: &Value, batch: &mut Batch) {
    let (Ok(name), Ok(ts_ms)) = (text(index, "instId"), time_ms(index, "ts")) else { return };
    let quote = exact(index, "idxPx").map(|price| Quote { ts_ms, index: Some(price), ..Quote::default() });
    for instrument in decoder.fed(&format!("{name}-")) {
        decoder.quoted(Venue::Okx, &instrument, QuoteKind::Marks, quote, batch);
    }
    decoder.time_passed(Venue::Okx, ts_ms, batch);
}

/// The index of a contract: `BTC-USDT` of `BTC-USDT-SWAP`; spot has none.
pub fn index_of(instrument: &str) -> Option<&str> {
    let (pair, _) = instrument.rsplit_once('-')?;
    pair.contains('-').then_some(pair)
}

/// `side` is the taker's; swaps and futures are sized in contracts. `count` trades that filled one order at one price come
/// as one, under the number of the last.
fn traded(decoder: &mut Decoder, trade: &Value) -> Result<MarketItem, Reject> {
    let taker = match side_of(text(trade, "side")?)? {
        Side::Buy => Taker::Buy,
        Side::Sell => Taker::Sell,
    };
    let last = whole(trade, "tradeId")?;
    let count = trade.get("count").map_or(Ok(1), |_| whole(trade, "count"))?.max(1);
    let raw = RawTrade {
        instrument: text(trade, "instId")?,
        is_numbered: Venue::Okx.numbers_trades(),
        ts_ms: time_ms(trade, "ts")?,
        taker,
        price: Some(exact(trade, "px")?),
        qty: exact(trade, "sz")?,
        id: TradeId::Numbers { first: last.saturating_sub(count - 1), last },
    };
    decoder.trade(Venue::Okx, raw)
}

/// An error tells the request by its id, or quotes the argument: `channel:mark-price,instId:X doesn't exist`.
fn refused(frame: &Value) -> Answered {
    let text = frame.get("msg").and_then(Value::as_str).unwrap_or_default();
    let of = |name: &str| text.split_once(name)?.1.split([',', ' ']).next();
    let quoted = of("channel:").zip(of("instId:").or_else(|| of("instType:")));
    match (frame.get("id"), quoted) {
        (None, Some((channel, which))) => Answered::about(vec![format!("{channel}:{which}")]),
        (id, _) => Answered::to(id),
    }
}

/// `side` is the order's (`posSide` may be `net`); `bkPx` the bankruptcy price: there is no fill price.
fn forced(decoder: &mut Decoder, order: &Value, detail: &Value, id: &str) -> Result<Event, Reject> {
    let instrument = text(order, "instId")?;
    if matches!(order.get("instType").and_then(Value::as_str), Some("OPTION")) {
        return Err(Reject::OptionInstrument);
    }
    let side = order_side(detail)?;
    let price = positive(detail, "bkPx")?.ok_or(Reject::NoPrice)?;
    let quantity = positive(detail, "sz")?.ok_or(Reject::MissingField)?;
    let raw = Raw { instrument, ts_ms: time_ms(detail, "ts")?, side, price, quantity, id };
    decoder.event(Venue::Okx, raw)
}

/// What tells equal orders of one frame apart, for the venue does not: the second is another, not a repetition. The first has
/// none, so that it is known again however the frames are cut, live and by REST.
fn id_among(seen: &mut HashMap<String, u32>, order: &Value, detail: &Value) -> String {
    let instrument = order.get("instId").and_then(Value::as_str).unwrap_or_default();
    let count = seen.entry(format!("{instrument} {detail}")).or_default();
    *count += 1;
    if *count == 1 { String::new() } else { count.to_string() }
}

/// The side of the order; where it is missing, the opposite of the position's.
fn order_side(detail: &Value) -> Result<Side, Reject> {
    match detail.get("side").and_then(Value::as_str) {
        Some(side) if !side.is_empty() => side_of(side),
        _ => match text(detail, "posSide")? {
            "long" => Ok(Side::Sell),
            "short" => Ok(Side::Buy),
            _ => Err(Reject::BadSide),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Contracts;

    #[test]
    fn equal_orders_of_one_frame_are_told_apart_and_known_again() {
        let detail = serde_json::json!({"bkPx": "100", "side": "sell", "sz": "7", "ts": "1790000000000"});
        let order = serde_json::json!({"details": [detail, detail], "instId": "BTC-USDT-SWAP"});
        let frame = |orders: Value| serde_json::json!({"arg": {"channel": "liquidation-orders"}, "data": orders});
        let ids = |frame: Value| {
            let (mut decoder, mut batch) = (Decoder::new(Contracts::default()), Batch::default());
            decode(&mut decoder, &frame, &mut batch);
            batch.events.iter().map(|event| event.id.to_string()).collect::<Vec<_>>()
        };
        // The same however the venue groups them.
        assert_eq!(ids(frame(serde_json::json!([order]))), ["", "2"]);
        let single = serde_json::json!({"details": [detail], "instId": "BTC-USDT-SWAP"});
        assert_eq!(ids(frame(serde_json::json!([single, single]))), ["", "2"]);
        let other = serde_json::json!({"details": [detail], "instId": "ETH-USDT-SWAP"});
        assert_eq!(ids(frame(serde_json::json!([single, other]))), ["", ""]);
    }
}
