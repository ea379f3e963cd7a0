//! Appending signals to a stream: on whose behalf, and what becomes of failures.

use std::sync::atomic::{AtomicU64, Ordering};

use liq_core::grammar::RequestError;
use liq_core::liq::series::{Event, Signal, SignalStream};
use liq_core::wire::DoubleBuffer;

use crate::commit::Closed;
use crate::ffi::{Context, KeyName, Level, WriteAccess};
use crate::hash_slot::{hash_tag, share_a_slot};
use crate::refusal::Refusal;
use crate::totals::TOTALS;

/// Failures are counted each, and logged at most this often.
const LOG_INTERVAL_MS: u64 = 10_000;

/// Refuses a stream that the signals of `key` could not be appended to: in another slot of the cluster, or not the
/// caller's to write.
pub fn check_stream(context: &Context<'_>, key: KeyName<'_>, stream: &[u8]) -> Result<(), Refusal> {
    if context.is_cluster() && !share_a_slot(key.bytes(), stream) {
        return Err(RequestError::argument("SIGNALS", "must be in the key's hash slot", stream).into());
    }
    if key.bytes() == stream {
        return Err(RequestError::argument("SIGNALS", "cannot be the series itself", stream).into());
    }
    match context.write_access(stream) {
        WriteAccess::Granted => Ok(()),
        WriteAccess::Denied => Err(Refusal::NoPermission("SIGNALS: no permission to write to the stream".into())),
    }
}

/// Appends `signal` to `stream` as the calling user, once the series is closed. A failure is counted and logged, and
/// nothing else.
pub fn append(
    context: &Context<'_>,
    closed: &Closed<'_>,
    stream: &SignalStream,
    (event, signal): (&Event<'_>, &Signal),
) {
    let key = closed.key();
    let outcome = if context.is_cluster() && !share_a_slot(key.bytes(), &stream.key) {
        Err("the stream is not in the key's hash slot".to_owned())
    } else {
        add_entry(context, key.bytes(), stream, (event, signal))
    };
    if let Err(problem) = outcome {
        TOTALS.failed_signals.add(1);
        log_now_and_then(context, key, &problem);
    }
}

fn add_entry(
    context: &Context<'_>,
    key: &[u8],
    stream: &SignalStream,
    (event, signal): (&Event<'_>, &Signal),
) -> Result<(), String> {
    let [mut vwap, mut deviation, mut size, mut price] = std::array::from_fn(|_| DoubleBuffer::new());
    let (max_len, ts) = (stream.max_len.to_string(), event.ts_ms.to_string());
    let arguments: [&[u8]; 25] = [
        &stream.key,
        b"MAXLEN",
        b"~",
        max_len.as_bytes(),
        b"*",
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
    context.call_as_user(c"XADD", &arguments)
}

fn log_now_and_then(context: &Context<'_>, key: KeyName<'_>, problem: &str) {
    static LOGGED_AT_MS: AtomicU64 = AtomicU64::new(0);
    let now_ms = context.now_ms();
    if now_ms.saturating_sub(LOGGED_AT_MS.load(Ordering::Relaxed)) >= LOG_INTERVAL_MS {
        LOGGED_AT_MS.store(now_ms, Ordering::Relaxed);
        let key = key.bytes().escape_ascii();
        context.log(Level::Warning, &format!("a signal of '{key}' was not appended: {problem}"));
    }
}
