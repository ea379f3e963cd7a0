//! Layout 1 of a series; docs/FORMAT.md describes it. Frozen.

use thin_vec::ThinVec;

use crate::grammar::{MAX_TIMESTAMP_MS, Percentile};
use crate::liq::series::{
    Archive, ClockMode, Events, Exchanges, FINE_PANE_MS, IDLE_RANGE_MS, MAX_EXCHANGE_BYTES, MAX_EXCHANGES,
    MAX_PRODUCER_BYTES, MAX_PRODUCERS, MAX_RETENTION_MS, MAX_STREAM_BYTES, MAXLEN_RANGE, MIN_EVENTS_RANGE,
    MIN_SIZE_RANGE, OFFSET_RANGE, OTHER_EXCHANGE, Options, PRECISION_RANGE, PRICE_RANGE, Packed, Pane, Producers,
    RETENTION_RANGE_MS, RawEvent, SIZE_RANGE, Scale, Series, Side, SidedSums, SignalStream, Sums, TAIL_RANGE, Tail,
    Tally, Tier, VenueTotals, untag,
};
use crate::wire::{DecodeError, Reader, put_bytes, put_double, put_varint};

/// Panes of one tier that a series can come to hold, and then some.
const MAX_PANES: usize = 4096;

/// Sums are read within these bounds, and then held against each other.
const SUM_RANGE: std::ops::RangeInclusive<f64> = 0.0..=1e300;

/// How far sums may miss what they stand for by rounding, relatively.
const SLACK: f64 = 1e-6;

/// Most events that the panes of a loaded series may speak of: counts of merged panes must fit 32 bits.
const MAX_ARCHIVED: u64 = 1 << 31;

pub fn encode(series: &Series) -> Vec<u8> {
    let mut out = Vec::with_capacity(256 + 32 * series.events.tail.len());
    put_options(&mut out, &series.options);
    put_option(&mut out, series.newest_ms);
    put_tally(&mut out, &series.tally);
    put_names(&mut out, series);
    put_tail(&mut out, &series.events.tail);
    put_archive(&mut out, &series.events.archive);
    out
}

pub fn decode(bytes: &[u8]) -> Result<Series, DecodeError> {
    let mut reader = Reader::new(bytes);
    let mut series = Series::new(read_options(&mut reader)?);
    series.newest_ms = read_option(&mut reader, "newest", MAX_TIMESTAMP_MS)?;
    series.tally = read_tally(&mut reader)?;
    series.exchanges = read_exchanges(&mut reader)?;
    series.producers = read_producers(&mut reader)?;
    series.events.tail = read_tail(&mut reader, &series)?;
    series.events.archive = read_archive(&mut reader, &series)?;
    reader.finish()?;
    check_order(&series.events, series.newest_ms)?;
    Ok(series)
}

/// The archive holds what is older than the tail, and nothing is newer than the newest event.
fn check_order(events: &Events, newest_ms: Option<u64>) -> Result<(), DecodeError> {
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

fn put_options(out: &mut Vec<u8>, options: &Options) {
    put_varint(out, options.retention_ms);
    put_option(out, options.window_ms);
    put_varint(out, options.percentile.millionths().into());
    put_varint(out, options.min_events);
    put_double(out, options.min_size);
    put_varint(out, options.vwap_window_ms);
    put_double(out, options.long_offset_pct);
    put_double(out, options.short_offset_pct);
    let signals = options.signals.as_ref();
    put_bytes(out, signals.map_or(b"", |signals| &signals.key));
    put_varint(out, signals.map_or(0, |signals| signals.max_len.into()));
    out.push(u8::from(options.clock == ClockMode::Event));
    out.push(options.precision);
    put_varint(out, options.tail.into());
    put_option(out, options.idle_ms);
}

fn read_options(reader: &mut Reader<'_>) -> Result<Options, DecodeError> {
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
        signals: read_signals(reader)?,
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

fn read_signals(reader: &mut Reader<'_>) -> Result<Option<SignalStream>, DecodeError> {
    let key: Box<[u8]> = reader.bytes("signals", MAX_STREAM_BYTES)?.into();
    let max_len = reader.varint("maxlen", *MAXLEN_RANGE.end() as u64)? as u32;
    if key.is_empty() != (max_len == 0) {
        return Err(DecodeError::Invalid("signals"));
    }
    Ok(Some(SignalStream { key, max_len }).filter(|signals| !signals.key.is_empty()))
}

fn put_tally(out: &mut Vec<u8>, tally: &Tally) {
    tally.statuses.iter().chain([&tally.signals, &tally.stale_signals]).for_each(|count| put_varint(out, *count));
}

fn read_tally(reader: &mut Reader<'_>) -> Result<Tally, DecodeError> {
    let mut tally = Tally::default();
    for slot in tally.statuses.iter_mut().chain([&mut tally.signals, &mut tally.stale_signals]) {
        *slot = reader.varint("total", u64::MAX)?;
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

fn put_tail(out: &mut Vec<u8>, tail: &Tail) {
    let events = || (0..tail.len()).map(|place| tail.event(place));
    let with_ids = events().any(|event| event.id_hash != 0);
    put_varint(out, tail.left());
    put_varint(out, tail.len() as u64);
    out.push(with_ids.into());
    let mut before_ms = 0;
    for event in events() {
        put_varint(out, event.ts_ms - before_ms);
        before_ms = event.ts_ms;
    }
    events().for_each(|event| put_double(out, event.price));
    events().for_each(|event| put_double(out, event.size));
    events().for_each(|event| out.push(event.tag()));
    if with_ids {
        events().for_each(|event| out.extend_from_slice(&event.id_hash.to_le_bytes()));
    }
}

fn read_tail(reader: &mut Reader<'_>, series: &Series) -> Result<Tail, DecodeError> {
    let left = reader.varint("events that left", MAX_TIMESTAMP_MS)?;
    let capacity = series.options.tail as usize;
    let len = reader.length("number of raw events", capacity, 18)?;
    let with_ids = reader.flag("ids")?;
    let mut events = Vec::with_capacity(len);
    let mut ts_ms = 0;
    for _ in 0..len {
        ts_ms += reader.varint("timestamp", MAX_TIMESTAMP_MS - ts_ms)?;
        events.push(RawEvent { ts_ms, side: Side::Buy, price: 0.0, size: 0.0, venue: 0, id_hash: 0 });
    }
    for event in &mut events {
        event.price = reader.double("price", &PRICE_RANGE)?;
    }
    for event in &mut events {
        event.size = reader.double("size", &SIZE_RANGE)?;
    }
    for event in &mut events {
        (event.side, event.venue) = untag(reader.byte()?);
        check_venue(event.venue, &series.exchanges)?;
    }
    for event in events.iter_mut().filter(|_| with_ids) {
        event.id_hash = reader.word()?;
    }
    if with_ids && events.iter().all(|event| event.id_hash == 0) {
        return Err(DecodeError::Invalid("ids"));
    }
    if events.first().zip(events.last()).is_some_and(|(first, last)| last.ts_ms - first.ts_ms > MAX_RETENTION_MS) {
        return Err(DecodeError::Invalid("span of raw events"));
    }
    let mut tail = Tail::starting_at(left);
    for event in &events {
        tail.insert(event, capacity);
    }
    Ok(tail)
}

/// 0 is none, `OTHER_EXCHANGE` stands for all beyond the list, everything else must be in it.
fn check_venue(venue: u8, exchanges: &Exchanges) -> Result<(), DecodeError> {
    let other = venue == OTHER_EXCHANGE && exchanges.overflowed();
    let listed = usize::from(venue) <= exchanges.names().len();
    if listed || other { Ok(()) } else { Err(DecodeError::Invalid("exchange number")) }
}

fn put_archive(out: &mut Vec<u8>, archive: &Archive) {
    put_varint(out, archive.pane_ms());
    put_varint(out, archive.fine_from_ms());
    put_tier(out, archive.coarse());
    if let Some(fine) = archive.fine() {
        put_tier(out, fine);
    }
}

fn read_archive(reader: &mut Reader<'_>, series: &Series) -> Result<Archive, DecodeError> {
    let pane_ms = reader.varint("width of panes", MAX_RETENTION_MS)?;
    let fine_from_ms = reader.varint("begin of fine panes", MAX_TIMESTAMP_MS)?;
    let known_width = Options::PANE_WIDTHS_MS.contains(&pane_ms);
    if !known_width || pane_ms < series.options.pane_ms() || !fine_from_ms.is_multiple_of(FINE_PANE_MS) {
        return Err(DecodeError::Invalid("width of panes"));
    }
    let scale = series.events.scale;
    let coarse = read_tier(reader, pane_ms, scale, &series.exchanges)?;
    let fine = match pane_ms > FINE_PANE_MS {
        true => Some(read_tier(reader, FINE_PANE_MS, scale, &series.exchanges)?),
        false => None,
    };
    if let Some(fine) = &fine {
        let misplaced = coarse.panes().back().is_some_and(|pane| pane.last_ms() >= fine_from_ms)
            || fine.panes().front().is_some_and(|pane| pane.start_ms < fine_from_ms);
        if misplaced {
            return Err(DecodeError::Invalid("tier of a pane"));
        }
    }
    let archive = Archive::from_parts(fine, coarse, fine_from_ms);
    if archive.count() > MAX_ARCHIVED {
        return Err(DecodeError::Invalid("number of events in panes"));
    }
    Ok(archive)
}

fn put_tier(out: &mut Vec<u8>, tier: &Tier) {
    put_varint(out, tier.panes().len() as u64);
    let mut before_ms = 0;
    for pane in tier.packed_panes() {
        put_varint(out, pane.start_ms - before_ms);
        before_ms = pane.start_ms;
        for side in Side::BOTH {
            put_side(out, &pane, side);
        }
        put_varint(out, pane.venues.len() as u64);
        for totals in pane.venues.iter() {
            out.push(totals.venue);
            totals.counts.iter().for_each(|count| put_varint(out, (*count).into()));
            totals.volumes.iter().for_each(|volume| put_double(out, *volume));
        }
        put_bytes(out, pane.packed.as_bytes());
    }
}

/// The sums of one side: a count, and what only makes sense when there are events.
fn put_side(out: &mut Vec<u8>, pane: &Pane, side: Side) {
    let sums = pane.sums.side(side);
    put_varint(out, sums.count);
    let Some((first_ms, last_ms)) = pane.extent(Some(side)) else { return };
    put_varint(out, first_ms - pane.start_ms);
    put_varint(out, last_ms - pane.start_ms);
    let Sums { quantity, price_mean, price_m2, notional, size_m2, min, max, .. } = *sums;
    for value in [quantity, price_mean, price_m2, notional, size_m2, min, max] {
        put_double(out, value);
    }
}

fn read_tier(reader: &mut Reader<'_>, width_ms: u64, scale: Scale, exchanges: &Exchanges) -> Result<Tier, DecodeError> {
    let count = reader.length("number of panes", MAX_PANES, 5)?;
    let mut panes: Vec<Pane> = Vec::with_capacity(count);
    let mut start_ms = 0;
    for place in 0..count {
        let step_ms = reader.varint("start of a pane", MAX_TIMESTAMP_MS - start_ms)?;
        start_ms += step_ms;
        if place > 0 && step_ms == 0 || !start_ms.is_multiple_of(width_ms) {
            return Err(DecodeError::Invalid("start of a pane"));
        }
        panes.push(read_pane(reader, start_ms, width_ms, scale, exchanges)?);
    }
    Ok(Tier::loaded(width_ms, panes))
}

fn read_pane(
    reader: &mut Reader<'_>,
    start_ms: u64,
    width_ms: u64,
    scale: Scale,
    exchanges: &Exchanges,
) -> Result<Pane, DecodeError> {
    let (buys, bought) = read_side(reader, width_ms)?;
    let (sells, sold) = read_side(reader, width_ms)?;
    let counts = [buys.count, sells.count];
    if counts == [0; 2] {
        return Err(DecodeError::Invalid("pane without events"));
    }
    let venues = read_venues(reader, exchanges)?;
    let whole = [(buys.count, buys.notional), (sells.count, sells.notional)];
    let venues_fit = venues.iter().all(|totals| {
        let parts = totals.counts.into_iter().zip(totals.volumes);
        parts
            .zip(whole)
            .all(|((count, volume), (all, notional))| u64::from(count) <= all && volume <= notional * (1.0 + SLACK))
    });
    if !venues_fit {
        return Err(DecodeError::Invalid("totals of an exchange"));
    }
    let packed = reader.bytes("distribution", 16 * usize::from(scale.buckets()))?;
    let packed = Packed::from_bytes(packed, u32::from(scale.buckets()) * 2, counts)
        .ok_or(DecodeError::Invalid("distribution"))?;
    let sums = SidedSums::from_sides([buys, sells]);
    Ok(Pane { start_ms, extent_ms: [bought, sold], sums, venues, packed })
}

fn read_side(reader: &mut Reader<'_>, width_ms: u64) -> Result<(Sums, (u32, u32)), DecodeError> {
    let count = reader.varint("count", u32::MAX.into())?;
    if count == 0 {
        return Ok((Sums::default(), (u32::MAX, 0)));
    }
    let first = reader.varint("first event of a pane", width_ms - 1)? as u32;
    let last = reader.varint("last event of a pane", width_ms - 1)? as u32;
    let sums = Sums {
        count,
        quantity: reader.double("quantity", &SUM_RANGE)?,
        price_mean: reader.double("mean price", &SUM_RANGE)?,
        price_m2: reader.double("price spread", &SUM_RANGE)?,
        notional: reader.double("notional", &SUM_RANGE)?,
        size_m2: reader.double("size spread", &SUM_RANGE)?,
        min: reader.double("smallest size", &SIZE_RANGE)?,
        max: reader.double("largest size", &SIZE_RANGE)?,
    };
    if first > last || !could_be(&sums) {
        return Err(DecodeError::Invalid("sums"));
    }
    Ok((sums, (first, last)))
}

/// Whether events within the ranges of prices and sizes can have these sums. Sums that no events have would not be wrong
/// for long: merged with others they overflow, and what is saved then can no longer be loaded.
fn could_be(sums: &Sums) -> bool {
    let Sums { quantity, price_mean, price_m2, notional, size_m2, min, max, .. } = *sums;
    let (count, highest, lowest) = (sums.count as f64, *PRICE_RANGE.end(), *PRICE_RANGE.start());
    let within = |value: f64, low: f64, high: f64| value >= low * (1.0 - SLACK) && value <= high * (1.0 + SLACK);
    min <= max
        && within(notional, count * min, count * max)
        && within(quantity, notional / highest, notional / lowest)
        && within(price_mean, lowest, highest)
        && within(price_m2, 0.0, quantity * highest * highest)
        && within(size_m2, 0.0, count * max * max)
}

fn read_venues(reader: &mut Reader<'_>, exchanges: &Exchanges) -> Result<ThinVec<VenueTotals>, DecodeError> {
    let count = reader.length("number of exchanges in a pane", MAX_EXCHANGES + 1, 19)?;
    let mut venues: ThinVec<VenueTotals> = ThinVec::with_capacity(count);
    for _ in 0..count {
        let venue = reader.byte()?;
        check_venue(venue, exchanges)?;
        if venue <= venues.last().map_or(0, |before| before.venue) {
            return Err(DecodeError::Invalid("order of exchanges"));
        }
        let mut totals = VenueTotals { venue, counts: [0; 2], volumes: [0.0; 2] };
        for count in &mut totals.counts {
            *count = reader.varint("count of an exchange", u32::MAX.into())? as u32;
        }
        for volume in &mut totals.volumes {
            *volume = reader.double("volume of an exchange", &SUM_RANGE)?;
        }
        venues.push(totals);
    }
    Ok(venues)
}
