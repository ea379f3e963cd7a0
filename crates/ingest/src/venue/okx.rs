//! OKX v5: the `liquidation-orders` channel, sized in contracts.

use serde_json::Value;

use super::field::{exact, items, positive, text, time_ms, whole};
use super::{Answered, Decoder, Frame, Raw, RawTrade, Venue};
use crate::event::{Batch, Event, Reject, Side, side_of};
use crate::market::{MarketItem, Taker, TradeId};

/// Public channels.
pub const URL: &str = "wss://ws.okx.com:8443/ws/v5/public";

/// What is subscribed, by names of our own: channel and instrument or type of instruments.
pub const TOPICS: [&str; 3] = ["mark-price:BTC-USDT-SWAP", "liquidation-orders:SWAP", "liquidation-orders:FUTURES"];

/// The argument of a topic.
pub fn argument(topic: &str) -> Option<Value> {
    let (channel, which) = topic.split_once(':')?;
    let name = if channel == "mark-price" { "instId" } else { "instType" };
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
            for order in items(frame.get("data")) {
                let details = items(order.get("details"));
                if details.is_empty() {
                    batch.push(Err(Reject::MissingField));
                }
                for detail in details {
                    let event = forced(decoder, order, detail);
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
        "mark-price" => Frame::Pulse,
        _ => {
            batch.push(Err(Reject::NotLiquidation));
            Frame::Unknown
        }
    }
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
    let quoted = TOPICS.iter().find(|topic| {
        topic.split_once(':').is_some_and(|(channel, which)| text.contains(channel) && text.contains(which))
    });
    match (frame.get("id"), quoted) {
        (None, Some(topic)) => Answered::about(vec![(*topic).to_owned()]),
        (id, _) => Answered::to(id),
    }
}

/// `side` is the order's (`posSide` may be `net`); `bkPx` the bankruptcy price: there is no fill price.
fn forced(decoder: &mut Decoder, order: &Value, detail: &Value) -> Result<Event, Reject> {
    let instrument = text(order, "instId")?;
    if matches!(order.get("instType").and_then(Value::as_str), Some("OPTION")) {
        return Err(Reject::OptionInstrument);
    }
    let side = order_side(detail)?;
    let price = positive(detail, "bkPx")?.ok_or(Reject::NoPrice)?;
    let quantity = positive(detail, "sz")?.ok_or(Reject::MissingField)?;
    let raw = Raw { instrument, ts_ms: time_ms(detail, "ts")?, side, price, quantity, id: "" };
    decoder.event(Venue::Okx, raw)
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
