//! The grammar of numbers, durations and timestamps (docs/commands/README.md).

use std::borrow::Cow;
use std::ops::RangeInclusive;

use super::RequestError;

/// 2^53: the largest integer that every client language holds exactly; bound of integers, counts and timestamps.
pub const MAX_INTEGER: u64 = 1 << 53;

/// The latest timestamp, Unix milliseconds.
pub const MAX_TIMESTAMP_MS: u64 = MAX_INTEGER;

/// Longer text is no number anybody meant; refused before it is read.
pub(super) const LONGEST_NUMBER: usize = 400;

/// A decimal number within `range`. Refuses `nan`, `inf`, hex, empty and trailing text.
pub fn real(name: &'static str, text: &[u8], range: &RangeInclusive<f64>) -> Result<f64, RequestError> {
    match decimal(text) {
        Some(value) if range.contains(&value) => Ok(value),
        Some(_) => Err(out_of_range(name, range.start(), range.end(), text)),
        None => Err(RequestError::argument(name, "not a number", text)),
    }
}

fn decimal(text: &[u8]) -> Option<f64> {
    if let Some(value) = short_decimal(text) {
        return Some(value);
    }
    let starts_like_a_number = |byte: &u8| matches!(byte, b'0'..=b'9' | b'.' | b'-' | b'+');
    if text.len() > LONGEST_NUMBER || !text.first().is_some_and(starts_like_a_number) {
        return None;
    }
    let value: f64 = fast_float2::parse(text).ok()?;
    // "+inf" and "-nan" begin like numbers, and 1e999 overflows into infinity.
    value.is_finite().then_some(value)
}

/// Powers of ten that a double holds exactly.
const EXACT_POWERS: [f64; 23] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20,
    1e21, 1e22,
];

/// A number as prices and sizes are written: digits, perhaps a point and a sign, no exponent, and few enough digits that
/// they and the power of ten behind the point are exact as doubles. One division then rounds as correctly as the long way
/// does, which is for all others: none here.
fn short_decimal(text: &[u8]) -> Option<f64> {
    let (negative, unsigned) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        _ => (false, text),
    };
    let (mut value, mut rest) = (0, unsigned);
    let before_point = take_digits(&mut rest, &mut value);
    let mut behind_point = 0;
    if let Some((b'.', fraction)) = rest.split_first() {
        rest = fraction;
        behind_point = take_digits(&mut rest, &mut value);
    }
    let digits = before_point + behind_point;
    if !rest.is_empty() || digits == 0 || digits > MOST_DIGITS || value > MAX_INTEGER {
        return None;
    }
    let value = value as f64 / EXACT_POWERS.get(behind_point)?;
    Some(if negative { -value } else { value })
}

/// So many digits always fit into 64 bits.
const MOST_DIGITS: usize = 19;

/// Takes the digits at the front of `rest` behind those of `value`. Returns how many, and what is right if there are no
/// more than [`MOST_DIGITS`] in all.
pub(super) fn take_digits(rest: &mut &[u8], value: &mut u64) -> usize {
    let len = rest.len();
    while let Some((eight, behind)) = rest.split_first_chunk()
        && let Some(digits) = eight_digits(*eight)
    {
        *value = value.wrapping_mul(100_000_000).wrapping_add(digits);
        *rest = behind;
    }
    while let Some((first, behind)) = rest.split_first()
        && first.is_ascii_digit()
    {
        *value = value.wrapping_mul(10).wrapping_add(u64::from(first - b'0'));
        *rest = behind;
    }
    len - rest.len()
}

/// Eight digits at once: pairs, then fours, then all, in the lanes of one word (Lemire and Muła's way).
const fn eight_digits(text: [u8; 8]) -> Option<u64> {
    const ZEROS: u64 = 0x3030_3030_3030_3030;
    const HIGH: u64 = 0xf0f0_f0f0_f0f0_f0f0;
    const MASK: u64 = 0x0000_00ff_0000_00ff;
    let word = u64::from_le_bytes(text);
    // A digit's high half is 3, and stays 3 when 6 is added: what is above 9 carries.
    if word & HIGH != ZEROS || word.wrapping_add(0x0606_0606_0606_0606) & HIGH != ZEROS {
        return None;
    }
    let digits = word - ZEROS;
    let pairs = digits.wrapping_mul(10).wrapping_add(digits >> 8);
    let high = (pairs & MASK).wrapping_mul(100 + (1_000_000 << 32));
    let low = ((pairs >> 16) & MASK).wrapping_mul(1 + (10_000 << 32));
    Some(high.wrapping_add(low) >> 32)
}

/// An integer in decimal digits, within `range`.
pub fn integer(name: &'static str, text: &[u8], range: RangeInclusive<i64>) -> Result<i64, RequestError> {
    if let Some(value) = short_integer(text)
        && range.contains(&value)
    {
        return Ok(value);
    }
    long_integer(name, text, range)
}

/// An integer of up to 18 digits: nearly every one, a timestamp has 13.
fn short_integer(text: &[u8]) -> Option<i64> {
    let (mut value, mut rest) = (0, text.strip_prefix(b"-").unwrap_or(text));
    let digits = take_digits(&mut rest, &mut value);
    if !rest.is_empty() || !(1..MOST_DIGITS).contains(&digits) {
        return None;
    }
    let value = value as i64; // Below 10^18.
    Some(if digits < text.len() { -value } else { value })
}

/// An integer of any length, or the refusal of one.
#[cold]
fn long_integer(name: &'static str, text: &[u8], range: RangeInclusive<i64>) -> Result<i64, RequestError> {
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
    let size = digits.iter().fold(0_i128, |sum, digit| sum.saturating_mul(10).saturating_add(i128::from(digit - b'0')));
    Some(if negative { -size } else { size })
}

/// Unix milliseconds, 0 … 2^53.
pub fn timestamp_ms(name: &'static str, text: &[u8]) -> Result<u64, RequestError> {
    integer(name, text, 0..=MAX_TIMESTAMP_MS as i64).map(|value| value as u64)
}

/// A duration in milliseconds within `range`: an integer, alone or with the unit `ms`, `s`, `m`, `h` or `d`.
pub fn duration_ms(name: &'static str, text: &[u8], range: RangeInclusive<u64>) -> Result<u64, RequestError> {
    let (mut count, mut unit) = (0, text);
    let digits = take_digits(&mut unit, &mut count);
    let scale = match unit {
        [] => Some(1),
        [b'd' | b'D'] => Some(86_400_000),
        [b'h' | b'H'] => Some(3_600_000),
        [b'm' | b'M'] => Some(60_000),
        [b's' | b'S'] => Some(1_000),
        [b'm' | b'M', b's' | b'S'] => Some(1),
        _ => None,
    };
    let Some(scale) = scale.filter(|_| digits > 0) else {
        return Err(RequestError::argument(name, "not a duration such as 1500, 90s, 5m, 24h or 7d", text));
    };
    let leading_zeros = || text.iter().take_while(|digit| **digit == b'0').count();
    let count = if digits <= MOST_DIGITS || digits - leading_zeros() <= MOST_DIGITS { count } else { u64::MAX };
    let value = count.saturating_mul(scale);
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

/// The shortest decimal that reads back as the float of 32 bits.
pub fn format_single(value: f32) -> String {
    let mut buffer = crate::wire::DoubleBuffer::new();
    buffer.format_single(value).to_owned()
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
#[allow(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test")]
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

    /// Digits at every length around eight and sixteen, with leading zeros, and what is nearly a digit.
    #[test]
    fn integers_of_every_length_are_what_their_digits_say() {
        for zeros in [0, 1, 8, 30] {
            for digits in ["1", "7654321", "87654321", "987654321", "9876543210987654", "999999999999999999"] {
                let text = format!("{}{digits}", "0".repeat(zeros));
                let value: i64 = digits.parse().unwrap();
                assert_eq!(integer("n", text.as_bytes(), i64::MIN..=i64::MAX), Ok(value), "{text}");
                assert_eq!(integer("n", format!("-{text}").as_bytes(), i64::MIN..=i64::MAX), Ok(-value), "{text}");
                assert_eq!(duration_ms("d", text.as_bytes(), 0..=u64::MAX), Ok(value.unsigned_abs()), "{text}");
            }
        }
        for place in 0..9 {
            for byte in [b'/', b':', b' ', b'-', b'+', b'.', 0xb0, 0xff, 0] {
                let mut text = *b"123456789";
                text[place] = byte;
                let refused = integer("n", &text, i64::MIN..=i64::MAX).is_err();
                assert!(refused || (place == 0 && byte == b'-'), "{text:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn short_decimals_are_bit_for_bit_what_the_standard_library_reads(
            whole in "[0-9]{0,20}", fraction in "[0-9]{0,25}", point: bool, sign in "-?", small in "0{0,22}[0-9]{1,4}",
        ) {
            for text in [
                format!("{sign}{whole}{}{fraction}", if point || !fraction.is_empty() { "." } else { "" }),
                format!("{sign}0.{small}"),
                format!("{sign}{whole}"),
            ] {
                let expected = text.parse::<f64>().ok().filter(|_| text.bytes().any(|byte| byte.is_ascii_digit()));
                let read = real("price", text.as_bytes(), &(-1e300..=1e300)).ok();
                proptest::prop_assert_eq!(read.map(f64::to_bits), expected.map(f64::to_bits), "{}", text);
            }
        }

        #[test]
        fn numbers_as_programs_write_them_read_back(value: f64, scale in 0..12_i32, units in 0..1_u64 << 53) {
            let price = units as f64 / 10_f64.powi(scale);
            for value in [value, price] {
                if value.is_finite() && value.abs() <= 1e300 {
                    let read = real("price", format!("{value}").as_bytes(), &(-1e300..=1e300)).ok();
                    proptest::prop_assert_eq!(read.map(f64::to_bits), Some(value.to_bits()));
                }
            }
        }
    }

    #[test]
    fn an_error_tells_the_bounds() {
        let error = duration_ms("RETENTION", b"5s", 60_000..=86_400_000).unwrap_err();
        assert_eq!(error.to_string(), "RETENTION: must be 1m to 1d, got '5s'");
    }
}
