//! The id of a stream's entry: milliseconds and a number within them.

use std::fmt;
use std::str::FromStr;

/// Where an entry stands in its stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Id {
    /// Unix milliseconds, as a rule.
    pub ms: u64,
    /// Within the millisecond.
    pub seq: u64,
}

impl Id {
    /// The next possible id; none behind the last.
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// Its day, UTC, counted from 1970.
    pub fn day_number(self) -> u64 {
        self.ms / 86_400_000
    }

    /// Its day, UTC, as `2026-11-21`.
    pub fn day(self) -> String {
        let (year, month, day) = civil(self.day_number());
        format!("{year:04}-{month:02}-{day:02}")
    }
}

/// Days since 1970 as a date: Howard Hinnant's `civil_from_days`, for days that are not negative.
fn civil(days: u64) -> (u64, u64, u64) {
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

impl FromStr for Id {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |part: &str| {
            let is_plain = !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
            if is_plain { part.parse::<u64>().map_err(drop) } else { Err(()) }
        };
        let (ms, seq) = text.split_once('-').ok_or(())?;
        Ok(Self { ms: number(ms)?, seq: number(seq)? })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests may stop")]
mod tests {
    use super::*;

    #[test]
    fn ids_are_read_as_they_are_written() {
        for text in ["0-0", "1795264047513-7", "18446744073709551615-18446744073709551615"] {
            assert_eq!(text.parse::<Id>().unwrap().to_string(), text);
        }
        for text in ["", "1", "-", "1-", "a-1", "1-1-1", "+1-1", "18446744073709551616-0"] {
            assert!(text.parse::<Id>().is_err(), "{text}");
        }
        assert_eq!(Id { ms: 5, seq: u64::MAX }.next(), Some(Id { ms: 6, seq: 0 }));
        assert_eq!(Id { ms: u64::MAX, seq: u64::MAX }.next(), None);
    }

    #[test]
    fn days_are_those_of_the_calendar() {
        let day = |ms| Id { ms, seq: 0 }.day();
        assert_eq!(day(0), "1970-01-01");
        assert_eq!(day(951_782_399_999), "2000-02-28");
        assert_eq!(day(951_782_400_000), "2000-02-29");
        assert_eq!(day(1_795_264_047_513), "2026-11-21");
        assert_eq!(day(4_102_444_800_000), "2100-01-01");
    }
}
