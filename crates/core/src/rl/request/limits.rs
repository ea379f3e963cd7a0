//! `LIMIT n PERIOD d [BURST b] [SLIDING|ALIGNED]`, up to eight times.

use arrayvec::ArrayVec;

use crate::grammar::{Args, RequestError, duration_ms, format_duration, integer};
use crate::rl::limiter::{Kind, MAX_AMOUNT, MAX_LIMITS, MAX_PERIOD_MS, Rule};

/// The limits of one request, in order; no two of one kind and period.
pub type Rules = ArrayVec<Rule, MAX_LIMITS>;

/// An amount, a burst or a use: `least` … 2^53.
pub(super) fn amount(name: &'static str, text: &[u8], least: u64) -> Result<u64, RequestError> {
    integer(name, text, least as i64..=MAX_AMOUNT as i64).map(|value| value as u64)
}

/// A cost: −2^53 … 2^53.
pub(super) fn cost(name: &'static str, text: &[u8]) -> Result<i64, RequestError> {
    integer(name, text, -(MAX_AMOUNT as i64)..=MAX_AMOUNT as i64)
}

/// The period of a limit: 1 ms … 366 d.
pub(super) fn period_ms(name: &'static str, text: &[u8]) -> Result<u64, RequestError> {
    duration_ms(name, text, 1..=MAX_PERIOD_MS)
}

/// Takes `SLIDING` or `ALIGNED`.
pub(super) fn take_kind(slot: &mut Option<Kind>, args: &mut Args<'_>) -> Result<bool, RequestError> {
    let text = args.peek().unwrap_or_default();
    let (name, kind) = if args.take_keyword("SLIDING") {
        ("SLIDING", Kind::Sliding)
    } else if args.take_keyword("ALIGNED") {
        ("ALIGNED", Kind::Aligned)
    } else {
        return Ok(false);
    };
    if slot.replace(kind).is_some() {
        return Err(RequestError::argument(name, "a limit counts in one way only", text));
    }
    Ok(true)
}

/// The inverse of [`take_kind`].
pub(super) fn push_kind(out: &mut Vec<Vec<u8>>, kind: Kind) {
    match kind {
        Kind::Gcra => {}
        Kind::Sliding => out.push(b"SLIDING".to_vec()),
        Kind::Aligned => out.push(b"ALIGNED".to_vec()),
    }
}

/// Takes one limit behind the keyword `LIMIT` and adds it to `rules`.
pub(super) fn take_limit(rules: &mut Rules, args: &mut Args<'_>) -> Result<(), RequestError> {
    let limit_text = args.value_of("LIMIT")?;
    let limit = amount("LIMIT", limit_text, 1)?;
    let (mut period, mut burst, mut kind) = (None, None, None);
    while !args.is_empty() {
        if args.take_keyword("PERIOD") {
            let text = args.value_of("PERIOD")?;
            let value_ms = period_ms("PERIOD", text)?;
            if period.replace((value_ms, text)).is_some() {
                return Err(RequestError::repeated("PERIOD", text));
            }
        } else if args.take_keyword("BURST") {
            let text = args.value_of("BURST")?;
            if burst.replace((amount("BURST", text, 1)?, text)).is_some() {
                return Err(RequestError::repeated("BURST", text));
            }
        } else if !take_kind(&mut kind, args)? {
            break;
        }
    }
    let (period_ms, period_text) =
        period.ok_or_else(|| RequestError::argument("PERIOD", "every LIMIT needs one", limit_text))?;
    let kind = kind.unwrap_or(Kind::Gcra);
    if let (Some((_, text)), Kind::Sliding | Kind::Aligned) = (burst, kind) {
        return Err(RequestError::argument("BURST", "only a smooth limit, neither SLIDING nor ALIGNED, has one", text));
    }
    let rule = Rule::new(kind, limit, period_ms, burst.map(|(burst, _)| burst))
        .map_err(|error| RequestError::argument("LIMIT", error.to_string(), limit_text))?;
    if rules.iter().any(|other| other.matches(&rule)) {
        return Err(RequestError::argument("PERIOD", "the same kind of limit is given twice for it", period_text));
    }
    rules.try_push(rule).map_err(|_| RequestError::argument("LIMIT", "a key has at most 8", limit_text))
}

/// The inverse of taking the limits.
pub(super) fn push_limits(out: &mut Vec<Vec<u8>>, rules: &[Rule]) {
    for rule in rules {
        out.extend([b"LIMIT".to_vec(), rule.amount().to_string().into_bytes()]);
        out.extend([b"PERIOD".to_vec(), format_duration(rule.period_ms()).into_bytes()]);
        if rule.capacity() != rule.amount() {
            out.extend([b"BURST".to_vec(), rule.capacity().to_string().into_bytes()]);
        }
        push_kind(out, rule.kind());
    }
}
