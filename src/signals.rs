//! Signals as entries of a stream, and what becomes of failures.

use liq_core::liq::series::{Event, Signal, SignalStream};
use liq_core::wire::DoubleBuffer;

use crate::commit::Closed;
use crate::ffi::{Context, KeyName};
use crate::hash_slot::hash_tag;
use crate::refusal::Refusal;
use crate::streams;
use crate::totals::TOTALS;

/// Refuses a stream that the signals of `key` could not be appended to.
pub fn check_stream(context: &Context<'_>, key: KeyName<'_>, stream: &[u8]) -> Result<(), Refusal> {
    streams::check(context, key, "SIGNALS", stream)
}

/// Appends `signal` to `stream` as the calling user, once the series is closed. A failure is counted and logged, and
/// nothing else.
pub fn append(
    context: &Context<'_>,
    closed: &Closed<'_>,
    stream: &SignalStream,
    (event, signal): (&Event<'_>, &Signal),
) {
    if let Err(problem) = add_entry(context, closed, stream, (event, signal)) {
        TOTALS.failed_signals.add(1);
        streams::log_failure(context, closed, "a signal", &problem);
    }
}

fn add_entry(
    context: &Context<'_>,
    closed: &Closed<'_>,
    stream: &SignalStream,
    (event, signal): (&Event<'_>, &Signal),
) -> Result<(), String> {
    let [mut vwap, mut deviation, mut size, mut price] = std::array::from_fn(|_| DoubleBuffer::new());
    let (key, ts) = (closed.key().bytes(), event.ts_ms.to_string());
    let fields: [&[u8]; 20] = [
        b"symbol",
        hash_tag(key).unwrap_or(key),
        b"key",
        key,
        b"side",
        signal.action.name().as_bytes(),
        b"entry_reason",
        signal.entry_reason().as_bytes(),
        b"vwap",
        vwap.format(signal.vwap).as_bytes(),
        b"vwap_deviation",
        deviation.format(signal.deviation_pct).as_bytes(),
        b"liquidation_size",
        size.format(event.size).as_bytes(),
        b"price",
        price.format(event.price).as_bytes(),
        b"timestamp",
        ts.as_bytes(),
        b"exchange",
        event.exchange.unwrap_or_default(),
    ];
    streams::append(context, closed, (&stream.key, stream.max_len), &fields)
}
