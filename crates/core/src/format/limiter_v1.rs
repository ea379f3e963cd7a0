//! Layout 1 of the rate limiter. Frozen: a change needs a layout of its own.
//!
//! Integers are unsigned and little-endian, 8 bytes unless said otherwise.
//!
//! ```text
//! clock_us  banned_until_us  flags:1 (bit 0: kept when nothing is used)  limits:1 (0 … 8)
//! per limit: kind:1  amount  period_ms  then
//!   kind 0, smooth:  burst  used  fraction (numerator over the period's microseconds)
//!   kind 1, sliding: newest_began_us  uses:1 (0 … 65)  per use: last_us  cost
//!   kind 2, aligned: window  used
//! ```

use super::limiter::DecodeError;
use crate::limiter::{Aligned, Gcra, Kind, Limit, Limiter, Limits, Rule, Sliding, Use};

const KEPT: u8 = 1;

/// What a key with one smooth limit takes.
const ONE_LIMIT_BYTES: usize = 8 + 8 + 1 + 1 + 1 + 5 * 8;

pub(super) fn encode(limiter: &Limiter) -> Vec<u8> {
    let mut out = Vec::with_capacity(ONE_LIMIT_BYTES);
    put(&mut out, limiter.clock_us());
    put(&mut out, limiter.banned_until_us());
    out.push(if limiter.is_kept() { KEPT } else { 0 });
    out.push(limiter.limits().len() as u8); // At most 8.
    for limit in limiter.limits() {
        encode_limit(&mut out, limit);
    }
    out
}

fn put(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_le_bytes());
}

fn encode_limit(out: &mut Vec<u8>, limit: &Limit) {
    let (amount, period_ms, burst) = limit.figures();
    out.push(kind_byte(limit.kind()));
    put(out, amount);
    put(out, period_ms);
    match limit {
        Limit::Gcra(limit) => {
            let (used, fraction) = limit.level_parts();
            put(out, burst);
            put(out, used);
            put(out, fraction);
        }
        Limit::Sliding(limit) => {
            let (newest_began_us, uses) = limit.uses();
            put(out, newest_began_us);
            out.push(uses.len() as u8); // At most 65.
            for used in uses {
                put(out, used.last_us);
                put(out, used.cost);
            }
        }
        Limit::Aligned(limit) => {
            let (window, used) = limit.window_and_use();
            put(out, window);
            put(out, used);
        }
    }
}

const fn kind_byte(kind: Kind) -> u8 {
    match kind {
        Kind::Gcra => 0,
        Kind::Sliding => 1,
        Kind::Aligned => 2,
    }
}

pub(super) fn decode(bytes: &[u8]) -> Result<Limiter, DecodeError> {
    let mut rest = Reader { bytes };
    let clock_us = rest.integer()?;
    let banned_until_us = rest.integer()?;
    let flags = rest.byte()?;
    if flags & !KEPT != 0 {
        return Err(DecodeError::Invalid("unknown flags"));
    }
    let count = rest.byte()?;
    let limits = (0..count).map(|_| decode_limit(&mut rest)).collect::<Result<Vec<_>, _>>()?;
    if !rest.bytes.is_empty() {
        return Err(DecodeError::Trailing);
    }
    let limits = Limits::new(limits).ok_or(DecodeError::Invalid("too many limits, or two of one kind and period"))?;
    Ok(Limiter::from_parts(clock_us, banned_until_us, flags & KEPT != 0, limits)?)
}

fn decode_limit(rest: &mut Reader<'_>) -> Result<Limit, DecodeError> {
    let kind = match rest.byte()? {
        0 => Kind::Gcra,
        1 => Kind::Sliding,
        2 => Kind::Aligned,
        _ => return Err(DecodeError::Invalid("unknown kind of limit")),
    };
    let amount = rest.integer()?;
    let period_ms = rest.integer()?;
    let burst = if kind == Kind::Gcra { Some(rest.integer()?) } else { None };
    let rule = Rule::new(kind, amount, period_ms, burst).map_err(|_| DecodeError::Invalid("limit out of bounds"))?;
    let limit = match kind {
        Kind::Gcra => Gcra::with_level(&rule, rest.integer()?, rest.integer()?).map(Limit::Gcra),
        Kind::Aligned => Aligned::with_use(&rule, rest.integer()?, rest.integer()?).map(Limit::Aligned),
        Kind::Sliding => {
            let newest_began_us = rest.integer()?;
            let count = rest.byte()?;
            let next_use = |_| Ok(Use { last_us: rest.integer()?, cost: rest.integer()? });
            let uses = (0..count).map(next_use).collect::<Result<Vec<_>, DecodeError>>()?;
            Sliding::with_uses(&rule, newest_began_us, uses).map(|limit| Limit::Sliding(Box::new(limit)))
        }
    };
    limit.ok_or(DecodeError::Invalid("use above the limit, or out of order"))
}

/// What is left to read.
struct Reader<'a> {
    bytes: &'a [u8],
}

impl Reader<'_> {
    fn byte(&mut self) -> Result<u8, DecodeError> {
        let (byte, rest) = self.bytes.split_first().ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(*byte)
    }

    fn integer(&mut self) -> Result<u64, DecodeError> {
        let (integer, rest) = self.bytes.split_first_chunk().ok_or(DecodeError::Truncated)?;
        self.bytes = rest;
        Ok(u64::from_le_bytes(*integer))
    }
}
