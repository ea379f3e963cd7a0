//! Telling of announced candles that closed or were amended: keyspace events, and entries of the stream CLOSES.

use liq_core::grammar::PlainBuffer;
use liq_core::market::candle::{QUOTE_SCALE, VOLUME_SCALE};
use liq_core::market::store::{Change, Changes};
use liq_core::settings::Stream;

use crate::commit::Closed;
use crate::ffi::Context;
use crate::hash_slot::hash_tag;
use crate::streams;
use crate::totals::TOTALS;

/// Tells of every change, in the order in which the candles end. A failure is counted and logged, and nothing else.
pub fn tell(context: &Context<'_>, closed: &Closed<'_>, stream: Option<&Stream>, changes: &Changes) {
    for change in changes.iter() {
        closed.notify(if change.is_amended { c"candle.amended" } else { c"candle.closed" });
        if let Some(stream) = stream
            && let Err(problem) = append(context, closed, stream, change)
        {
            TOTALS.failed_closes.add(1);
            streams::log_failure(context, closed, "a close", &problem);
        }
    }
}

fn append(context: &Context<'_>, closed: &Closed<'_>, stream: &Stream, change: &Change) -> Result<(), String> {
    let (row, candle) = (&change.row, &change.row.candle);
    let integer = |value: u64| value.to_string();
    let sum = |units: Option<u128>, scale| {
        // What a row of the venue did not tell is empty.
        units.map(|units| PlainBuffer::new().units(units, scale).to_owned()).unwrap_or_default()
    };
    let key = closed.key().bytes();
    let columns = [
        ("interval", change.interval.to_string()),
        ("start", integer(candle.start_ms)),
        ("open", candle.open.to_string()),
        ("high", candle.high.to_string()),
        ("low", candle.low.to_string()),
        ("close", candle.close.to_string()),
        ("volume", sum(Some(candle.volume), VOLUME_SCALE)),
        ("end", integer(row.span.end_ms.saturating_sub(1))),
        ("quote_volume", sum(candle.quote, QUOTE_SCALE)),
        ("trades", candle.trades.map(integer).unwrap_or_default()),
        ("taker_volume", sum(candle.taker_volume, VOLUME_SCALE)),
        ("taker_quote_volume", sum(candle.taker_quote, QUOTE_SCALE)),
        ("state", row.state.name().to_owned()),
    ];
    let event: &[u8] = if change.is_amended { b"amended" } else { b"closed" };
    let head: [&[u8]; 6] = [b"event", event, b"symbol", hash_tag(key).unwrap_or(key), b"key", key];
    let columns = columns.iter().flat_map(|(name, value)| [name.as_bytes(), value.as_bytes()]);
    let fields: Vec<&[u8]> = head.into_iter().chain(columns).collect();
    streams::append(context, closed, (&stream.key, stream.max_len), streams::bytes(&fields))
}
