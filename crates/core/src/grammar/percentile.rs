//! Percentiles: the type, and how they are written.

use std::fmt;

use super::RequestError;

/// Most decimals of a percentile.
const DECIMALS: usize = 6;

/// A percentile as integer millionths: 0 … 10^8 stands for 0 … 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Percentile(u32);

impl Percentile {
    /// 100 percent in millionths.
    pub const FULL: u32 = 100_000_000;

    /// A percentile of `millionths`; `None` above 100 percent.
    pub const fn from_millionths(millionths: u32) -> Option<Self> {
        if millionths <= Self::FULL { Some(Self(millionths)) } else { None }
    }

    /// A whole percentile; above 100 it is 100.
    pub const fn whole(percent: u8) -> Self {
        let percent = if percent > 100 { 100 } else { percent };
        Self(percent as u32 * 1_000_000)
    }

    /// The millionths.
    pub const fn millionths(self) -> u32 {
        self.0
    }

    /// Nearest rank among `count` values, 1-based: max(1, ceil(P·n / 10^8)), in integers.
    ///
    /// Source: the nearest-rank definition of a percentile; in floats 7/100·100 exceeds 7 and the rank is one too high.
    pub const fn rank(self, count: u64) -> u64 {
        let full = Self::FULL as u128;
        let rank = (self.0 as u128 * count as u128).div_ceil(full) as u64;
        if rank == 0 { 1 } else { rank }
    }
}

/// A percentile 0 … 100 with at most 6 decimals, read exactly into millionths.
pub fn percentile(name: &'static str, text: &[u8]) -> Result<Percentile, RequestError> {
    let (whole, fraction) = match text.iter().position(|byte| *byte == b'.') {
        Some(dot) => (text.get(..dot).unwrap_or_default(), text.get(dot + 1..).unwrap_or_default()),
        None => (text, &b"0"[..]),
    };
    let all_digits = |part: &[u8]| !part.is_empty() && part.iter().all(u8::is_ascii_digit);
    if !all_digits(whole) || !all_digits(fraction) {
        return Err(RequestError::argument(name, "not a number from 0 to 100", text));
    }
    if fraction.len() > DECIMALS {
        return Err(RequestError::argument(name, "has more than 6 decimals", text));
    }
    let padded = whole.iter().chain(fraction).copied().chain(std::iter::repeat_n(b'0', DECIMALS - fraction.len()));
    let millionths = padded.fold(0_u32, |sum, digit| sum.saturating_mul(10).saturating_add(u32::from(digit - b'0')));
    Percentile::from_millionths(millionths).ok_or_else(|| RequestError::argument(name, "must be 0 to 100", text))
}

impl fmt::Display for Percentile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (self.millionths() / 1_000_000, self.millionths() % 1_000_000);
        if fraction == 0 {
            return write!(f, "{whole}");
        }
        let digits = format!("{fraction:06}");
        write!(f, "{whole}.{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearest_rank_is_computed_in_integers() {
        let cases =
            [(7_000_000, 100, 7), (0, 10, 1), (100_000_000, 10, 10), (50_000_000, 5, 3), (1, 1, 1), (80_000_000, 0, 1)];
        for (millionths, count, rank) in cases {
            assert_eq!(Percentile::from_millionths(millionths).unwrap().rank(count), rank);
        }
    }

    #[test]
    fn percentiles_are_read_exactly() {
        let cases = [
            ("80", Some(80_000_000)),
            ("99.9", Some(99_900_000)),
            ("0", Some(0)),
            ("100", Some(100_000_000)),
            ("0.000001", Some(1)),
            ("100.000001", None),
            ("101", None),
            ("-1", None),
            ("9e1", None),
            ("", None),
            (".5", None),
            ("5.", None),
            ("1.2345678", None),
            ("99999999999999999999", None),
            ("nan", None),
        ];
        for (text, expected) in cases {
            assert_eq!(percentile("p", text.as_bytes()).ok().map(Percentile::millionths), expected, "{text:?}");
        }
    }

    #[test]
    fn a_percentile_reads_back_as_it_is_shown() {
        for millionths in [0, 1, 80_000_000, 99_900_000, 12_345_678, 100_000_000] {
            let shown = Percentile::from_millionths(millionths).unwrap().to_string();
            assert_eq!(percentile("p", shown.as_bytes()).unwrap().millionths(), millionths);
        }
    }
}
