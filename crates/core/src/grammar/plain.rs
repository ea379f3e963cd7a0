//! The shortest plain text of decimals and of sums of them: eight digits at a time, to the left and to the right of where
//! the point stands, so that nothing is moved; then zeros are left out at both ends.

use super::decimal::{Decimal, power_of_ten};

/// Where the point stands: as many digits as three words of eight before it, and as many behind.
const POINT: usize = 24;

/// Digits behind the point that a sum has at most; more are written in another way.
const FRACTION: u8 = 18;

const HUNDRED_MILLION: u64 = 100_000_000;

/// Room for the shortest plain text of one decimal or of one sum of decimals.
#[derive(Debug, Clone)]
pub struct PlainBuffer {
    bytes: [u8; 2 * POINT + 1],
    /// What has no place around the point: sums beyond 64 bits before it, or of more digits behind it than the module has.
    long: String,
}

impl Default for PlainBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl PlainBuffer {
    /// An empty buffer, on the stack.
    pub const fn new() -> Self {
        Self { bytes: [b'.'; 2 * POINT + 1], long: String::new() }
    }

    /// `value` as text: `93509.1`, `0.000001`; never an exponent.
    pub fn decimal(&mut self, value: Decimal) -> &str {
        text(self.decimal_bytes(value))
    }

    /// The same as bytes.
    #[inline]
    pub fn decimal_bytes(&mut self, value: Decimal) -> &[u8] {
        self.short(value.mantissa(), value.scale())
    }

    /// `units` · 10^-`scale` as text; `scale` is at most 38.
    pub fn units(&mut self, units: u128, scale: u8) -> &str {
        text(self.units_bytes(units, scale))
    }

    /// The same as bytes.
    pub fn units_bytes(&mut self, units: u128, scale: u8) -> &[u8] {
        if scale > FRACTION {
            return self.long(units, scale);
        }
        if let Ok(units) = u64::try_from(units) {
            return self.short(units, scale);
        }
        let power = power_of_ten(scale);
        let whole = units / power;
        match u64::try_from(whole) {
            Ok(short) => self.parts(short, (units - whole * power) as u64, scale),
            Err(_) => self.long(units, scale),
        }
    }

    #[inline]
    fn short(&mut self, units: u64, scale: u8) -> &[u8] {
        if scale == 0 {
            return self.parts(units, 0, 0);
        }
        let power = power_of_ten(scale) as u64;
        self.parts(units / power, units % power, scale)
    }

    /// What stands before the point, and `fraction` · 10^-`scale`.
    #[inline]
    fn parts(&mut self, whole: u64, fraction: u64, scale: u8) -> &[u8] {
        let begin = self.put_whole(whole);
        let end =
            if fraction == 0 { POINT } else { self.put_fraction(fraction * power_of_ten(FRACTION - scale) as u64) };
        self.bytes.get(begin..end).unwrap_or_default()
    }

    /// Writes the digits in front of the point. Returns where they begin.
    #[inline]
    fn put_whole(&mut self, whole: u64) -> usize {
        let (above, low) = (whole / HUNDRED_MILLION, whole % HUNDRED_MILLION);
        let low = self.put::<{ POINT - 8 }>(low);
        if above == 0 {
            // Of nothing there is one digit.
            return (POINT - 8 + zeros_before(low)).min(POINT - 1);
        }
        let (highest, middle) = (above / HUNDRED_MILLION, above % HUNDRED_MILLION);
        let middle = self.put::<{ POINT - 16 }>(middle);
        if highest == 0 {
            return POINT - 16 + zeros_before(middle);
        }
        zeros_before(self.put::<{ POINT - 24 }>(highest))
    }

    /// Writes a fraction, which is not 0, of 10^-18 behind the point. Returns where its last digit ends that is not 0.
    #[inline]
    fn put_fraction(&mut self, fraction: u64) -> usize {
        const LOW: u64 = 100;
        let (above, low) = (fraction / LOW, fraction % LOW);
        let (high, middle) = (above / HUNDRED_MILLION, above % HUNDRED_MILLION);
        let high = self.put::<{ POINT + 1 }>(high);
        if middle == 0 && low == 0 {
            return POINT + 9 - zeros_behind(high);
        }
        let middle = self.put::<{ POINT + 9 }>(middle);
        if low == 0 {
            return POINT + 17 - zeros_behind(middle);
        }
        POINT + 25 - zeros_behind(self.put::<{ POINT + 17 }>(low * (HUNDRED_MILLION / LOW)))
    }

    /// Writes eight digits, and returns them, the first in the lowest byte.
    #[inline]
    fn put<const AT: usize>(&mut self, value: u64) -> u64 {
        let digits = eight_digits(value);
        if let Some(place) = self.bytes.get_mut(AT..).and_then(|rest| rest.first_chunk_mut()) {
            *place = (digits | 0x3030_3030_3030_3030).to_le_bytes();
        }
        digits
    }

    /// Any number, digit by digit.
    #[cold]
    fn long(&mut self, units: u128, scale: u8) -> &[u8] {
        let scale = usize::from(scale);
        let digits = format!("{units:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        self.long = [whole, point, fraction].concat();
        self.long.as_bytes()
    }
}

/// The digits of a number below 10^8, the first in the lowest byte: halves, quarters, then single digits, each in its lane
/// of one word.
#[inline]
const fn eight_digits(value: u64) -> u64 {
    let halves = (value / 10_000) | ((value % 10_000) << 32);
    let hundreds = ((halves * 10_486) >> 20) & 0x0000_007f_0000_007f;
    let pairs = hundreds | ((halves - hundreds * 100) << 16);
    let tens = ((pairs * 103) >> 10) & 0x000f_000f_000f_000f;
    tens | ((pairs - tens * 10) << 8)
}

/// How many of eight digits are 0 before the first that is not.
#[inline]
const fn zeros_before(digits: u64) -> usize {
    digits.trailing_zeros() as usize / 8
}

/// How many of eight digits are 0 behind the last that is not.
#[inline]
const fn zeros_behind(digits: u64) -> usize {
    digits.leading_zeros() as usize / 8
}

/// Digits and a point are text.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Written as long as it is, then cut.
    fn slow(units: u128, scale: u8) -> String {
        let scale = usize::from(scale);
        let digits = format!("{units:0>width$}", width = scale + 1);
        let (whole, fraction) = digits.split_at(digits.len() - scale);
        let fraction = fraction.trim_end_matches('0');
        if fraction.is_empty() { whole.to_owned() } else { format!("{whole}.{fraction}") }
    }

    #[test]
    fn numbers_of_every_length_and_scale_are_written_as_the_slow_way_does() {
        for scale in 0..=38 {
            for digits in 0..=38_u32 {
                let power = 10_u128.pow(digits);
                for units in [power - 1, power, power + 1, 7 * (power / 3), 5 * (power / 10), power / 9 * 10] {
                    assert_eq!(PlainBuffer::new().units(units, scale), slow(units, scale), "{units} {scale}");
                }
            }
            assert_eq!(PlainBuffer::new().units(u128::MAX, scale), slow(u128::MAX, scale), "{scale}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_number_is_written_as_the_slow_way_does(
            units: u128, short: u64, shift in 0_u32..128, scale in 0_u8..=38, own in 0_u8..=15,
        ) {
            let mut buffer = PlainBuffer::new();
            for units in [units, units >> shift, short.into(), u128::from(short) * power_of_ten(own)] {
                proptest::prop_assert_eq!(buffer.units(units, scale), slow(units, scale));
            }
            if let Some(value) = Decimal::new(short >> (shift % 64), own) {
                proptest::prop_assert_eq!(buffer.decimal(value), slow(value.mantissa().into(), value.scale()));
            }
        }
    }
}
