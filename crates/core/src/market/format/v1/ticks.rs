//! Ticks: one, and the raw tail.

use std::collections::HashSet;

use super::scalars::{put_decimal, read_decimal};
use crate::grammar::MAX_TIMESTAMP_MS;
use crate::market::store::Options;
use crate::market::tape::{Held, Id, MAX_ID_BYTES, Order, PRICE_RANGE, QTY_RANGE, Side, Tail, Tick, Wanted};
use crate::wire::{DecodeError, Reader, put_bytes, put_varint};

const NO_ID: u8 = 0;
const NUMBER: u8 = 1;
const NUMBERS: u8 = 2;
const TEXT: u8 = 3;

/// Appends a tick; its time is counted from `before_ms`.
pub fn put(out: &mut Vec<u8>, before_ms: u64, tick: &Tick<'_>) {
    let kind = match tick.id {
        Id::None => NO_ID,
        Id::Numbers { first, last } if first == last => NUMBER,
        Id::Numbers { .. } => NUMBERS,
        Id::Text(_) => TEXT,
    };
    out.push(tick.side.code() | kind << 2);
    put_varint(out, tick.ts_ms - before_ms);
    put_decimal(out, tick.price);
    put_decimal(out, tick.qty);
    match tick.id {
        Id::None => {}
        Id::Numbers { first, last } => {
            put_varint(out, first);
            if kind == NUMBERS {
                put_varint(out, last);
            }
        }
        Id::Text(text) => put_bytes(out, text),
    }
}

/// The next tick.
pub fn read(reader: &mut Reader<'_>, before_ms: u64) -> Result<Held, DecodeError> {
    let head = reader.byte()?;
    let side = Side::from_code(head & 3).filter(|_| head < 16).ok_or(DecodeError::Invalid("side"))?;
    let ts_ms = before_ms + reader.varint("timestamp", MAX_TIMESTAMP_MS.saturating_sub(before_ms))?;
    let price = read_decimal(reader, "price", &PRICE_RANGE)?;
    let qty = read_decimal(reader, "qty", &QTY_RANGE)?;
    let number = |reader: &mut Reader<'_>| reader.varint("id", i64::MAX as u64);
    let id = match head >> 2 {
        NO_ID => Id::None,
        NUMBER => {
            let number = number(reader)?;
            Id::Numbers { first: number, last: number }
        }
        NUMBERS => {
            let (first, last) = (number(reader)?, number(reader)?);
            if first >= last {
                return Err(DecodeError::Invalid("id"));
            }
            Id::Numbers { first, last }
        }
        _ => {
            let text = reader.bytes("id", MAX_ID_BYTES)?;
            // What is spelled as a number is one.
            Id::parse(text).filter(|id| matches!(id, Id::Text(_))).ok_or(DecodeError::Invalid("id"))?
        }
    };
    Ok(Held::of(&Tick { ts_ms, side, price, qty, id }))
}

pub fn put_tail(out: &mut Vec<u8>, tail: &Tail) {
    put_varint(out, tail.len() as u64);
    let mut before_ms = 0;
    let all = Wanted { from_ms: 0, to_ms: u64::MAX, is_reversed: false, count: usize::MAX, side: None };
    tail.range(&all, |tick| {
        put(out, before_ms, tick);
        before_ms = tick.ts_ms;
    });
}

pub fn read_tail(reader: &mut Reader<'_>, options: &Options) -> Result<Tail, DecodeError> {
    // A tick takes at least 6 bytes.
    let count = reader.length("number of ticks", options.tail as usize, 6)?;
    let mut ticks: Vec<Held> = Vec::with_capacity(count);
    let mut before_ms = 0;
    for _ in 0..count {
        let tick = read(reader, before_ms)?;
        before_ms = tick.ts_ms;
        ticks.push(tick);
    }
    let ids: Vec<u64> = ticks.iter().filter_map(|tick| tick.id().hash()).collect();
    let are_ids_single = options.order == Order::Id || ids.iter().collect::<HashSet<_>>().len() == ids.len();
    let are_ordered = ticks.is_sorted_by_key(|tick| tick.tick().moment(options.order));
    if are_ids_single && are_ordered {
        Ok(Tail::loaded(&ticks, options.order))
    } else {
        Err(DecodeError::Invalid("order of ticks"))
    }
}
