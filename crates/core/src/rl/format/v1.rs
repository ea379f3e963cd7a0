//! Layout 1 of the rate limiter. Frozen: a change needs a layout of its own.
//!
//! Integers are unsigned and little-endian, 8 bytes unless said otherwise.
//!
//! ```text
//! clock_us  banned_until_us (0 without a ban)  kept:1 (0 or 1: whether the key stays when nothing is used)  limits:1 (0 … 8)
//! per limit: kind:1  amount  period_ms  then
//!   kind 0, smooth:  burst  used  fraction (numerator over the period's microseconds)
//!   kind 1, sliding: newest_began_us  uses:1 (0 … 65)  per use: last_us  cost
//!   kind 2, aligned: window  used  began_us (0 without use)
//! ```

use crate::rl::limiter::{Aligned, Gcra, Kind, Limit, Limiter, Now, Rule, Sliding, Use};
use crate::wire::{DecodeError, Reader};

/// What a key with one smooth limit takes.
const ONE_LIMIT_BYTES: usize = 8 + 8 + 1 + 1 + 1 + 5 * 8;

pub(super) fn encode(limiter: &Limiter) -> Vec<u8> {
    let mut out = Vec::with_capacity(ONE_LIMIT_BYTES);
    put(&mut out, limiter.clock_us());
    put(&mut out, limiter.banned_until_us());
    out.push(limiter.is_kept().into());
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
            let (window, used, began_us) = limit.window_and_use();
            put(out, window);
            put(out, used);
            put(out, began_us);
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

pub(super) fn decode(bytes: &[u8], now: Now) -> Result<Limiter, DecodeError> {
    let mut rest = Reader::new(bytes);
    let clock_us = rest.word()?;
    let banned_until_us = rest.word()?;
    let kept = rest.flag("kept")?;
    let count = rest.byte()?;
    let limits = (0..count).map(|_| decode_limit(&mut rest)).collect::<Result<Vec<_>, _>>()?;
    rest.finish()?;
    Ok(Limiter::from_parts(clock_us, banned_until_us, kept, limits, now)?)
}

fn decode_limit(rest: &mut Reader<'_>) -> Result<Limit, DecodeError> {
    let kind = match rest.byte()? {
        0 => Kind::Gcra,
        1 => Kind::Sliding,
        2 => Kind::Aligned,
        _ => return Err(DecodeError::Invalid("kind of limit")),
    };
    let amount = rest.word()?;
    let period_ms = rest.word()?;
    let burst = if kind == Kind::Gcra { Some(rest.word()?) } else { None };
    let rule = Rule::new(kind, amount, period_ms, burst).map_err(|_| DecodeError::Invalid("limit"))?;
    let limit = match kind {
        Kind::Gcra => Gcra::with_level(&rule, rest.word()?, rest.word()?).map(Limit::Gcra),
        Kind::Aligned => Aligned::with_use(&rule, rest.word()?, rest.word()?, rest.word()?).map(Limit::Aligned),
        Kind::Sliding => {
            let newest_began_us = rest.word()?;
            let count = rest.byte()?;
            let next_use = |_| Ok(Use { last_us: rest.word()?, cost: rest.word()? });
            let uses = (0..count).map(next_use).collect::<Result<Vec<_>, DecodeError>>()?;
            Sliding::with_uses(&rule, newest_began_us, uses).map(|limit| Limit::Sliding(Box::new(limit)))
        }
    };
    limit.ok_or(DecodeError::Invalid("use of a limit"))
}
