//! Exact decimals: prices and quantities as exchanges write them, held as an integer and a scale, never as a double.
//!
//! What lives here: reading their text, rounding what is longer than any exchange sends, and comparing. What does not: what a
//! decimal stands for. Their own text is in `plain`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use super::RequestError;
use super::number::LONGEST_NUMBER;
use super::plain::PlainBuffer;

/// Most digits behind the point; what lies there is the noise of somebody's float.
pub const MAX_SCALE: u8 = 15;

/// Most significant digits.
const MAX_DIGITS: usize = 18;

/// Above every mantissa: 10^18.
const MANTISSA_END: u64 = 10_u64.pow(18);

/// 10^k, for every k that 128 bits have room for.
const fn powers() -> [u128; 39] {
    let mut all = [1; 39];
    let mut k = 1;
    #[allow(clippy::indexing_slicing, reason = "k is below the length")]
    while k < all.len() {
        all[k] = all[k - 1] * 10;
        k += 1;
    }
    all
}

const POWERS: [u128; 39] = powers();

/// 10^`exponent`; the greatest that fits for more.
#[inline]
pub fn power_of_ten(exponent: u8) -> u128 {
    POWERS.get(usize::from(exponent)).copied().unwrap_or(10_u128.pow(38))
}

/// A decimal number of at least 0: mantissa · 10^-scale, at most 18 digits, at most 15 of them behind the point.
///
/// Equal numbers are equal in all fields: a mantissa with digits behind the point does not end in 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Decimal {
    mantissa: u64,
    scale: u8,
}

/// Why text is no decimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// It is no number.
    NotANumber,
    /// It is below 0, or above what 18 digits hold.
    OutOfRange,
}

impl Decimal {
    /// Nothing.
    pub const ZERO: Self = Self { mantissa: 0, scale: 0 };

    /// `mantissa` · 10^-`scale`; `None` with more than 18 digits or more than 15 behind the point.
    pub const fn new(mantissa: u64, scale: u8) -> Option<Self> {
        if mantissa >= MANTISSA_END || scale > MAX_SCALE {
            return None;
        }
        let (mut mantissa, mut scale) = (mantissa, scale);
        while scale > 0 && mantissa.is_multiple_of(10) {
            mantissa /= 10;
            scale -= 1;
        }
        Some(Self { mantissa, scale })
    }

    /// 10^`exponent`, for bounds: 10^-15 to 10^17.
    pub const fn ten_to(exponent: i8) -> Self {
        if exponent < 0 {
            let scale = if exponent < -15 { 15 } else { exponent.unsigned_abs() };
            Self { mantissa: 1, scale }
        } else {
            let exponent = if exponent > 17 { 17 } else { exponent.unsigned_abs() };
            Self { mantissa: 10_u64.pow(exponent as u32), scale: 0 }
        }
    }

    /// The number that `text` says: digits, a point, an exponent. Digits beyond the 15th behind the point and the 18th in
    /// all are rounded half to even.
    #[inline]
    pub fn parse(text: &[u8]) -> Result<Self, DecimalError> {
        short(text).map_or_else(|| long(text), Ok)
    }

    /// The decimal that the shortest text of `value` says.
    pub fn from_double(value: f64) -> Result<Self, DecimalError> {
        if !value.is_finite() {
            return Err(DecimalError::NotANumber);
        }
        Self::parse(crate::wire::DoubleBuffer::new().format(value).as_bytes())
    }

    /// `units` · 10^-`scale`, rounded half to even where that has too many digits; `None` where it is too great.
    #[inline]
    pub fn rounded(units: u128, scale: u8) -> Option<Self> {
        match u64::try_from(units) {
            Ok(units) if units < MANTISSA_END && scale <= MAX_SCALE => Self::new(units, scale),
            _ => Self::rounded_long(units, scale),
        }
    }

    #[cold]
    fn rounded_long(units: u128, scale: u8) -> Option<Self> {
        let digits = units.checked_ilog10().map_or(0, |log| log as usize + 1);
        let cut = digits.saturating_sub(MAX_DIGITS).max(usize::from(scale.saturating_sub(MAX_SCALE)));
        let kept = scale.checked_sub(cut as u8)?;
        let mantissa = u64::try_from(divide_half_even(units, cut as u8)).ok()?;
        // Rounding up may have made a nineteenth digit, which is then a 1 before zeros.
        if mantissa == MANTISSA_END && kept > 0 {
            Self::new(mantissa / 10, kept - 1)
        } else {
            Self::new(mantissa, kept)
        }
    }

    /// The digits as an integer.
    pub const fn mantissa(self) -> u64 {
        self.mantissa
    }

    /// How many digits of the mantissa are behind the point.
    pub const fn scale(self) -> u8 {
        self.scale
    }

    /// Whether it is 0.
    pub const fn is_zero(self) -> bool {
        self.mantissa == 0
    }

    /// In units of 10^-`scale`, exactly; 0 … 10^33 for the scale 15. `scale` is at least this number's own.
    #[inline]
    pub fn units(self, scale: u8) -> u128 {
        match scale.saturating_sub(self.scale) {
            0 => self.mantissa.into(),
            more => u128::from(self.mantissa) * power_of_ten(more),
        }
    }

    /// In units of 10^-15, exactly: where decimals of different scales meet.
    #[inline]
    pub fn femto(self) -> i128 {
        self.units(MAX_SCALE) as i128
    }

    /// The decimal nearest to `femto` · 10^-15; `None` below 0.
    pub fn from_femto(femto: i128) -> Option<Self> {
        Self::rounded(u128::try_from(femto).ok()?, MAX_SCALE)
    }

    /// The product with `other` in units of 10^-18: exact while both have at most 18 digits behind the point together,
    /// else rounded half to even.
    #[inline]
    pub fn product(self, other: Self) -> u128 {
        let product = u128::from(self.mantissa) * u128::from(other.mantissa);
        let scale = self.scale + other.scale;
        if scale <= 18 {
            let power = power_of_ten(18 - scale);
            // Nearly always a product of two words, which fits.
            if product >> 64 == 0 { product * power } else { product.saturating_mul(power) }
        } else {
            divide_half_even(product, scale - 18)
        }
    }

    /// Whether a glance tells that it lies in `range`.
    const fn is_surely_in(self, range: &RangeInclusive<Self>) -> bool {
        let (start, end) = (range.start(), range.end());
        let above = start.mantissa == 0 || self.mantissa >= start.mantissa && self.scale <= start.scale;
        above && self.mantissa <= end.mantissa && self.scale >= end.scale
    }

    /// The nearest double.
    pub fn to_f64(self) -> f64 {
        // Both are exact as doubles for prices as they are, and one division then rounds correctly.
        self.mantissa as f64 / power_of_ten(self.scale) as f64
    }
}

impl Ord for Decimal {
    #[inline]
    fn cmp(&self, other: &Self) -> Ordering {
        // Of both the greater scale; a product of two words.
        let units = |of: &Self, by: &Self| {
            u128::from(of.mantissa) * u128::from(power_of_ten(by.scale.saturating_sub(of.scale)) as u64)
        };
        if self.scale == other.scale {
            self.mantissa.cmp(&other.mantissa)
        } else {
            units(self, other).cmp(&units(other, self))
        }
    }
}

impl PartialOrd for Decimal {
    #[inline]
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(PlainBuffer::new().decimal(*self))
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        Self::parse(text.as_bytes())
    }
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotANumber => "not a number",
            Self::OutOfRange => "below 0, or above what 18 digits hold",
        })
    }
}

impl std::error::Error for DecimalError {}

/// A decimal number within `range`, the argument `name`.
pub fn decimal(name: &'static str, text: &[u8], range: &RangeInclusive<Decimal>) -> Result<Decimal, RequestError> {
    match Decimal::parse(text) {
        Ok(value) if value.is_surely_in(range) || range.contains(&value) => Ok(value),
        Err(DecimalError::NotANumber) => Err(RequestError::argument(name, "not a number", text)),
        Ok(_) | Err(DecimalError::OutOfRange) => {
            let problem = format!("must be {} to {}", range.start(), range.end());
            Err(RequestError::argument(name, Cow::from(problem), text))
        }
    }
}

/// `units` / 10^`exponent`, rounded half to even.
pub fn divide_half_even(units: u128, exponent: u8) -> u128 {
    if exponent == 0 {
        return units;
    }
    if exponent > 38 {
        return 0;
    }
    let divisor = power_of_ten(exponent);
    let (quotient, rest) = (units / divisor, units % divisor);
    let up = match rest.cmp(&(divisor / 2)) {
        Ordering::Less => false,
        Ordering::Greater => true,
        Ordering::Equal => quotient % 2 == 1,
    };
    quotient + u128::from(up)
}

/// A number as exchanges write it: digits, perhaps a point, no sign and no exponent, not too many digits.
#[inline]
fn short(text: &[u8]) -> Option<Decimal> {
    if text.len() > MAX_DIGITS + 1 {
        return None;
    }
    let (before, mantissa) = digits(text, 0);
    let (_, fraction) = text.split_at_checked(before)?;
    let (behind, mantissa) = match fraction.split_first() {
        None => (0, mantissa),
        Some((b'.', fraction)) => Some(digits(fraction, mantissa)).filter(|(behind, _)| *behind == fraction.len())?,
        Some(_) => return None,
    };
    let fits = (1..=MAX_DIGITS).contains(&(before + behind)) && behind <= usize::from(MAX_SCALE);
    if fits { Decimal::new(mantissa, behind as u8) } else { None }
}

/// How many digits `text` begins with, and those of `value` with them behind.
#[inline]
fn digits(text: &[u8], mut value: u64) -> (usize, u64) {
    for (place, byte) in text.iter().enumerate() {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return (place, value);
        }
        value = value * 10 + u64::from(digit);
    }
    (text.len(), value)
}

/// Any number: with a sign, an exponent, or digits that have to be rounded away.
#[cold]
fn long(text: &[u8]) -> Result<Decimal, DecimalError> {
    let (negative, unsigned) = match text.split_first() {
        Some((b'-', rest)) => (true, rest),
        Some((b'+', rest)) => (false, rest),
        _ => (false, text),
    };
    if unsigned.len() > LONGEST_NUMBER {
        return Err(DecimalError::NotANumber);
    }
    let written = Written::read(unsigned).ok_or(DecimalError::NotANumber)?;
    let value = written.round();
    value.filter(|value| !negative || value.is_zero()).ok_or(DecimalError::OutOfRange)
}

/// A number as it is written: its digits from the first that is not 0, and the power of ten of the last.
struct Written {
    digits: Vec<u8>,
    exponent: i64,
}

impl Written {
    fn read(text: &[u8]) -> Option<Self> {
        let mantissa_len = text.iter().position(|byte| matches!(byte, b'e' | b'E')).unwrap_or(text.len());
        let (mantissa, exponent) = text.split_at_checked(mantissa_len)?;
        let mut parts = mantissa.splitn(2, |byte| *byte == b'.');
        let (whole, fraction) = (parts.next()?, parts.next().unwrap_or_default());
        let mut all = whole.iter().chain(fraction);
        if whole.len() + fraction.len() == 0 || !all.clone().all(u8::is_ascii_digit) {
            return None;
        }
        let digits = all.by_ref().copied().skip_while(|digit| *digit == b'0').map(|digit| digit - b'0').collect();
        let exponent = match exponent.split_first() {
            None => 0,
            Some((_, text)) => {
                let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
                if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                    return None;
                }
                let size = digits.iter().fold(0_i64, |sum, digit| (sum * 10 + i64::from(digit - b'0')).min(1 << 20));
                if text.first() == Some(&b'-') { -size } else { size }
            }
        };
        Some(Self { digits, exponent: exponent - fraction.len() as i64 })
    }

    /// The nearest decimal, half to even; none where it is too great.
    fn round(&self) -> Option<Decimal> {
        let len = self.digits.len() as i64;
        let cut = (len - MAX_DIGITS as i64).max(-self.exponent - i64::from(MAX_SCALE)).max(0);
        if self.digits.is_empty() || cut > len {
            return Some(Decimal::ZERO);
        }
        let (kept, gone) = self.digits.split_at_checked((len - cut) as usize)?;
        let mut mantissa = kept.iter().fold(0_u64, |value, digit| value * 10 + u64::from(*digit));
        let up = match gone.split_first() {
            Some((5, rest)) => rest.iter().any(|digit| *digit != 0) || mantissa % 2 == 1,
            Some((first, _)) => *first > 5,
            None => false,
        };
        mantissa += u64::from(up);
        let mut exponent = self.exponent + cut;
        while mantissa != 0 && mantissa.is_multiple_of(10) && exponent < 0 {
            (mantissa, exponent) = (mantissa / 10, exponent + 1);
        }
        if exponent <= 0 {
            return Decimal::new(mantissa, (-exponent) as u8);
        }
        let value = u128::from(mantissa).checked_mul(*POWERS.get(exponent as usize)?)?;
        Decimal::new(u64::try_from(value).ok()?, 0)
    }
}

#[cfg(test)]
#[path = "decimal_tests.rs"]
mod tests;
