//! Intervals of candles, and where they begin: in a fixed zone, weeks on Monday, months by the calendar.

use std::fmt;

use crate::grammar::RequestError;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Furthest a zone is east, minutes; west it is 12 hours.
pub const MAX_ZONE_MINUTES: i16 = 14 * 60;

/// Where days begin: a fixed distance from UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Zone(i16);

impl Zone {
    /// So many minutes east of UTC: −720 … 840, quarters of an hour.
    pub const fn new(minutes: i16) -> Option<Self> {
        if minutes >= -720 && minutes <= MAX_ZONE_MINUTES && minutes % 15 == 0 { Some(Self(minutes)) } else { None }
    }

    /// `+08:00`, `-05:30`.
    pub fn parse(name: &'static str, text: &[u8]) -> Result<Self, RequestError> {
        let digit = |byte: u8| byte.is_ascii_digit().then(|| i16::from(byte - b'0'));
        let minutes = || match text {
            [sign @ (b'+' | b'-'), h1, h2, b':', m1, m2] => {
                let (hours, minutes) = (digit(*h1)? * 10 + digit(*h2)?, digit(*m1)? * 10 + digit(*m2)?);
                let size = if minutes < 60 { hours * 60 + minutes } else { return None };
                Self::new(if *sign == b'-' { -size } else { size })
            }
            _ => None,
        };
        minutes().ok_or_else(|| RequestError::argument(name, "must be -12:00 to +14:00 by quarters of an hour", text))
    }

    /// Minutes east of UTC.
    pub const fn minutes(self) -> i16 {
        self.0
    }

    const fn offset_ms(self) -> i64 {
        self.0 as i64 * MINUTE_MS as i64
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, size) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
        write!(f, "{sign}{:02}:{:02}", size / 60, size % 60)
    }
}

/// A stretch of time, Unix ms: from `start_ms` to before `end_ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Its first millisecond.
    pub start_ms: u64,
    /// The first millisecond behind it.
    pub end_ms: u64,
}

impl Span {
    /// Whether that is a time in it.
    #[inline]
    pub const fn holds(&self, ts_ms: u64) -> bool {
        self.start_ms <= ts_ms && ts_ms < self.end_ms
    }
}

/// The interval of a candle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Interval {
    /// So many milliseconds, which divide a day; counted from its start.
    Fixed(u64),
    /// From Monday.
    Week,
    /// By the calendar.
    Month,
}

impl Interval {
    /// `1s`, `15m`, `4h`, `1d`, `1w`, `1M`: seconds, minutes and hours that divide a day.
    pub fn parse(name: &'static str, text: &[u8]) -> Result<Self, RequestError> {
        let problem = "must be ns, nm or nh that divide a day, 1d, 1w or 1M";
        Self::read(text).ok_or_else(|| RequestError::argument(name, problem, text))
    }

    fn read(text: &[u8]) -> Option<Self> {
        let (unit, digits) = text.split_last()?;
        let is_plain = matches!(digits, [b'1'..=b'9', ..]) && digits.len() <= 5;
        if !is_plain || !digits.iter().all(u8::is_ascii_digit) {
            return None;
        }
        let count = digits.iter().fold(0_u64, |count, digit| count * 10 + u64::from(digit - b'0'));
        let width_ms = match (unit, count) {
            (b's', _) => count * 1_000,
            (b'm', _) => count * MINUTE_MS,
            (b'h', _) => count * HOUR_MS,
            (b'd', 1) => DAY_MS,
            (b'w', 1) => return Some(Self::Week),
            (b'M', 1) => return Some(Self::Month),
            _ => return None,
        };
        DAY_MS.is_multiple_of(width_ms).then_some(Self::Fixed(width_ms))
    }

    /// One of the fixed, if `width_ms` divides a day into whole seconds.
    pub fn fixed(width_ms: u64) -> Option<Self> {
        let divides = width_ms > 0 && DAY_MS.is_multiple_of(width_ms) && width_ms.is_multiple_of(1_000);
        divides.then_some(Self::Fixed(width_ms))
    }

    /// Whether candles of it are made of candles of `unit_ms`, which divides a day.
    pub const fn is_multiple_of(self, unit_ms: u64) -> bool {
        match self {
            Self::Fixed(width_ms) => width_ms.is_multiple_of(unit_ms),
            Self::Week | Self::Month => true,
        }
    }

    /// The candle that `ts_ms` lies in. None begins before 1970: the one that would begins there.
    #[inline]
    pub fn span(self, ts_ms: u64, zone: Zone) -> Span {
        let offset_ms = zone.offset_ms();
        let local_ms = ts_ms.cast_signed() + offset_ms;
        let (start, end) = match self {
            Self::Fixed(width_ms) => floor_and_next(local_ms, width_ms.cast_signed(), 0),
            // The epoch was a Thursday.
            Self::Week => floor_and_next(local_ms, 7 * DAY_MS.cast_signed(), 4 * DAY_MS.cast_signed()),
            Self::Month => month_of(local_ms),
        };
        let to_utc = |local_ms: i64| u64::try_from(local_ms - offset_ms).unwrap_or(0);
        Span { start_ms: to_utc(start), end_ms: to_utc(end) }
    }

    /// Where the candle begins that lies `count` before the one of `ts_ms`, or later: never earlier than 1970.
    pub fn before(self, ts_ms: u64, count: u64, zone: Zone) -> u64 {
        let start_ms = self.span(ts_ms, zone).start_ms;
        let width_ms = match self {
            Self::Fixed(width_ms) => width_ms,
            Self::Week => 7 * DAY_MS,
            Self::Month => {
                // No more than a few hundred years of months lie between 1970 and any time there is a market at.
                let mut start_ms = start_ms;
                for _ in 0..count {
                    start_ms = self.span(start_ms.saturating_sub(1), zone).start_ms;
                }
                return start_ms;
            }
        };
        self.span(start_ms.saturating_sub(width_ms.saturating_mul(count)), zone).start_ms
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fixed(DAY_MS) => f.write_str("1d"),
            Self::Fixed(ms) if ms.is_multiple_of(HOUR_MS) => write!(f, "{}h", ms / HOUR_MS),
            Self::Fixed(ms) if ms.is_multiple_of(MINUTE_MS) => write!(f, "{}m", ms / MINUTE_MS),
            Self::Fixed(ms) => write!(f, "{}s", ms / 1_000),
            Self::Week => f.write_str("1w"),
            Self::Month => f.write_str("1M"),
        }
    }
}

/// The cell of `width` that `at` lies in, where one begins at `origin`.
const fn floor_and_next(at: i64, width: i64, origin: i64) -> (i64, i64) {
    let start = at - (at - origin).rem_euclid(width);
    (start, start + width)
}

/// The month that `local_ms` lies in.
fn month_of(local_ms: i64) -> (i64, i64) {
    let day_ms = DAY_MS.cast_signed();
    let (year, month) = year_and_month(local_ms.div_euclid(day_ms));
    let next = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    (first_day(year, month) * day_ms, first_day(next.0, next.1) * day_ms)
}

/// The civil year and month of a day counted from 1970-01-01 (Hinnant's `civil_from_days`: years begin in March, so that
/// the leap day is the last).
const fn year_and_month(day: i64) -> (i64, i64) {
    let shifted = day + 719_468;
    let (era, day_of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + (month <= 2) as i64, month)
}

/// The first day of a month, counted from 1970-01-01: the inverse.
const fn first_day(year: i64, month: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, year_of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * from_march + 2) / 5;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test")]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_read_and_written_alike() {
        for text in ["1s", "5s", "1m", "3m", "15m", "45m", "1h", "4h", "12h", "1d", "1w", "1M"] {
            assert_eq!(Interval::parse("interval", text.as_bytes()).unwrap().to_string(), text);
        }
        assert_eq!(Interval::parse("interval", b"60m").unwrap().to_string(), "1h");
        assert_eq!(Interval::parse("interval", b"24h").unwrap(), Interval::Fixed(DAY_MS));
        for text in ["", "m", "7m", "0m", "01m", "5h", "2d", "3d", "2w", "2M", "1y", "1", "1D", "-1m", "999999s", "48h"]
        {
            let error = Interval::parse("interval", text.as_bytes()).unwrap_err().to_string();
            assert!(error.starts_with("interval: must be"), "{text}: {error}");
        }
    }

    #[test]
    fn zones_are_read_and_written_alike() {
        for text in ["+00:00", "+08:00", "-12:00", "+14:00", "+05:45", "-03:30"] {
            assert_eq!(Zone::parse("TZ", text.as_bytes()).unwrap().to_string(), text);
        }
        for text in ["", "08:00", "+8:00", "+14:15", "-12:15", "+05:40", "+05:60", "Z", "+0a:00", "+99:00"] {
            assert!(Zone::parse("TZ", text.as_bytes()).is_err(), "{text}");
        }
    }

    #[test]
    fn months_and_weeks_begin_by_the_calendar_of_the_zone() {
        let at = |text: &str, ts_ms| {
            let zone = Zone::parse("TZ", b"+08:00").unwrap();
            let span = Interval::parse("interval", text.as_bytes()).unwrap().span(ts_ms, zone);
            (span.start_ms, span.end_ms)
        };
        // 2024-02-29 15:59:59.999 UTC is the last millisecond of February in Hong Kong.
        assert_eq!(at("1M", 1_709_222_399_999), (1_706_716_800_000, 1_709_222_400_000));
        assert_eq!(at("1M", 1_709_222_400_000).0, 1_709_222_400_000);
        // 2024-03-04 was a Monday.
        assert_eq!(at("1w", 1_709_481_600_000), (1_709_481_600_000, 1_710_086_400_000));
        assert_eq!(at("1w", 1_709_481_599_999).1, 1_709_481_600_000);
        assert_eq!(at("1d", 1_709_222_400_000).0, 1_709_222_400_000);
        // What would begin before 1970 begins there.
        assert_eq!(at("1d", 0), (0, 57_600_000));
    }

    #[test]
    fn every_day_of_a_thousand_years_is_in_its_month() {
        let (mut year, mut month, mut day_of_month) = (1970, 1, 1);
        for day in 0..365_250_i64 {
            assert_eq!(year_and_month(day), (year, month));
            assert_eq!(first_day(year, month), day - (day_of_month - 1));
            let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
            let days = match month {
                2 => 28 + i64::from(is_leap),
                4 | 6 | 9 | 11 => 30,
                _ => 31,
            };
            day_of_month += 1;
            if day_of_month > days {
                (month, day_of_month) = (month + 1, 1);
                if month > 12 {
                    (year, month) = (year + 1, 1);
                }
            }
        }
    }
}
