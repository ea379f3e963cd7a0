//! A run of neighbouring ticks in few bytes: times, prices and IDs as differences, one scale for all prices and one for
//! all quantities.

use super::tick::{Held, Id, MAX_ID_BYTES, Side, Tick};
use crate::grammar::Decimal;
use crate::wire::{Reader, put_bytes, put_varint, put_varint128, unzigzag, zigzag};

/// Ticks that become a chunk at once.
pub const SEALED: usize = 64;
/// Most ticks of a chunk that late ones went into; one more and it is two.
pub const MOST: usize = 128;

/// About as many bytes as a tick takes, and some more.
const USUAL_BYTES: usize = 12;

/// A run of ticks, packed.
#[derive(Debug, Clone)]
pub struct Chunk {
    bytes: Box<[u8]>,
    len: u8,
    /// When the first happened, Unix ms.
    pub first_ms: u64,
    /// When the last happened, Unix ms.
    pub last_ms: u64,
}

/// The ID follows the one before.
const NEXT: u8 = 1;
const NUMBERS: u8 = 2;
const TEXT: u8 = 3;

impl Chunk {
    /// Packs `ticks`, which are in order: 1 to 128.
    pub fn pack(ticks: &[Held]) -> Self {
        let scale = |of: fn(&Held) -> Decimal| ticks.iter().map(|tick| of(tick).scale()).max().unwrap_or(0);
        let (price_scale, qty_scale) = (scale(|tick| tick.price), scale(|tick| tick.qty));
        let mut out = Vec::with_capacity(ticks.len() * USUAL_BYTES);
        out.extend([price_scale, qty_scale]);
        let mut before = Before::default();
        for tick in ticks {
            put_tick(&mut out, tick, (price_scale, qty_scale), &mut before);
        }
        let (first, last) = (ticks.first(), ticks.last());
        Self {
            bytes: out.into(),
            len: ticks.len() as u8,
            first_ms: first.map_or(0, |tick| tick.ts_ms),
            last_ms: last.map_or(0, |tick| tick.ts_ms),
        }
    }

    /// How many ticks it holds.
    pub fn len(&self) -> usize {
        self.len.into()
    }

    /// The ticks, appended to `out`.
    pub fn unpack(&self, out: &mut impl Extend<Held>) {
        self.unpack_from(Cursor::default(), out);
    }

    /// The ticks from the cursor on, appended to `out`.
    pub fn unpack_from(&self, mut cursor: Cursor, out: &mut impl Extend<Held>) {
        out.extend(std::iter::from_fn(|| self.next(&mut cursor)?.held()));
    }

    /// The tick at the cursor, which goes on behind it.
    pub fn next(&self, cursor: &mut Cursor) -> Option<Packed<'_>> {
        let (scales, bytes) = self.bytes.split_first_chunk()?;
        let mut reader = Reader::new(bytes.get(cursor.at as usize..)?);
        if cursor.taken >= self.len {
            return None;
        }
        let packed = read_tick(&mut reader, *scales, &mut cursor.before)?;
        cursor.at = (bytes.len() - reader.left()) as u32;
        cursor.taken += 1;
        Some(packed)
    }

    /// Its buffer.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its buffer, to be moved.
    pub fn bytes_mut(&mut self) -> &mut Box<[u8]> {
        &mut self.bytes
    }
}

/// How far a chunk was read.
#[derive(Debug, Clone, Copy, Default)]
pub struct Cursor {
    at: u32,
    taken: u8,
    before: Before,
}

impl Cursor {
    /// How many ticks lie before it.
    pub const fn taken(&self) -> usize {
        self.taken as usize
    }
}

/// What differences are taken from.
#[derive(Debug, Clone, Copy, Default)]
struct Before {
    ts_ms: u64,
    price: u128,
    last_id: u64,
}

/// A tick as a chunk holds it.
#[derive(Debug, Clone, Copy)]
pub struct Packed<'a> {
    /// When it happened, Unix milliseconds.
    pub ts_ms: u64,
    /// What the venue calls it.
    pub id: Id<'a>,
    side: u8,
    price: u128,
    qty: u128,
    scales: [u8; 2],
}

impl Packed<'_> {
    /// The tick by itself.
    pub fn held(&self) -> Option<Held> {
        let [price_scale, qty_scale] = self.scales;
        Some(Held::of(&Tick {
            ts_ms: self.ts_ms,
            side: Side::from_code(self.side)?,
            price: Decimal::rounded(self.price, price_scale)?,
            qty: Decimal::rounded(self.qty, qty_scale)?,
            id: self.id,
        }))
    }
}

#[inline]
fn put_tick(out: &mut Vec<u8>, tick: &Held, (price_scale, qty_scale): (u8, u8), before: &mut Before) {
    let next = before.last_id.wrapping_add(1);
    let id_kind = match tick.id() {
        Id::None => 0,
        Id::Numbers { first, last } if first == next && last == next => NEXT,
        Id::Numbers { .. } => NUMBERS,
        Id::Text(_) => TEXT,
    };
    let delta_ms = tick.ts_ms - before.ts_ms;
    // The commonest distances in time need no byte of their own: most ticks share a millisecond with their neighbour.
    let short_ms = delta_ms.min(15);
    out.push(tick.side.code() | id_kind << 2 | (short_ms as u8) << 4);
    if short_ms == 15 {
        put_varint(out, delta_ms - 15);
    }
    let price = tick.price.units(price_scale);
    put_varint128(out, zigzag(price as i128 - before.price as i128));
    put_varint128(out, tick.qty.units(qty_scale));
    match tick.id() {
        Id::Numbers { first, last } => {
            if id_kind == NUMBERS {
                put_varint128(out, zigzag(i128::from(first) - i128::from(next)));
                put_varint(out, last - first);
            }
            before.last_id = last;
        }
        Id::Text(text) => put_bytes(out, text),
        Id::None => {}
    }
    (before.ts_ms, before.price) = (tick.ts_ms, price);
}

#[inline]
fn read_tick<'a>(reader: &mut Reader<'a>, scales: [u8; 2], before: &mut Before) -> Option<Packed<'a>> {
    let head = reader.byte().ok()?;
    let mut ts_ms = before.ts_ms + u64::from(head >> 4);
    if head >> 4 == 15 {
        ts_ms += reader.varint("", u64::MAX).ok()?;
    }
    let price = before.price.wrapping_add_signed(unzigzag(reader.varint128("", u128::MAX).ok()?));
    let qty = reader.varint128("", u128::MAX).ok()?;
    let next = before.last_id.wrapping_add(1);
    let id = match head >> 2 & 3 {
        NEXT => Id::Numbers { first: next, last: next },
        NUMBERS => {
            let first = i128::from(next) + unzigzag(reader.varint128("", u128::MAX).ok()?);
            let first = u64::try_from(first).ok()?;
            Id::Numbers { first, last: first + reader.varint("", u64::MAX).ok()? }
        }
        TEXT => Id::Text(reader.bytes("", MAX_ID_BYTES).ok()?),
        _ => Id::None,
    };
    if let Id::Numbers { last, .. } = id {
        before.last_id = last;
    }
    (before.ts_ms, before.price) = (ts_ms, price);
    Some(Packed { ts_ms, id, side: head & 3, price, qty, scales })
}
