//! A percentile before the smallest and the largest size of its window are known.

use super::Scale;

/// A percentile, as far as the order of sizes tells it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Estimate {
    /// This is it.
    Size(f64),
    /// It lies in this bucket of this scale, the lowest or the highest occupied one, where the smallest and the largest size bound it.
    Outermost(Scale, u16),
}

impl Estimate {
    /// The percentile, given the smallest and the largest size.
    pub fn within(self, (min, max): (f64, f64)) -> f64 {
        let middle = match self {
            Self::Size(size) => return size,
            // A bucket off the scale has no midpoint; all that is known of it is that it holds an end of the range.
            Self::Outermost(scale, bucket) if bucket == 0 || bucket + 1 == scale.buckets() => scale.low(bucket),
            Self::Outermost(scale, bucket) => scale.midpoint(bucket),
        };
        middle.max(min).min(max)
    }
}
