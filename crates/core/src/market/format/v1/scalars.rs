//! Decimals, optional integers and intervals as bytes.

use std::ops::RangeInclusive;

use crate::grammar::Decimal;
use crate::market::candle::Interval;
use crate::wire::{DecodeError, Reader, put_varint};

pub fn put_flag(out: &mut Vec<u8>, flag: bool) {
    out.push(flag.into());
}

/// 0 for nothing, else the value plus 1.
pub fn put_option(out: &mut Vec<u8>, value: Option<u64>) {
    put_varint(out, value.map_or(0, |value| value + 1));
}

pub fn read_option(reader: &mut Reader<'_>, what: &'static str, max: u64) -> Result<Option<u64>, DecodeError> {
    Ok(reader.varint(what, max + 1)?.checked_sub(1))
}

/// The scale, then the mantissa.
pub fn put_decimal(out: &mut Vec<u8>, value: Decimal) {
    out.push(value.scale());
    put_varint(out, value.mantissa());
}

pub fn read_decimal(
    reader: &mut Reader<'_>,
    what: &'static str,
    range: &RangeInclusive<Decimal>,
) -> Result<Decimal, DecodeError> {
    let scale = reader.byte()?;
    let value = Decimal::new(reader.varint(what, u64::MAX)?, scale);
    // One number has one spelling: no digit 0 at the end behind the point.
    value.filter(|value| value.scale() == scale && range.contains(value)).ok_or(DecodeError::Invalid(what))
}

/// 0 for months, 604800 for weeks, else the seconds.
pub fn put_interval(out: &mut Vec<u8>, interval: Interval) {
    put_varint(
        out,
        match interval {
            Interval::Month => 0,
            Interval::Week => WEEK_S,
            Interval::Fixed(width_ms) => width_ms / 1_000,
        },
    );
}

pub fn read_interval(reader: &mut Reader<'_>) -> Result<Interval, DecodeError> {
    match reader.varint("interval", WEEK_S)? {
        0 => Ok(Interval::Month),
        WEEK_S => Ok(Interval::Week),
        seconds => Interval::fixed(seconds * 1_000).ok_or(DecodeError::Invalid("interval")),
    }
}

const WEEK_S: u64 = 7 * 86_400;
