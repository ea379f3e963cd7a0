//! Bitfinex: the `liq:global` status channel.

use std::collections::HashMap;

use serde_json::Value;

use super::field::{items, number_of, whole_ms};
use super::{Answered, Decoder, Frame, Raw, Venue};
use crate::event::{Batch, Event, Reject, Side};

/// Public channels.
pub const URL: &str = "wss://api-pub.bitfinex.com/ws/2";

/// `subscribe: dup`, which names no channel.
const SUBSCRIBED_BEFORE: u64 = 10_301;
/// How long a trigger without a price waits for its execution, by the exchange's time, milliseconds.
const PRICE_WITHIN_MS: u64 = 10_000;
/// Triggers that wait at a time.
const MOST_WAITING: usize = 1_000;

pub(super) fn decode(decoder: &mut Decoder, frame: &Value, received_ms: Option<u64>, batch: &mut Batch) -> Frame {
    match frame.get("event").and_then(Value::as_str) {
        Some("error") if frame.get("code").and_then(Value::as_u64) == Some(SUBSCRIBED_BEFORE) => {
            decoder.positions.subscribed(frame);
            return Frame::Repeated(about(frame));
        }
        Some("error") => return Frame::Refused(about(frame), frame.to_string()),
        Some("subscribed") => {
            decoder.positions.subscribed(frame);
            return Frame::Acknowledged(about(frame));
        }
        Some(_) => return Frame::Control,
        None => {}
    }
    let Some(body) = frame.get(1).filter(|_| frame.get(0).is_some_and(Value::is_number)) else {
        batch.push(Err(Reject::MalformedFrame));
        return Frame::Unknown;
    };
    if let Some(now_ms) = received_ms {
        give_up(decoder, now_ms, batch);
    }
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
        if let Some(event) = forced(decoder, row, received_ms, batch).transpose() {
            batch.push(event);
        }
    }
    if seen {
        return Frame::Data;
    }
    // Status of one derivative: the control channel, and a price.
    if rows.len() >= 8 && rows.iter().take(1).all(Value::is_number) {
        let channel = frame.get(0).and_then(Value::as_u64);
        decoder.positions.priced(channel, rows.get(2).and_then(|price| number_of(price).ok()));
        return Frame::Pulse;
    }
    if !rows.is_empty() {
        batch.push(Err(Reject::NotLiquidation));
    }
    Frame::Unknown
}

/// Liquidations that were triggered and have no price yet, and what prices are known.
#[derive(Debug, Default)]
pub struct Positions {
    waiting: Vec<Triggered>,
    /// Which derivative each channel of status tells of.
    channels: HashMap<u64, String>,
    /// The derivative that is subscribed over a channel of which nobody told the number.
    unnumbered: Option<String>,
    /// The last price of each derivative.
    prices: HashMap<String, f64>,
    /// Which record of a recording is read.
    record: Option<u64>,
    /// What got its price, with the record that told of it.
    priced: Vec<(u64, Result<Event, Reject>)>,
}

#[derive(Debug)]
struct Triggered {
    id: String,
    instrument: String,
    ts_ms: u64,
    /// When it came, else when it happened.
    since_ms: u64,
    amount: f64,
    entry: Option<f64>,
    /// The record that told of it, where a recording is read.
    record: Option<u64>,
}

impl Decoder {
    /// What waits for its price from now on belongs to this record, and is not told where the price comes, but by
    /// [`Self::take_priced`].
    pub const fn at_record(&mut self, record: Option<u64>) {
        self.positions.record = record;
    }

    /// The first record of which something waits for its price.
    pub fn first_waiting(&self) -> Option<u64> {
        self.positions.waiting.iter().filter_map(|triggered| triggered.record).min()
    }

    /// Whether something waits for its price, or got it and was not taken.
    pub const fn holds_back(&self) -> bool {
        !self.positions.waiting.is_empty() || !self.positions.priced.is_empty()
    }

    /// What waited and got its price since the last time this was asked, with its record.
    pub fn take_priced(&mut self) -> Vec<(u64, Result<Event, Reject>)> {
        std::mem::take(&mut self.positions.priced)
    }
}

impl Positions {
    /// Tells what became of something that waited for its price.
    fn tell(&mut self, record: Option<u64>, event: Result<Event, Reject>, batch: &mut Batch) {
        match record {
            Some(record) => self.priced.push((record, event)),
            None => batch.push(event),
        }
    }

    fn subscribed(&mut self, frame: &Value) {
        let key = frame.get("key").and_then(Value::as_str).and_then(|key| key.strip_prefix("deriv:"));
        let Some(derivative) = key else { return };
        match frame.get("chanId").and_then(Value::as_u64) {
            Some(channel) => {
                self.channels.insert(channel, derivative.to_owned());
                self.unnumbered = None;
            }
            None if self.channels.values().all(|known| known != derivative) => {
                self.unnumbered = Some(derivative.to_owned());
            }
            None => {}
        }
    }

    fn priced(&mut self, channel: Option<u64>, price: Option<f64>) {
        let derivative = channel.and_then(|channel| self.channels.get(&channel)).or(self.unnumbered.as_ref());
        if let (Some(derivative), Some(price)) = (derivative, price.filter(|price| *price > 0.0)) {
            self.prices.insert(derivative.clone(), price);
        }
    }
}

/// Prices what has waited long enough: by the derivative's status, else by the position's entry, which is an estimate.
pub(super) fn give_up(decoder: &mut Decoder, now_ms: u64, batch: &mut Batch) {
    let is_due = |triggered: &mut Triggered| triggered.since_ms.saturating_add(PRICE_WITHIN_MS) <= now_ms;
    let due: Vec<Triggered> = decoder.positions.waiting.extract_if(.., is_due).collect();
    for triggered in due {
        let price = match decoder.positions.prices.get(&triggered.instrument) {
            Some(price) => Some(*price),
            None => {
                decoder.estimates += u64::from(triggered.entry.is_some());
                triggered.entry
            }
        };
        let event = price.ok_or(Reject::NoPrice).and_then(|price| triggered.event(decoder, price));
        decoder.positions.tell(triggered.record, event, batch);
    }
}

impl Triggered {
    fn event(&self, decoder: &mut Decoder, price: f64) -> Result<Event, Reject> {
        let side = if self.amount > 0.0 { Side::Sell } else { Side::Buy };
        let (instrument, quantity) = (self.instrument.as_str(), self.amount.abs());
        decoder.event(Venue::Bitfinex, Raw { instrument, ts_ms: self.ts_ms, side, price, quantity, id: &self.id })
    }
}

/// The key that an answer names.
fn about(frame: &Value) -> Answered {
    Answered::about(frame.get("key").and_then(Value::as_str).map(str::to_owned).into_iter().collect())
}

/// `["pos", POS_ID, MTS, _, SYMBOL, AMOUNT, BASE_PRICE, _, IS_MATCH, IS_MARKET_SOLD, _, PRICE_ACQUIRED]`: a positive
/// amount is a liquidated long. Triggers count; the executions that follow them do not, but tell the price where the
/// trigger had none. BASE_PRICE is where the position was opened.
fn forced(
    decoder: &mut Decoder,
    row: &Value,
    received_ms: Option<u64>,
    batch: &mut Batch,
) -> Result<Option<Event>, Reject> {
    let field = |place: usize| row.get(place).ok_or(Reject::MissingField);
    let amount = number_of(field(5)?)?;
    let price = |place: usize| field(place).and_then(number_of).ok().filter(|price| *price > 0.0);
    let id = field(1)?.to_string();
    if number_of(field(8)?)? != 0.0 {
        let place = decoder.positions.waiting.iter().position(|waiting| waiting.id == id);
        if let (Some(place), Some(price)) = (place, price(11)) {
            let triggered = decoder.positions.waiting.remove(place);
            let event = triggered.event(decoder, price);
            decoder.positions.tell(triggered.record, event, batch);
        }
        return Err(Reject::Execution);
    }
    let ts_ms = number_of(field(2)?).and_then(whole_ms).map_err(|_| Reject::NoTime)?;
    // In a recording without times of receipt the events' own have to do.
    if received_ms.is_none() {
        give_up(decoder, ts_ms, batch);
    }
    let instrument = field(4)?.as_str().ok_or(Reject::MissingField)?.to_owned();
    let (since_ms, record) = (received_ms.unwrap_or(ts_ms), decoder.positions.record);
    let triggered = Triggered { id, instrument, ts_ms, since_ms, amount, entry: price(6), record };
    match price(11) {
        Some(price) => triggered.event(decoder, price).map(Some),
        None => {
            let is_known = decoder.positions.waiting.iter().any(|waiting| waiting.id == triggered.id);
            if !is_known && decoder.positions.waiting.len() < MOST_WAITING {
                decoder.positions.waiting.push(triggered);
            }
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contract::Contracts;

    #[test]
    fn a_derivative_that_was_subscribed_before_has_its_price_over_whatever_channel() {
        let (mut decoder, mut batch) = (Decoder::new(Contracts::default()), Batch::default());
        for text in [
            r#"{"event":"error","msg":"subscribe: dup","code":10301,"channel":"status","key":"deriv:tBTCF0:USTF0"}"#,
            "[31,[1790000000000,null,9100.5,9100,null,6,7,8]]",
            r#"[907,[["pos",1,1790000000000,null,"tBTCF0:USTF0",-0.5,9000,null,0,1,null,null]]]"#,
        ] {
            let frame = serde_json::from_str(text).unwrap();
            decoder.frame(Venue::Bitfinex, &frame, Some(1_790_000_000_000), &mut batch);
        }
        decoder.finish(&mut batch);
        assert_eq!(batch.events.iter().map(|event| event.price).collect::<Vec<_>>(), [9_100.5]);
    }
}
