//! The grammar of numbers, durations and timestamps (docs/commands/README.md).

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::RequestError;

/// 2^53: the largest integer that every client language holds exactly; bound of integers, counts and timestamps.
pub const MAX_INTEGER: u64 = 1 << 53;

/// The latest timestamp, Unix milliseconds.
pub const MAX_TIMESTAMP_MS: u64 = MAX_INTEGER;

/// Longer text is no number anybody meant; refused before it is read.
const LONGEST_NUMBER: usize = 400;

/// A decimal number within `range`. Refuses `nan`, `inf`, hex, empty and trailing text.
pub fn real(name: &'static str, text: &[u8], range: &RangeInclusive<f64>) -> Result<f64, RequestError> {
    match decimal(text) {
        Some(value) if range.contains(&value) => Ok(value),
        Some(_) => Err(out_of_range(name, range.start(), range.end(), text)),
        None => Err(RequestError::argument(name, "not a number", text)),
    }
}

fn decimal(text: &[u8]) -> Option<f64> {
    let starts_like_a_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+');
    if text.len() > LONGEST_NUMBER || !text.first().is_some_and(starts_like_a_number) {
        return None;
    }
    let value: f64 = fast_float2::parse(text).ok()?;
    // "+inf" and "-nan" begin like numbers, and 1e999 overflows into infinity.
    value.is_finite().then_some(value)
}

/// An integer in decimal digits, within `range`.
pub fn integer(name: &'static str, text: &[u8], range: RangeInclusive<i64>) -> Result<i64, RequestError> {
    match whole(text) {
        Some(value) if (i128::from(*range.start())..=i128::from(*range.end())).contains(&value) => Ok(value as i64),
        Some(_) => Err(out_of_range(name, range.start(), range.end(), text)),
        None => Err(RequestError::argument(name, "not an integer", text)),
    }
}

/// An integer; one too long even for 128 bits is the largest of them, which is out of every range.
fn whole(text: &[u8]) -> Option<i128> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let negative = digits.len() < text.len();
    let size = match digits.len() {
        // Nearly every integer: a timestamp has 13 digits.
        ..=18 => i128::from(digits.iter().fold(0_i64, |sum, digit| sum * 10 + i64::from(digit - b'0'))),
        _ => digits.iter().fold(0_i128, |sum, digit| sum.saturating_mul(10).saturating_add(i128::from(digit - b'0'))),
    };
    Some(if negative { -size } else { size })
}

/// Unix milliseconds, 0 … 2^53.
pub fn timestamp_ms(name: &'static str, text: &[u8]) -> Result<u64, RequestError> {
    integer(name, text, 0..=MAX_TIMESTAMP_MS as i64).map(|value| value as u64)
}

/// A duration in milliseconds within `range`: an integer, alone or with the unit `ms`, `s`, `m`, `h` or `d`.
pub fn duration_ms(name: &'static str, text: &[u8], range: RangeInclusive<u64>) -> Result<u64, RequestError> {
    let unit_at = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(unit_at);
    let scale = UNITS.iter().find(|(suffix, _)| suffix.as_bytes().eq_ignore_ascii_case(unit)).map(|(_, ms)| *ms);
    let (Some(count), Some(scale)) = (whole(digits), scale) else {
        return Err(RequestError::argument(name, "not a duration such as 1500, 90s, 5m, 24h or 7d", text));
    };
    let value = u64::try_from(count).unwrap_or(u64::MAX).saturating_mul(scale);
    if range.contains(&value) {
        return Ok(value);
    }
    let bounds = (format_duration(*range.start()), format_duration(*range.end()));
    Err(out_of_range(name, &bounds.0, &bounds.1, text))
}

/// Units of durations, the plain millisecond first, each with its length in milliseconds.
const UNITS: [(&str, u64); 6] = [("", 1), ("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// The shortest exact way to write a duration: `86400000` ms is `1d`, `90000` ms is `90s`.
pub fn format_duration(ms: u64) -> String {
    let exact = UNITS.iter().rev().find(|(_, scale)| ms >= *scale && ms.is_multiple_of(*scale));
    exact.map_or_else(|| "0".to_owned(), |(unit, scale)| format!("{}{unit}", ms / scale))
}

/// The shortest text that reads back as exactly `value`.
pub fn format_real(value: f64) -> String {
    let mut buffer = crate::wire::DoubleBuffer::new();
    buffer.format(value).to_owned()
}

#[cold]
fn out_of_range(
    name: &'static str,
    low: &impl std::fmt::Display,
    high: &impl std::fmt::Display,
    got: &[u8],
) -> RequestError {
    let problem: Cow<'static, str> = format!("must be {low} to {high}").into();
    RequestError::argument(name, problem, got)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_a_plain_decimal_number_is_refused() {
        for text in
            ["nan", "inf", "-inf", "+inf", "infinity", "0x10", "", " 1", "1 ", "1e999", "1_0", "1,5", "\0", "1\0"]
        {
            assert!(real("price", text.as_bytes(), &(-1e300..=1e300)).is_err(), "{text:?}");
        }
        assert!(real("price", &vec![b'1'; 10_000_000], &(0.0..=1e15)).is_err());
    }

    #[test]
    fn durations_know_units_and_bounds() {
        let cases: [(&str, Option<u64>); 12] = [
            ("5m", Some(300_000)),
            ("24h", Some(86_400_000)),
            ("1500", Some(1500)),
            ("1500ms", Some(1500)),
            ("7D", Some(604_800_000)),
            ("0", Some(0)),
            ("", None),
            ("m", None),
            ("-5m", None),
            ("1.5h", None),
            ("99999999999999999999d", None),
            ("5 m", None),
        ];
        for (text, expected) in cases {
            assert_eq!(duration_ms("WINDOW", text.as_bytes(), 0..=31 * 86_400_000).ok(), expected, "{text:?}");
        }
    }

    #[test]
    fn a_formatted_duration_reads_back() {
        for ms in [0, 1, 999, 1_000, 90_000, 3_600_000, 86_400_000, 86_400_001] {
            assert_eq!(duration_ms("d", format_duration(ms).as_bytes(), 0..=u64::MAX), Ok(ms));
        }
    }

    #[test]
    fn integers_beyond_64_bits_are_out_of_range() {
        for text in ["9223372036854775808", "99999999999999999999999999999999999999999999", "-9223372036854775809"] {
            assert!(integer("seq", text.as_bytes(), i64::MIN..=i64::MAX).is_err(), "{text}");
        }
        assert_eq!(integer("seq", b"9223372036854775807", 0..=i64::MAX), Ok(i64::MAX));
    }

    #[test]
    fn an_error_tells_the_bounds() {
        let error = duration_ms("RETENTION", b"5s", 60_000..=86_400_000).unwrap_err();
        assert_eq!(error.to_string(), "RETENTION: must be 1m to 1d, got '5s'");
    }
}
