//! The relative strength index, and where it lies in its own range.

use super::NEARLY_ZERO;
use super::averages::sma;
use super::rolling::rolling;
use super::study::Column;

/// Wilder's index: what rises are of all changes, each as a mean that begins with the plain one of the first `length`.
pub fn rsi(closes: &[f64], length: usize) -> Column {
    let n = length as f64;
    let (mut rises, mut falls) = (0.0, 0.0);
    let mut values = Vec::new();
    for (at, pair) in closes.windows(2).enumerate() {
        let [before, now] = pair else { continue };
        let (rise, fall) = ((now - before).max(0.0), (before - now).max(0.0));
        if at < length {
            (rises, falls) = (rises + rise / n, falls + fall / n);
        } else {
            (rises, falls) = ((rises * (n - 1.0) + rise) / n, (falls * (n - 1.0) + fall) / n);
        }
        if at + 1 >= length {
            let all = rises + falls;
            values.push(if all < NEARLY_ZERO { 0.0 } else { 100.0 * (rises / all) });
        }
    }
    Column { first: length, values }
}

/// %K and %D: where the index lies between the lowest and highest of the last `range`, and the mean of that; 0 where all of
/// those are one.
pub fn stochastic_rsi(closes: &[f64], length: usize, range: usize, k: usize, d: usize) -> [Column; 2] {
    let index = rsi(closes, length);
    let lowest = rolling(&index.values, range, f64::min);
    let highest = rolling(&index.values, range, f64::max);
    let now = index.values.get(range - 1..).unwrap_or_default();
    let share = |((low, high), now): ((&f64, &f64), &f64)| {
        let width = high - low;
        if width == 0.0 { 0.0 } else { 100.0 * (now - low) / width }
    };
    let shares: Vec<f64> = lowest.iter().zip(&highest).zip(now).map(share).collect();
    let later = |column: Column, rows: usize| Column { first: column.first + rows, values: column.values };
    let percent_k = later(sma(&shares, k), length + range - 1);
    let percent_d = later(sma(&percent_k.values, d), percent_k.first);
    [percent_k, percent_d]
}
