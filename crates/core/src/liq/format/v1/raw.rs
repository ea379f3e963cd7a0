//! The raw tail: how many events each leaf holds, then a column for each field.

use super::check_venue;
use crate::grammar::MAX_TIMESTAMP_MS;
use crate::liq::series::{LEAF_MOST, PRICE_RANGE, RawEvent, SIZE_RANGE, Series, Side, Tail, untag};
use crate::wire::{DecodeError, Reader, put_double, put_varint};

pub fn put(out: &mut Vec<u8>, tail: &Tail) {
    let events = || tail.events(&tail.all());
    let (broken, lens) = tail.shape();
    put_varint(out, lens.len() as u64);
    out.push(broken.into());
    lens.for_each(|len| put_varint(out, len as u64));
    let with_ids = events().any(|event| event.id_hash != 0);
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

pub fn read(reader: &mut Reader<'_>, series: &Series) -> Result<Tail, DecodeError> {
    // An event takes at least 18 bytes behind its leaf's length.
    let leaves = reader.length("number of leaves", series.tail_now() as usize, 1)?;
    let broken = reader.flag("broken leaf")?;
    let next_len = |_| reader.varint("length of a leaf", LEAF_MOST as u64).map(|len| len as usize);
    let lens = (0..leaves).map(next_len).collect::<Result<Vec<usize>, _>>()?;
    let len = lens.iter().sum();
    if len > series.tail_now() as usize || reader.left() < 18 * len {
        return Err(DecodeError::Invalid("number of raw events"));
    }
    let events = read_events(reader, len, series)?;
    Tail::loaded(&events, broken, &lens).ok_or(DecodeError::Invalid("leaves"))
}

fn read_events(reader: &mut Reader<'_>, len: usize, series: &Series) -> Result<Vec<RawEvent>, DecodeError> {
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
    Ok(events)
}
