//! Wilder's means of how far prices range, and of how much of that is in one direction.

use super::NEARLY_ZERO;
use super::study::{Bar, Column};

/// How far a row ranges, the close before it included.
fn true_range(before: &Bar, now: &Bar) -> f64 {
    (now.high - now.low).max((now.high - before.close).abs()).max((now.low - before.close).abs())
}

/// The mean of the true range, begun with the plain one of the first `length`.
pub fn atr(bars: &[Bar], length: usize) -> Column {
    let n = length as f64;
    let (mut sum, mut mean) = (0.0, 0.0);
    let mut values = Vec::new();
    for (at, pair) in bars.windows(2).enumerate() {
        let [before, now] = pair else { continue };
        let range = true_range(before, now);
        if at < length {
            sum += range;
            mean = sum / n;
        } else {
            mean = (mean * (n - 1.0) + range) / n;
        }
        if at + 1 >= length {
            values.push(mean);
        }
    }
    Column { first: length, values }
}

/// Wilder's sums, from which the directional index is taken.
#[derive(Default)]
struct Directions {
    up: f64,
    down: f64,
    range: f64,
}

impl Directions {
    /// Adds a row; `keep` of what was there stays.
    fn add(&mut self, before: &Bar, now: &Bar, keep: impl Fn(f64) -> f64) {
        let (rise, fall) = (now.high - before.high, before.low - now.low);
        let up = if rise > 0.0 && rise > fall { rise } else { 0.0 };
        let down = if fall > 0.0 && fall > rise { fall } else { 0.0 };
        self.up = keep(self.up) + up;
        self.down = keep(self.down) + down;
        self.range = keep(self.range) + true_range(before, now);
    }

    /// How much of the range is in one direction, 0 … 100; none where nothing moved.
    fn index(&self) -> Option<f64> {
        if self.range.abs() < NEARLY_ZERO {
            return None;
        }
        let (up, down) = (100.0 * (self.up / self.range), 100.0 * (self.down / self.range));
        let both = up + down;
        (both.abs() >= NEARLY_ZERO).then(|| 100.0 * ((down - up).abs() / both))
    }
}

/// The mean of the directional index, begun with the plain one of the first `length`. A row in which it is not defined
/// counts as 0 there, and leaves the mean as it is later.
pub fn adx(bars: &[Bar], length: usize) -> Column {
    let n = length as f64;
    let mut directions = Directions::default();
    let (mut sum, mut mean) = (0.0, 0.0);
    let mut values = Vec::new();
    for (at, pair) in bars.windows(2).enumerate() {
        let [before, now] = pair else { continue };
        if at + 1 < length {
            directions.add(before, now, |kept| kept);
            continue;
        }
        directions.add(before, now, |kept| kept - kept / n);
        let index = directions.index();
        if at + 1 < 2 * length {
            sum += index.unwrap_or(0.0);
            mean = sum / n;
        } else if let Some(index) = index {
            mean = (mean * (n - 1.0) + index) / n;
        }
        if at + 2 >= 2 * length {
            values.push(mean);
        }
    }
    Column { first: 2 * length - 1, values }
}
