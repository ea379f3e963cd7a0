//! Lines of NDJSON recordings: frames as they came, perhaps behind a receive time, wrapped with their venue, or events
//! in the normal form itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::contract::Contract;
use crate::event::{Batch, Event, Reject, side_of};
use crate::symbol;
use crate::venue::{Decoder, Frame, Venue, number_of};

/// What a line was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// Events, or rejects.
    Items,
    /// Neither: an acknowledgement, a heartbeat.
    Control,
    /// What a venue's contracts were worth from there on.
    Contracts,
}

/// Reads one line, appending to `batch`, and tells what it was.
///
/// `venue` is whose frames they are; without it each frame's shape tells.
pub fn decode(decoder: &mut Decoder, venue: Option<Venue>, line: &[u8], batch: &mut Batch) -> Line {
    let (received_ms, json) = split_receive_time(line);
    // A recorder's own notes: the address it connected to, and what it sent.
    if json.starts_with(b"wss://") || json.starts_with(b"ws://") {
        return Line::Control;
    }
    let Ok(value) = serde_json::from_slice::<Value>(json) else {
        batch.push(Err(Reject::MalformedFrame));
        return Line::Items;
    };
    // What the contracts were worth when the frames were recorded.
    if let (Some(name), Some(contracts)) = (value.get("venue").and_then(Value::as_str), value.get("contracts")) {
        return match (Venue::parse(name), serde_json::from_value::<BTreeMap<String, Contract>>(contracts.clone())) {
            (Some(venue), Ok(contracts)) => {
                decoder.learn_more(venue, contracts);
                Line::Contracts
            }
            _ => {
                batch.push(Err(Reject::MalformedFrame));
                Line::Items
            }
        };
    }
    // A line of the rejects file, which may be understood by now.
    if let (Some(_), Some(text)) = (value.get("reason"), value.get("text").and_then(Value::as_str))
        && text.len() < line.len()
    {
        let source = value.get("source").and_then(Value::as_str).and_then(Venue::parse);
        return decode(decoder, source.or(venue), text.as_bytes(), batch);
    }
    if value.get("ts").is_some() && value.get("size").is_some() && value.get("symbol").is_some() {
        batch.push(normal(&value));
        return Line::Items;
    }
    let (named, frame) = match (value.get("venue").and_then(Value::as_str), value.get("frame")) {
        (Some(name), Some(frame)) => (Some(name), frame),
        _ => (None, &value),
    };
    // A recorded frame that was no JSON.
    if named.is_some() && frame.is_string() {
        batch.push(Err(Reject::MalformedFrame));
        return Line::Items;
    }
    let received_ms = received_ms.or_else(|| value.get("received_ms").and_then(Value::as_u64));
    let venue = match named {
        // The withdrawn topic is told apart by its frames.
        Some("bybit-legacy") => Some(Venue::Bybit),
        Some(name) => Venue::parse(name),
        None => venue.or_else(|| Venue::of_frame(frame)),
    };
    let Some(venue) = venue else {
        batch.push(Err(if named.is_some() { Reject::UnsupportedVenue } else { unknown(frame) }));
        return Line::Items;
    };
    let items = batch.len();
    let kind = decoder.frame(venue, frame, received_ms, batch);
    let nothing_came = items == batch.len();
    if nothing_came && kind == Frame::Unknown {
        batch.push(Err(Reject::NotLiquidation));
        return Line::Items;
    }
    if nothing_came { Line::Control } else { Line::Items }
}

/// Acknowledgements and the like are known by their words; the rest names no venue that is read here.
fn unknown(frame: &Value) -> Reject {
    let known = ["event", "op", "result", "success", "channel", "e"].iter().any(|name| frame.get(name).is_some());
    if known { Reject::NotLiquidation } else { Reject::MalformedFrame }
}

/// `1626916403.8469708: {…}` (seconds) and `1737918843893903000 {…}` (nanoseconds).
fn split_receive_time(line: &[u8]) -> (Option<u64>, &[u8]) {
    let line = line.trim_ascii();
    let Some(end) = line.iter().position(|byte| *byte == b' ') else { return (None, line) };
    let (head, rest) = line.split_at(end);
    let digits = head.strip_suffix(b":").unwrap_or(head);
    let is_number = !digits.is_empty() && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.');
    if !is_number {
        return (None, line);
    }
    let seconds = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<f64>().ok());
    (seconds.and_then(to_ms), rest.trim_ascii())
}

/// Milliseconds of a Unix time in seconds, milliseconds, microseconds or nanoseconds, told apart by its size.
fn to_ms(time: f64) -> Option<u64> {
    const YEAR_5138_IN_SECONDS: f64 = 1e11;
    let mut in_seconds = time;
    while in_seconds >= YEAR_5138_IN_SECONDS {
        in_seconds /= 1_000.0;
    }
    let ms = (in_seconds * 1_000.0).round();
    (ms >= 1.0).then_some(ms as u64)
}

/// `{"exchange","symbol","ts","side","price","size","id"}`: what other programs may write for this one to read.
fn normal(value: &Value) -> Result<Event, Reject> {
    let text = |name: &str| value.get(name).and_then(Value::as_str);
    let number = |name: &str| value.get(name).map_or(Err(Reject::MissingField), number_of);
    let exchange = text("exchange").unwrap_or("other");
    let printable =
        !exchange.is_empty() && exchange.len() <= 32 && exchange.bytes().all(|byte| byte.is_ascii_graphic());
    if !printable {
        return Err(Reject::UnsupportedVenue);
    }
    let ts_ms = value.get("ts").and_then(Value::as_u64).ok_or(Reject::NoTime)?;
    let symbol = symbol::checked(text("symbol").ok_or(Reject::BadSymbol)?.to_owned())?;
    let event = Event {
        exchange: Arc::from(exchange),
        symbol: Arc::from(symbol),
        ts_ms,
        side: side_of(text("side").ok_or(Reject::BadSide)?)?,
        price: number("price")?,
        size: number("size")?,
        id: text("id").unwrap_or_default().into(),
    };
    event.checked()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn receive_times_of_every_recorder_are_milliseconds() {
        let cases: [(&str, Option<u64>, &str); 5] = [
            ("1626916403.8469708: {}", Some(1_626_916_403_847), "{}"),
            ("1737918843893903000 {}", Some(1_737_918_843_894), "{}"),
            ("{\"a\": 1}", None, "{\"a\": 1}"),
            ("wss://x <-> 1652459224.5", None, "wss://x <-> 1652459224.5"),
            ("", None, ""),
        ];
        for (line, ms, rest) in cases {
            assert_eq!(split_receive_time(line.as_bytes()), (ms, rest.as_bytes()), "{line}");
        }
    }
}
