//! Ticks as MessagePack: an array of `[ts, side, price, qty, id?]`.

use std::ops::RangeInclusive;

use super::add::{NewTick, check_worth, id, side};
use super::madd::check_batch_size;
use crate::grammar::{Decimal, MAX_TIMESTAMP_MS, PackReader, RequestError, Scalar, decimal};
use crate::market::tape::{Id, PRICE_RANGE, QTY_RANGE, Side};

/// Decodes a payload of at most `max_ticks` ticks; the whole of it must be used.
pub fn decode_ticks(payload: &[u8], max_ticks: usize) -> Result<Vec<NewTick<'_>>, RequestError> {
    let mut reader = PackReader::new(payload);
    let count = reader.array_len().ok_or_else(|| malformed("not a MessagePack array of ticks", payload))?;
    check_batch_size("PACK", count, max_ticks)?;
    if count == 0 {
        return Err(malformed("holds no ticks", payload));
    }
    // A tick takes at least 5 bytes, so the bytes present bound the room made for what the header claims.
    let mut ticks = Vec::with_capacity(count.min(payload.len() / 5));
    for place in 1..=count {
        ticks.push(tick(&mut reader).map_err(|error| error.in_item(place))?);
    }
    if reader.rest().is_empty() { Ok(ticks) } else { Err(malformed("has bytes behind the ticks", reader.rest())) }
}

#[cold]
fn malformed(problem: &'static str, got: &[u8]) -> RequestError {
    RequestError::argument("PACK", problem, got)
}

fn tick<'a>(reader: &mut PackReader<'a>) -> Result<NewTick<'a>, RequestError> {
    let start = reader.rest();
    let fields = match reader.array_len() {
        Some(fields @ 4..=5) => fields,
        _ => return Err(malformed("a tick is not an array of 4 or 5 elements", start)),
    };
    let ts_ms = match reader.scalar("ts")? {
        Scalar::Nil => None,
        Scalar::Integer(ts @ 0..) if ts as u64 <= MAX_TIMESTAMP_MS => Some(ts as u64),
        other => return Err(other.refused("ts", "not an integer from 0 to 2^53 or nil")),
    };
    let side = match reader.scalar("side")? {
        Scalar::Nil => Side::Unknown,
        Scalar::Integer(0) => Side::Buy,
        Scalar::Integer(1) => Side::Sell,
        Scalar::Bytes(text) => side("side", text)?,
        other => return Err(other.refused("side", "must be buy, sell, 0, 1 or nil")),
    };
    let price = match reader.scalar("price")? {
        Scalar::Nil | Scalar::Bytes(b"-") => None,
        other => Some(number(other, "price", &PRICE_RANGE)?),
    };
    let qty = number(reader.scalar("qty")?, "qty", &QTY_RANGE)?;
    check_worth(price, qty, || qty.to_string().into_bytes())?;
    let id = if fields == 5 { take_id(reader)? } else { Id::None };
    Ok(NewTick { ts_ms, side, price, qty, id })
}

/// A decimal as a string, an integer, or a float of either width, which stands for its shortest decimal.
pub(super) fn number(
    scalar: Scalar<'_>,
    name: &'static str,
    range: &RangeInclusive<Decimal>,
) -> Result<Decimal, RequestError> {
    match scalar {
        Scalar::Bytes(text) => decimal(name, text, range),
        Scalar::Integer(number) => decimal(name, number.to_string().as_bytes(), range),
        Scalar::Huge(number) => decimal(name, number.to_string().as_bytes(), range),
        Scalar::Float(number) => decimal(name, crate::grammar::format_real(number).as_bytes(), range),
        Scalar::Single(number) => decimal(name, crate::grammar::format_single(number).as_bytes(), range),
        Scalar::Nil => Err(scalar.refused(name, "not a number")),
    }
}

/// Nil, a string, an integer, or an array of the first and the last.
fn take_id<'a>(reader: &mut PackReader<'a>) -> Result<Id<'a>, RequestError> {
    let whole = |scalar: Scalar<'a>| match scalar {
        Scalar::Integer(number @ 0..) => Ok(number as u64),
        other => Err(other.refused("id", "not an integer from 0 to 2^63 - 1")),
    };
    let mut ahead = reader.clone();
    if let Some(len) = ahead.array_len() {
        if len != 2 {
            return Err(malformed("an id is not an array of 2 integers", reader.rest()));
        }
        let (first, last) = (whole(ahead.scalar("id")?)?, whole(ahead.scalar("id")?)?);
        *reader = ahead;
        return if first <= last {
            Ok(Id::Numbers { first, last })
        } else {
            Err(RequestError::argument("id", "the first is above the last", format!("{first}-{last}").as_bytes()))
        };
    }
    match reader.scalar("id")? {
        Scalar::Nil => Ok(Id::None),
        Scalar::Bytes(text) => id("id", text),
        other => whole(other).map(|number| Id::Numbers { first: number, last: number }),
    }
}

/// The inverse of decoding, decimals as text.
pub fn encode_ticks(ticks: &[NewTick<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to a Vec cannot fail, so the results carry nothing.
    let _ = rmp::encode::write_array_len(&mut out, ticks.len() as u32);
    for tick in ticks {
        let _ = rmp::encode::write_array_len(&mut out, 5);
        match tick.ts_ms {
            Some(ts_ms) => drop(rmp::encode::write_uint(&mut out, ts_ms)),
            None => drop(rmp::encode::write_nil(&mut out)),
        }
        match tick.side {
            Side::Buy => drop(rmp::encode::write_uint(&mut out, 0)),
            Side::Sell => drop(rmp::encode::write_uint(&mut out, 1)),
            Side::Unknown => drop(rmp::encode::write_nil(&mut out)),
        }
        match tick.price {
            Some(price) => drop(rmp::encode::write_str(&mut out, &price.to_string())),
            None => drop(rmp::encode::write_nil(&mut out)),
        }
        let _ = rmp::encode::write_str(&mut out, &tick.qty.to_string());
        match tick.id {
            Id::None => drop(rmp::encode::write_nil(&mut out)),
            Id::Numbers { first, last } if first == last => drop(rmp::encode::write_uint(&mut out, first)),
            Id::Numbers { first, last } => {
                let _ = rmp::encode::write_array_len(&mut out, 2);
                let _ = rmp::encode::write_uint(&mut out, first);
                let _ = rmp::encode::write_uint(&mut out, last);
            }
            Id::Text(text) => drop(rmp::encode::write_bin(&mut out, text)),
        }
    }
    out
}
