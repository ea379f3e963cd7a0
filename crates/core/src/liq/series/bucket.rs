//! The scale of sizes: which bucket a size falls into, and where buckets begin and end.
//!
//! A bucket is the exponent and the top K mantissa bits of a double, so that finding it is a shift and a subtraction:
//! no logarithm, and the same answer on every CPU and libc. Bucket i at K is bucket i/2 at K − 1, bit for bit.

use super::SIZE_RANGE;

const MANTISSA_BITS: u32 = 52;
const EXPONENT_BIAS: u64 = 1023;
/// Buckets begin at 2^-7 …
const LOWEST_EXPONENT: u64 = 7;
/// … and span this many octaves, up to 2^33.
const OCTAVES: u16 = 40;

/// Buckets of K = 4 … 8 mantissa bits; the coarser scale is the lesser.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Scale {
    precision: u8,
}

impl Scale {
    /// The scale of the most buckets.
    pub const FINEST: Self = Self { precision: 8 };

    /// A scale of `precision` mantissa bits, brought within 4 … 8.
    pub fn new(precision: u8) -> Self {
        Self { precision: precision.clamp(4, 8) }
    }

    /// How many mantissa bits it looks at.
    pub const fn precision(self) -> u8 {
        self.precision
    }

    /// How many halvings lead from this scale to `coarser`: bucket `b` here is `b >> n` there.
    pub const fn halvings_to(self, coarser: Self) -> u32 {
        self.precision.saturating_sub(coarser.precision) as u32
    }

    /// How many buckets there are.
    pub fn buckets(self) -> u16 {
        OCTAVES << self.precision
    }

    /// The bucket of a positive size; sizes outside [2^-7, 2^33) fall into the end buckets.
    pub fn bucket(self, size: f64) -> u16 {
        let place = (size.to_bits() >> (MANTISSA_BITS - u32::from(self.precision))).saturating_sub(self.base());
        place.min(u64::from(self.buckets()) - 1) as u16
    }

    /// Lower edge; that of the first bucket is 0, since all that is smaller falls into it.
    pub fn low(self, bucket: u16) -> f64 {
        if bucket == 0 { 0.0 } else { self.edge(bucket) }
    }

    /// Upper edge; that of the last bucket is the largest size there is.
    pub fn high(self, bucket: u16) -> f64 {
        if bucket + 1 >= self.buckets() { *SIZE_RANGE.end() } else { self.edge(bucket + 1) }
    }

    /// The value that stands for a bucket: the harmonic midpoint of its edges, whose relative distance to either is the
    /// same, 2^-(K+1) at most.
    pub fn midpoint(self, bucket: u16) -> f64 {
        let (low, high) = (self.edge(bucket), self.edge(bucket + 1));
        2.0 * low * high / (low + high)
    }

    fn edge(self, bucket: u16) -> f64 {
        f64::from_bits((u64::from(bucket) + self.base()) << (MANTISSA_BITS - u32::from(self.precision)))
    }

    fn base(self) -> u64 {
        (EXPONENT_BIAS - LOWEST_EXPONENT) << self.precision
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_size_lies_in_its_bucket_and_near_its_midpoint(exponent in -7.0_f64..33.0, precision in 4_u8..=8) {
            let (scale, size) = (Scale::new(precision), exponent.exp2());
            let bucket = scale.bucket(size);
            prop_assert!(scale.edge(bucket) <= size && size < scale.edge(bucket + 1));
            let error = (scale.midpoint(bucket) - size).abs() / size;
            prop_assert!(error <= (-f64::from(precision) - 1.0).exp2(), "{error}");
        }

        #[test]
        fn a_coarser_scale_halves_the_bucket(exponent in -40.0_f64..50.0, precision in 5_u8..=8) {
            let size = exponent.exp2();
            prop_assert_eq!(Scale::new(precision).bucket(size) / 2, Scale::new(precision - 1).bucket(size));
        }
    }

    #[test]
    fn what_is_off_the_scale_falls_into_the_end_buckets() {
        let scale = Scale::new(7);
        assert_eq!((scale.bucket(1e-9), scale.bucket(1e15)), (0, scale.buckets() - 1));
        assert_eq!((scale.low(0), scale.high(scale.buckets() - 1)), (0.0, 1e15));
    }
}
