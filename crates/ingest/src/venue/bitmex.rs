//! BitMEX: the `liquidation` table, of which inserts are the liquidations. It tells no time.

use serde_json::Value;

use super::field::{items, positive, text};
use super::{Answered, Decoder, Frame, Raw, Venue};
use crate::event::{Batch, Event, Reject, side_of};

/// The realtime API.
pub const URL: &str = "wss://ws.bitmex.com/realtime";

pub(super) fn decode(decoder: &mut Decoder, frame: &Value, received_ms: Option<u64>, batch: &mut Batch) -> Frame {
    if let Some(error) = frame.get("error") {
        let asked = frame.get("request").and_then(|request| request.get("args"));
        let topics = items(asked).iter().filter_map(Value::as_str).map(str::to_owned).collect();
        let had_before = error.as_str().is_some_and(|error| error.contains("already subscribed"));
        return match Answered::about(topics) {
            about if had_before => Frame::Repeated(about),
            about => Frame::Refused(about, error.to_string()),
        };
    }
    let Some(table) = frame.get("table").and_then(Value::as_str) else {
        if let Some(topic) = frame.get("subscribe").and_then(Value::as_str) {
            return Frame::Acknowledged(Answered::about(vec![topic.to_owned()]));
        }
        if ["success", "info"].iter().any(|name| frame.get(name).is_some()) {
            return Frame::Control;
        }
        batch.push(Err(Reject::MalformedFrame));
        return Frame::Unknown;
    };
    match (table, frame.get("action").and_then(Value::as_str)) {
        ("liquidation", Some("insert")) => {
            for row in items(frame.get("data")) {
                let event = forced(decoder, row, received_ms);
                batch.push(event);
            }
            Frame::Data
        }
        ("liquidation", Some("partial" | "update" | "delete")) => {
            batch.rejects.extend(items(frame.get("data")).iter().map(|_| Reject::TableChange));
            Frame::Data
        }
        ("liquidation", _) => {
            batch.push(Err(Reject::MalformedFrame));
            Frame::Unknown
        }
        ("instrument", _) => Frame::Pulse,
        _ => {
            batch.push(Err(Reject::NotLiquidation));
            Frame::Unknown
        }
    }
}

/// The liquidations that a frame tells.
pub fn liquidations_in(frame: &mut Value) -> Option<&mut Vec<Value>> {
    let is = |name: &str, wanted: &str| frame.get(name).and_then(Value::as_str) == Some(wanted);
    if is("table", "liquidation") && is("action", "insert") { frame.get_mut("data")?.as_array_mut() } else { None }
}

/// What tells a liquidation from others.
pub fn id_of(row: &Value) -> Option<&str> {
    row.get("orderID").and_then(Value::as_str).filter(|id| !id.is_empty())
}

/// `side` is the order's, `price` its bankruptcy limit, `leavesQty` contracts.
fn forced(decoder: &mut Decoder, row: &Value, received_ms: Option<u64>) -> Result<Event, Reject> {
    let side = side_of(text(row, "side")?)?;
    let price = positive(row, "price")?.ok_or(Reject::NoPrice)?;
    let quantity = positive(row, "leavesQty")?.ok_or(Reject::MissingField)?;
    let instrument = text(row, "symbol")?;
    let ts_ms = received_ms.ok_or(Reject::NoTime)?;
    let id = text(row, "orderID")?;
    decoder.event(Venue::Bitmex, Raw { instrument, ts_ms, side, price, quantity, id })
}
