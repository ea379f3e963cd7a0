//! The settings of a series.

use super::{put_option, read_option};
use crate::grammar::Percentile;
use crate::liq::series::{
    MAX_RETENTION_MS, MIN_EVENTS_RANGE, MIN_SIZE_RANGE, OFFSET_RANGE, Options, PRECISION_RANGE, RETENTION_RANGE_MS,
    TAIL_RANGE,
};
use crate::settings::{ClockMode, IDLE_RANGE_MS, MAXLEN_RANGE, Stream};
use crate::wire::{DecodeError, Reader, put_double, put_varint};

pub fn put(out: &mut Vec<u8>, options: &Options) {
    put_varint(out, options.retention_ms);
    put_option(out, options.window_ms);
    put_varint(out, options.percentile.millionths().into());
    put_varint(out, options.min_events);
    put_double(out, options.min_size);
    put_varint(out, options.vwap_window_ms);
    put_double(out, options.long_offset_pct);
    put_double(out, options.short_offset_pct);
    Stream::put(options.signals.as_ref(), out);
    out.push(u8::from(options.clock == ClockMode::Event));
    out.push(options.precision);
    put_varint(out, options.tail.into());
    put_option(out, options.idle_ms);
}

pub fn read(reader: &mut Reader<'_>) -> Result<Options, DecodeError> {
    let options = Options {
        retention_ms: reader.varint("retention", *RETENTION_RANGE_MS.end())?,
        window_ms: read_option(reader, "window", MAX_RETENTION_MS)?,
        percentile: Percentile::from_millionths(reader.varint("percentile", Percentile::FULL.into())? as u32)
            .ok_or(DecodeError::Invalid("percentile"))?,
        min_events: reader.varint("minevents", *MIN_EVENTS_RANGE.end() as u64)?,
        min_size: reader.double("minsize", &MIN_SIZE_RANGE)?,
        vwap_window_ms: reader.varint("vwapwindow", MAX_RETENTION_MS)?,
        long_offset_pct: reader.double("longoffset", &OFFSET_RANGE)?,
        short_offset_pct: reader.double("shortoffset", &OFFSET_RANGE)?,
        signals: Stream::take(reader, &MAXLEN_RANGE)?,
        accepted: None,
        market: None,
        clock: if reader.flag("clock")? { ClockMode::Event } else { ClockMode::Server },
        precision: reader.byte()?,
        tail: reader.varint("tail", *TAIL_RANGE.end() as u64)? as u32,
        idle_ms: read_option(reader, "idle", *IDLE_RANGE_MS.end())?,
    };
    let windows = [options.window_ms.unwrap_or(options.retention_ms), options.vwap_window_ms];
    let sound = RETENTION_RANGE_MS.contains(&options.retention_ms)
        && windows.iter().all(|window_ms| (1..=options.retention_ms).contains(window_ms))
        && PRECISION_RANGE.contains(&options.precision.into())
        && TAIL_RANGE.contains(&options.tail.into());
    if sound { Ok(options) } else { Err(DecodeError::Invalid("options")) }
}
