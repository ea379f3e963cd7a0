//! Signals, and accepted events, as entries of streams, and what becomes of failures.

use liq_core::liq::series::{Event, Options, Signal};
use liq_core::settings::Stream;
use liq_core::wire::DoubleBuffer;

use crate::commit::Closed;
use crate::ffi::Context;
use crate::hash_slot::hash_tag;
use crate::streams;
use crate::totals::TOTALS;

/// Where a series tells of what it accepts.
pub struct Streams {
    signals: Option<Stream>,
    accepted: Option<Stream>,
}

impl Streams {
    /// Those of a series with such options.
    pub fn of(options: &Options) -> Self {
        Self { signals: options.signals.clone(), accepted: options.accepted.clone() }
    }

    /// Tells watchers of a signal, and appends an accepted event and the signal it gave, as the calling user, once the
    /// series is closed. A failure is counted and logged, and nothing else.
    pub fn tell(&self, context: &Context<'_>, closed: &Closed<'_>, event: &Event<'_>, signal: Option<&Signal>) {
        if let Some(stream) = &self.accepted
            && let Err(problem) = append_event(context, closed, stream, event)
        {
            TOTALS.failed_accepted.add(1);
            streams::log_failure(context, closed, "an accepted event", &problem);
        }
        let Some(signal) = signal else { return };
        closed.notify(c"liq.signal");
        if let Some(stream) = &self.signals
            && let Err(problem) = append_signal(context, closed, stream, (event, signal))
        {
            TOTALS.failed_signals.add(1);
            streams::log_failure(context, closed, "a signal", &problem);
        }
    }
}

fn append_event(context: &Context<'_>, closed: &Closed<'_>, stream: &Stream, event: &Event<'_>) -> Result<(), String> {
    let [mut size, mut price] = std::array::from_fn(|_| DoubleBuffer::new());
    let (key, ts) = (closed.key().bytes(), event.ts_ms.to_string());
    let fields: [&[u8]; 14] = [
        b"symbol",
        hash_tag(key).unwrap_or(key),
        b"key",
        key,
        b"side",
        event.side.name().as_bytes(),
        b"liquidation_size",
        size.format(event.size).as_bytes(),
        b"price",
        price.format(event.price).as_bytes(),
        b"timestamp",
        ts.as_bytes(),
        b"exchange",
        event.exchange.unwrap_or_default(),
    ];
    streams::append(context, closed, (&stream.key, stream.max_len), streams::bytes(&fields))
}

fn append_signal(
    context: &Context<'_>,
    closed: &Closed<'_>,
    stream: &Stream,
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
    streams::append(context, closed, (&stream.key, stream.max_len), streams::bytes(&fields))
}
