//! The panes of what left the raw tail.

use std::ops::RangeInclusive;

use thin_vec::ThinVec;

use super::check_venue;
use crate::grammar::MAX_TIMESTAMP_MS;
use crate::liq::series::{
    Archive, Digested, Exchanges, MAX_EVENTS, MAX_EXCHANGES, Options, PRICE_RANGE, Packed, Pane, SIZE_RANGE, Scale,
    Series, Side, SidedSums, Sums, VenueTotals,
};
use crate::wire::{DecodeError, Reader, put_bytes, put_double, put_varint};

/// Sums are read within these bounds, and then held against each other.
const SUM_RANGE: RangeInclusive<f64> = 0.0..=1e300;

pub fn put(out: &mut Vec<u8>, archive: &Archive) {
    put_varint(out, archive.fine_from_ms());
    put_varint(out, archive.panes().len() as u64);
    let mut before_ms = 0;
    for pane in archive.packed_panes() {
        put_varint(out, pane.start_ms - before_ms);
        before_ms = pane.start_ms;
        let width = Options::PANE_WIDTHS_MS.iter().position(|width_ms| *width_ms == u64::from(pane.width_ms));
        out.push(width.unwrap_or_default() as u8);
        out.push(pane.content.scale.precision());
        Side::BOTH.into_iter().for_each(|side| put_side(out, &pane, side));
        put_varint(out, pane.content.venues.len() as u64);
        for totals in pane.content.venues.iter() {
            out.push(totals.venue);
            totals.counts.iter().for_each(|count| put_varint(out, (*count).into()));
            totals.volumes.iter().for_each(|volume| put_double(out, *volume));
        }
        put_bytes(out, pane.content.packed.as_bytes());
    }
}

/// The sums of one side: a count, and what only makes sense when there are events.
fn put_side(out: &mut Vec<u8>, pane: &Pane, side: Side) {
    let sums = pane.content.sums.side(side);
    put_varint(out, sums.count);
    let Some((first_ms, last_ms)) = pane.extent(Some(side)) else { return };
    put_varint(out, first_ms - pane.start_ms);
    put_varint(out, last_ms - pane.start_ms);
    let Sums { quantity, price_mean, price_m2, notional, size_m2, min, max, .. } = *sums;
    for value in [quantity, price_mean, price_m2, notional, size_m2, min, max] {
        put_double(out, value);
    }
}

pub fn read(reader: &mut Reader<'_>, series: &Series) -> Result<Archive, DecodeError> {
    let coarse_ms = series.options.pane_ms();
    let fine_from_ms = reader.varint("begin of fine panes", MAX_TIMESTAMP_MS)?;
    if !Archive::may_begin_fine(coarse_ms, fine_from_ms) {
        return Err(DecodeError::Invalid("begin of fine panes"));
    }
    // The sums of one side alone take 56 bytes.
    let count = reader.length("number of panes", MAX_EVENTS as usize, 64)?;
    let mut panes: Vec<Pane> = Vec::with_capacity(count);
    let (mut before_ms, mut free_from_ms) = (0, 0);
    for _ in 0..count {
        let start_ms = before_ms + reader.varint("start of a pane", MAX_TIMESTAMP_MS - before_ms)?;
        let width = usize::from(reader.byte()?);
        let width_ms = *Options::PANE_WIDTHS_MS.get(width).ok_or(DecodeError::Invalid("width of a pane"))?;
        if start_ms < free_from_ms || !start_ms.is_multiple_of(width_ms) {
            return Err(DecodeError::Invalid("start of a pane"));
        }
        let scale = read_scale(reader, series.events.scale)?;
        let content = read_content(reader, width_ms, scale, &series.exchanges)?;
        let pane = Pane { start_ms, width_ms: width_ms as u32, content };
        (before_ms, free_from_ms) = (start_ms, pane.end_ms());
        panes.push(pane);
    }
    Ok(Archive::loaded(panes, coarse_ms, fine_from_ms))
}

/// A pane's scale: one there is, and none finer than what is recorded now.
fn read_scale(reader: &mut Reader<'_>, finest: Scale) -> Result<Scale, DecodeError> {
    let precision = reader.byte()?;
    let scale = Scale::new(precision);
    let is_sound = scale.precision() == precision && scale <= finest;
    if is_sound { Ok(scale) } else { Err(DecodeError::Invalid("precision of a pane")) }
}

fn read_content(
    reader: &mut Reader<'_>,
    width_ms: u64,
    scale: Scale,
    exchanges: &Exchanges,
) -> Result<Digested, DecodeError> {
    let (buys, bought) = read_side(reader, width_ms)?;
    let (sells, sold) = read_side(reader, width_ms)?;
    let counts = [buys.count, sells.count];
    if counts == [0; 2] {
        return Err(DecodeError::Invalid("pane without events"));
    }
    let venues = read_venues(reader, exchanges, [&buys, &sells])?;
    let packed = reader.bytes("distribution", 16 * usize::from(scale.buckets()))?;
    let packed = Packed::from_bytes(packed, u32::from(scale.buckets()) * 2, counts)
        .ok_or(DecodeError::Invalid("distribution"))?;
    let sums = SidedSums::from_sides([buys, sells]);
    Ok(Digested { extent_ms: [bought, sold], sums, venues, scale, packed })
}

fn read_side(reader: &mut Reader<'_>, width_ms: u64) -> Result<(Sums, (u32, u32)), DecodeError> {
    let count = reader.varint("count", MAX_EVENTS)?;
    if count == 0 {
        return Ok((Sums::default(), (u32::MAX, 0)));
    }
    let first = reader.varint("first event of a pane", width_ms - 1)? as u32;
    let last = reader.varint("last event of a pane", width_ms - 1)? as u32;
    let sums = Sums {
        count,
        quantity: reader.double("quantity", &SUM_RANGE)?,
        price_mean: reader.double("mean price", &PRICE_RANGE)?,
        price_m2: reader.double("price spread", &SUM_RANGE)?,
        notional: reader.double("notional", &SUM_RANGE)?,
        size_m2: reader.double("size spread", &SUM_RANGE)?,
        min: reader.double("smallest size", &SIZE_RANGE)?,
        max: reader.double("largest size", &SIZE_RANGE)?,
    };
    let sums = sums.if_possible().filter(|_| first <= last).ok_or(DecodeError::Invalid("sums"))?;
    Ok((sums, (first, last)))
}

fn read_venues(
    reader: &mut Reader<'_>,
    exchanges: &Exchanges,
    whole: [&Sums; 2],
) -> Result<ThinVec<VenueTotals>, DecodeError> {
    let count = reader.length("number of exchanges in a pane", MAX_EXCHANGES + 1, 19)?;
    let mut venues: ThinVec<VenueTotals> = ThinVec::with_capacity(count);
    for _ in 0..count {
        let venue = reader.byte()?;
        check_venue(venue, exchanges)?;
        if venue <= venues.last().map_or(0, |before| before.venue) {
            return Err(DecodeError::Invalid("order of exchanges"));
        }
        let mut totals = VenueTotals { venue, counts: [0; 2], volumes: [0.0; 2] };
        for (count, whole) in totals.counts.iter_mut().zip(whole) {
            *count = reader.varint("count of an exchange", whole.count)? as u32;
        }
        for (volume, whole) in totals.volumes.iter_mut().zip(whole) {
            let read = reader.double("volume of an exchange", &SUM_RANGE)?;
            *volume = whole.if_part(read).ok_or(DecodeError::Invalid("volume of an exchange"))?;
        }
        venues.push(totals);
    }
    Ok(venues)
}
