//! How fast a recording is replayed.

use std::str::FromStr;
use std::time::{Duration, Instant};

/// The pace of a replay.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Speed {
    /// As fast as it goes.
    Max,
    /// So many times as fast as it happened.
    Times(f64),
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.eq_ignore_ascii_case("max") {
            return Ok(Self::Max);
        }
        let times = text.trim_end_matches('x').parse::<f64>().ok();
        let times = times.filter(|times| (0.001..=1e6).contains(times));
        times.map(Self::Times).ok_or_else(|| "must be max, or a number from 0.001 to 1000000".to_owned())
    }
}

/// Tells how long to wait for an event's moment.
#[derive(Debug, Clone)]
pub struct Pace {
    speed: Speed,
    started: Option<(Instant, u64)>,
}

impl Pace {
    /// Starts with the first event.
    pub const fn new(speed: Speed) -> Self {
        Self { speed, started: None }
    }

    /// How long until an event of this time is due; nothing when it is due already, as late events are.
    pub fn wait(&mut self, ts_ms: u64, now: Instant) -> Option<Duration> {
        let Speed::Times(times) = self.speed else { return None };
        let (start, first_ms) = *self.started.get_or_insert((now, ts_ms));
        let due = start + Duration::from_secs_f64(ts_ms.saturating_sub(first_ms) as f64 / 1_000.0 / times);
        due.checked_duration_since(now).filter(|wait| !wait.is_zero())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_wait_for_their_moment() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let mut pace = Pace::new(Speed::Times(10.0));
        let cases =
            [(5_000, 0, None), (6_000, 0, Some(100)), (6_000, 40, Some(60)), (6_000, 100, None), (4_000, 0, None)];
        for (ts_ms, now_ms, wait_ms) in cases {
            assert_eq!(pace.wait(ts_ms, at(now_ms)), wait_ms.map(Duration::from_millis), "{ts_ms} at {now_ms}");
        }
        assert_eq!(Pace::new(Speed::Max).wait(9, start), None);
    }

    #[test]
    fn a_speed_is_max_or_a_number() {
        let cases = [("max", Some(Speed::Max)), ("1", Some(Speed::Times(1.0))), ("10x", Some(Speed::Times(10.0)))];
        for (text, speed) in cases {
            assert_eq!(text.parse().ok(), speed);
        }
        for text in ["0", "-1", "nan", "fast", ""] {
            assert!(text.parse::<Speed>().is_err(), "{text}");
        }
    }
}
