//! Means of closes, and bands about them.

use super::rolling::rolling;
use super::study::Column;

/// The mean of the last `length` values.
pub fn sma(values: &[f64], length: usize) -> Column {
    let sums = rolling(values, length, |one, other| one + other);
    Column { first: length - 1, values: sums.into_iter().map(|sum| sum / length as f64).collect() }
}

/// The exponential mean, begun with the mean of the first `length` values.
pub fn ema(values: &[f64], length: usize) -> Column {
    let Some((begin, rest)) = values.split_at_checked(length) else {
        return Column { first: length - 1, values: Vec::new() };
    };
    let factor = 2.0 / (length as f64 + 1.0);
    let mut mean = begin.iter().sum::<f64>() / length as f64;
    let mut means = vec![mean];
    means.extend(rest.iter().map(|value| {
        mean += (value - mean) * factor;
        mean
    }));
    Column { first: length - 1, values: means }
}

/// How many values, their mean, and the sum of the squares of what they differ from it by.
#[derive(Clone, Copy)]
struct Spread {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Spread {
    /// Two spreads as one (Chan, Golub and LeVeque): unlike a difference of squares it keeps its digits where prices are
    /// large and hardly move.
    fn with(self, other: Self) -> Self {
        let count = self.count + other.count;
        let apart = other.mean - self.mean;
        let mean = self.mean + apart * (other.count / count);
        let squares = self.squares + other.squares + apart * apart * (self.count * other.count / count);
        Self { count, mean, squares }
    }
}

/// Lower band, mean and upper band.
pub fn bollinger(values: &[f64], length: usize, width: f64) -> [Column; 3] {
    let single: Vec<Spread> = values.iter().map(|value| Spread { count: 1.0, mean: *value, squares: 0.0 }).collect();
    let spreads = rolling(&single, length, Spread::with);
    let middle = sma(values, length);
    let band = |sign: f64| {
        let about = middle.values.iter().zip(&spreads);
        let band = about.map(|(mean, spread)| mean + sign * width * (spread.squares / spread.count).sqrt());
        Column { first: middle.first, values: band.collect() }
    };
    [band(-1.0), middle.clone(), band(1.0)]
}
