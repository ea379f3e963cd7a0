//! Deribit: trades flagged as liquidations.

use serde_json::Value;

use super::field::{items, positive, text, time_ms};
use super::{Answered, Decoder, Frame, Raw, Venue};
use crate::event::{Batch, Event, Reject, Side, opposite, side_of};

/// JSON-RPC over WebSocket.
pub const URL: &str = "wss://www.deribit.com/ws/api/v2";
/// What keeps the connection: the answer to each test request of the venue.
pub const TEST: &str = r#"{"jsonrpc":"2.0","id":9,"method":"public/test","params":{}}"#;

pub(super) fn decode(decoder: &mut Decoder, frame: &Value, batch: &mut Batch) -> Frame {
    if let Some(error) = frame.get("error") {
        return Frame::Refused(Answered::to(frame.get("id")), error.to_string());
    }
    match frame.get("method").and_then(Value::as_str) {
        Some("heartbeat") => return heartbeat(frame),
        Some("subscription") => {}
        // Channels that are not there are left out of the list of those that were subscribed.
        _ if frame.get("result").is_some_and(Value::is_array) => {
            let topics: Vec<String> =
                items(frame.get("result")).iter().filter_map(Value::as_str).map(str::to_owned).collect();
            let about = Answered { topics, ..Answered::to(frame.get("id")) };
            return match about.topics.is_empty() {
                true => Frame::Refused(about, "none of the channels is there".to_owned()),
                false => Frame::Acknowledged(about),
            };
        }
        _ if frame.get("result").is_some() => return Frame::Control,
        _ => {
            batch.push(Err(Reject::MalformedFrame));
            return Frame::Unknown;
        }
    }
    let params = frame.get("params");
    let channel = params.and_then(|params| params.get("channel")).and_then(Value::as_str).unwrap_or_default();
    if channel.starts_with("deribit_price_index.") {
        return Frame::Pulse;
    }
    if !channel.starts_with("trades.") {
        batch.push(Err(Reject::NotLiquidation));
        return Frame::Unknown;
    }
    for trade in items(params.and_then(|params| params.get("data"))) {
        liquidations(decoder, trade, batch);
    }
    Frame::Data
}

fn heartbeat(frame: &Value) -> Frame {
    let kind = frame.get("params").and_then(|params| params.get("type")).and_then(Value::as_str);
    if kind == Some("test_request") { Frame::Answer(TEST.to_owned()) } else { Frame::Control }
}

/// `T`: the taker was liquidated, whose side is the direction; `M`: the maker, the other side; `MT`: both.
fn liquidations(decoder: &mut Decoder, trade: &Value, batch: &mut Batch) {
    let Some(who) = trade.get("liquidation") else { return batch.push(Err(Reject::NotLiquidation)) };
    let direction = text(trade, "direction").and_then(side_of);
    match who.as_str() {
        Some("T") => batch.push(direction.and_then(|side| forced(decoder, trade, side, ""))),
        Some("M") => batch.push(direction.and_then(|side| forced(decoder, trade, opposite(side), ""))),
        Some("MT") => {
            batch.push(direction.and_then(|side| forced(decoder, trade, side, "T")));
            batch.push(direction.and_then(|side| forced(decoder, trade, opposite(side), "M")));
        }
        Some("none") => batch.push(Err(Reject::NotLiquidation)),
        _ => batch.push(Err(Reject::BadSide)),
    }
}

/// The price is the fill; the amount is in dollars for inverse futures and in base currency for linear ones.
fn forced(decoder: &mut Decoder, trade: &Value, side: Side, role: &str) -> Result<Event, Reject> {
    let price = positive(trade, "price")?.ok_or(Reject::NoPrice)?;
    let quantity = positive(trade, "amount")?.ok_or(Reject::MissingField)?;
    let id = format!("{}{role}", text(trade, "trade_id")?);
    let raw = Raw {
        instrument: text(trade, "instrument_name")?,
        ts_ms: time_ms(trade, "timestamp")?,
        side,
        price,
        quantity,
        id: &id,
    };
    decoder.event(Venue::Deribit, raw)
}
