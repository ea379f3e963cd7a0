//! The settings of a market.

use super::scalars::{put_interval, put_option, read_interval, read_option};
use crate::grammar::Percentile;
use crate::market::candle::{Keep, MAX_KEEP, UNITS, Zone};
use crate::market::store::{FIRES_MAXLEN_RANGE, GRACE_RANGE_MS, MAX_ANNOUNCED, Options, STALE_RANGE_MS, TAIL_RANGE};
use crate::market::tape::Order;
use crate::settings::{ClockMode, IDLE_RANGE_MS, MAXLEN_RANGE, Stream};
use crate::wire::{DecodeError, Reader, put_varint};

/// Minutes that zones are shifted by, so that they are not negative.
const WEST_MINUTES: i16 = 720;

pub fn put(out: &mut Vec<u8>, options: &Options) {
    options.keep.0.iter().for_each(|keep| put_varint(out, (*keep).into()));
    put_varint(out, options.tail.into());
    out.push(u8::from(options.order == Order::Id));
    put_varint(out, (options.zone.minutes() + WEST_MINUTES) as u64);
    put_varint(out, options.grace_ms);
    put_varint(out, options.stale_ms);
    put_varint(out, options.max_jump.millionths().into());
    Stream::put(options.closes.as_ref(), out);
    Stream::put(options.fires.as_ref(), out);
    put_varint(out, options.announce.len() as u64);
    options.announce.iter().for_each(|interval| put_interval(out, *interval));
    out.push(u8::from(options.clock == ClockMode::Event));
    put_option(out, options.idle_ms);
}

pub fn read(reader: &mut Reader<'_>) -> Result<Options, DecodeError> {
    let mut keep = Keep([0; UNITS.len()]);
    for slot in &mut keep.0 {
        *slot = reader.varint("keep", MAX_KEEP.into())? as u32;
    }
    let options = Options {
        keep,
        tail: reader.varint("tail", *TAIL_RANGE.end() as u64)? as u32,
        order: if reader.flag("order")? { Order::Id } else { Order::Time },
        zone: Zone::new(reader.varint("tz", 2_000)? as i16 - WEST_MINUTES).ok_or(DecodeError::Invalid("tz"))?,
        grace_ms: reader.varint("grace", *GRACE_RANGE_MS.end())?,
        stale_ms: reader.varint("stale", *STALE_RANGE_MS.end())?,
        max_jump: Percentile::from_millionths(reader.varint("maxjump", Percentile::FULL.into())? as u32)
            .ok_or(DecodeError::Invalid("maxjump"))?,
        closes: Stream::take(reader, &MAXLEN_RANGE)?,
        fires: Stream::take(reader, &FIRES_MAXLEN_RANGE)?,
        announce: {
            let count = reader.length("announce", MAX_ANNOUNCED, 1)?;
            (0..count).map(|_| read_interval(reader)).collect::<Result<_, _>>()?
        },
        clock: if reader.flag("clock")? { ClockMode::Event } else { ClockMode::Server },
        idle_ms: read_option(reader, "idle", *IDLE_RANGE_MS.end())?,
    };
    let is_told_twice = options
        .announce
        .iter()
        .enumerate()
        .any(|(place, interval)| options.announce.iter().take(place).any(|other| other == interval));
    if is_told_twice || options.check().is_err() { Err(DecodeError::Invalid("options")) } else { Ok(options) }
}
