//! Layout 1 of a series; docs/FORMAT.md describes it. Frozen: it is read, and what newer ones have in common with it is
//! written from here.

mod panes;
mod raw;
pub(super) mod settings;

use crate::grammar::MAX_TIMESTAMP_MS;
use crate::liq::series::{
    Events, Exchanges, MAX_EVENTS, MAX_EXCHANGE_BYTES, MAX_EXCHANGES, MAX_PRODUCER_BYTES, MAX_PRODUCERS, MAX_TOTAL,
    OTHER_EXCHANGE, Options, Producers, Resolution, Series, Tally,
};
use crate::wire::{DecodeError, Reader, put_bytes, put_varint};

/// Everything behind the options.
pub(super) fn put_content(out: &mut Vec<u8>, series: &Series) {
    out.push(series.resolution().index());
    put_option(out, series.newest_ms);
    put_option(out, series.events.dropped_until_ms);
    put_tally(out, &series.tally);
    put_names(out, series);
    raw::put(out, &series.events.tail);
    panes::put(out, &series.events.archive);
}

pub fn decode(bytes: &[u8]) -> Result<Series, DecodeError> {
    let mut reader = Reader::new(bytes);
    let options = settings::read(&mut reader)?;
    read_content(reader, options)
}

/// Everything behind the options, to the last byte.
pub(super) fn read_content(mut reader: Reader<'_>, options: Options) -> Result<Series, DecodeError> {
    let mut series = Series::new(options);
    let resolution = Resolution::from_index(reader.byte()?).ok_or(DecodeError::Invalid("resolution"))?;
    series.newest_ms = read_option(&mut reader, "newest", MAX_TIMESTAMP_MS)?;
    series.events.dropped_until_ms = read_option(&mut reader, "dropped until", MAX_TIMESTAMP_MS)?;
    series.tally = read_tally(&mut reader)?;
    series.exchanges = read_exchanges(&mut reader)?;
    series.producers = read_producers(&mut reader)?;
    series.events.tail = raw::read(&mut reader, &series)?;
    series.events.archive = panes::read(&mut reader, &series)?;
    reader.finish()?;
    check_events(&series.events, series.newest_ms)?;
    series.load_resolution(resolution);
    Ok(series)
}

/// The archive holds what is older than the tail, and nothing is newer than the newest event.
fn check_events(events: &Events, newest_ms: Option<u64>) -> Result<(), DecodeError> {
    if events.count() > MAX_EVENTS {
        return Err(DecodeError::Invalid("number of events"));
    }
    let archived_ms = events.archive.newest_ms();
    let overlap = archived_ms.zip(events.tail.first_ms()).is_some_and(|(archived, first)| archived > first);
    if overlap || events.newest_ms() > newest_ms {
        return Err(DecodeError::Invalid("order of events"));
    }
    Ok(())
}

/// 0 for nothing, else the value plus 1.
fn put_option(out: &mut Vec<u8>, value: Option<u64>) {
    put_varint(out, value.map_or(0, |value| value + 1));
}

fn read_option(reader: &mut Reader<'_>, what: &'static str, max: u64) -> Result<Option<u64>, DecodeError> {
    Ok(reader.varint(what, max + 1)?.checked_sub(1))
}

fn put_tally(out: &mut Vec<u8>, tally: &Tally) {
    tally.statuses.iter().chain([&tally.signals, &tally.stale_signals]).for_each(|count| put_varint(out, *count));
}

fn read_tally(reader: &mut Reader<'_>) -> Result<Tally, DecodeError> {
    let mut tally = Tally::default();
    for slot in tally.statuses.iter_mut().chain([&mut tally.signals, &mut tally.stale_signals]) {
        *slot = reader.varint("total", MAX_TOTAL)?;
    }
    Ok(tally)
}

fn put_names(out: &mut Vec<u8>, series: &Series) {
    let names = series.exchanges.names();
    put_varint(out, names.len() as u64);
    names.iter().for_each(|name| put_bytes(out, name));
    out.push(series.exchanges.overflowed().into());
    let producers = series.producers.latest();
    put_varint(out, producers.len() as u64);
    for (name, seq) in producers {
        put_bytes(out, name);
        put_varint(out, *seq);
    }
}

fn read_exchanges(reader: &mut Reader<'_>) -> Result<Exchanges, DecodeError> {
    let count = reader.length("number of exchanges", MAX_EXCHANGES, 2)?;
    let mut names: Vec<Box<[u8]>> = Vec::with_capacity(count);
    for _ in 0..count {
        let name = reader.bytes("exchange", MAX_EXCHANGE_BYTES)?;
        if name.is_empty() || names.iter().any(|known| **known == *name) {
            return Err(DecodeError::Invalid("exchange"));
        }
        names.push(name.into());
    }
    let overflowed = reader.flag("exchange overflow")?;
    if overflowed && count < MAX_EXCHANGES {
        return Err(DecodeError::Invalid("exchange overflow"));
    }
    Ok(Exchanges::loaded(names, overflowed))
}

fn read_producers(reader: &mut Reader<'_>) -> Result<Producers, DecodeError> {
    let count = reader.length("number of producers", MAX_PRODUCERS, 3)?;
    let mut latest: Vec<(Box<[u8]>, u64)> = Vec::with_capacity(count);
    for _ in 0..count {
        let name = reader.bytes("producer", MAX_PRODUCER_BYTES)?;
        let seq = reader.varint("seq", i64::MAX as u64)?;
        if name.is_empty() || latest.iter().any(|(known, _)| **known == *name) {
            return Err(DecodeError::Invalid("producer"));
        }
        latest.push((name.into(), seq));
    }
    Ok(Producers::loaded(latest))
}

/// 0 is none, `OTHER_EXCHANGE` stands for all beyond the list, everything else must be in it.
fn check_venue(venue: u8, exchanges: &Exchanges) -> Result<(), DecodeError> {
    let other = venue == OTHER_EXCHANGE && exchanges.overflowed();
    let listed = usize::from(venue) <= exchanges.names().len();
    if listed || other { Ok(()) } else { Err(DecodeError::Invalid("exchange number")) }
}
