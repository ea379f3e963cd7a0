//! Bitfinex: the `liq:global` status channel.

use serde_json::Value;

use super::field::{items, number_of, whole_ms};
use super::{Decoder, Frame, Raw, Venue};
use crate::event::{Batch, Event, Reject, Side};

/// Public channels.
pub const URL: &str = "wss://api-pub.bitfinex.com/ws/2";

pub(super) fn decode(decoder: &mut Decoder, frame: &Value, batch: &mut Batch) -> Frame {
    match frame.get("event").and_then(Value::as_str) {
        Some("error") => return Frame::Refused(frame.to_string()),
        Some(_) => return Frame::Control,
        None => {}
    }
    let Some(body) = frame.get(1).filter(|_| frame.get(0).is_some_and(Value::is_number)) else {
        batch.push(Err(Reject::MalformedFrame));
        return Frame::Unknown;
    };
    if body.as_str() == Some("hb") {
        return Frame::Pulse;
    }
    // A snapshot behind the subscription has one level more than an update.
    let rows = items(Some(body));
    let is_position = |row: &Value| row.get(0).and_then(Value::as_str) == Some("pos");
    let nested =
        rows.iter().flat_map(|row| if is_position(row) { std::slice::from_ref(row) } else { items(Some(row)) });
    let mut seen = false;
    for row in nested.filter(|row| is_position(row)) {
        seen = true;
        let event = forced(decoder, row);
        batch.push(event);
    }
    if seen {
        return Frame::Data;
    }
    // Status of one derivative: the control channel.
    if rows.len() >= 8 && rows.iter().take(1).all(Value::is_number) {
        return Frame::Pulse;
    }
    if !rows.is_empty() {
        batch.push(Err(Reject::NotLiquidation));
    }
    Frame::Unknown
}

/// `["pos", POS_ID, MTS, _, SYMBOL, AMOUNT, BASE_PRICE, _, IS_MATCH, IS_MARKET_SOLD, _, PRICE_ACQUIRED]`: a positive
/// amount is a liquidated long. Triggers count, the executions that follow them do not. BASE_PRICE is where the
/// position was opened, so without PRICE_ACQUIRED there is no price.
fn forced(decoder: &mut Decoder, row: &Value) -> Result<Event, Reject> {
    let field = |place: usize| row.get(place).ok_or(Reject::MissingField);
    let amount = number_of(field(5)?)?;
    if number_of(field(8)?)? != 0.0 {
        return Err(Reject::Execution);
    }
    let price = field(11).and_then(number_of).ok().filter(|price| *price > 0.0).ok_or(Reject::NoPrice)?;
    let ts_ms = number_of(field(2)?).and_then(whole_ms).map_err(|_| Reject::NoTime)?;
    let instrument = field(4)?.as_str().ok_or(Reject::MissingField)?;
    let side = if amount > 0.0 { Side::Sell } else { Side::Buy };
    let id = field(1)?.to_string();
    decoder.event(Venue::Bitfinex, Raw { instrument, ts_ms, side, price, quantity: amount.abs(), id: &id })
}
