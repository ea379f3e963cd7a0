//! Exact decimals as those of the crate `rust_decimal`, which callers calculate with, and back (feature `rust_decimal`).
//!
//! What lives here: the conversions. What does not: arithmetic, which is that crate's.

use ::rust_decimal::Decimal as RustDecimal;

use super::{Decimal, DecimalError};

impl From<Decimal> for RustDecimal {
    /// The same number: 18 digits, 15 of them behind the point, fit in its 28.
    fn from(value: Decimal) -> Self {
        Self::from_i128_with_scale(value.mantissa().into(), value.scale().into())
    }
}

impl TryFrom<RustDecimal> for Decimal {
    type Error = DecimalError;

    /// The same number; digits beyond the 15th behind the point and the 18th in all are rounded half to even, as those of
    /// a text are.
    ///
    /// # Errors
    /// [`DecimalError::OutOfRange`] below 0, and from 10^18 on.
    fn try_from(value: RustDecimal) -> Result<Self, DecimalError> {
        let units = u128::try_from(value.mantissa()).map_err(|_| DecimalError::OutOfRange)?;
        let scale = u8::try_from(value.scale()).map_err(|_| DecimalError::OutOfRange)?;
        Self::rounded(units, scale).ok_or(DecimalError::OutOfRange)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_decimal_is_the_same_number_there_and_back(mantissa in 0..10_u64.pow(18), scale in 0..=15_u8) {
            let ours = Decimal::new(mantissa, scale).unwrap();
            let theirs = RustDecimal::from(ours);
            prop_assert_eq!(theirs.to_string(), ours.to_string());
            prop_assert_eq!(Decimal::try_from(theirs), Ok(ours));
        }

        #[test]
        fn any_of_theirs_is_read_as_its_text_is(mantissa in -(1_i128 << 96) + 1..1_i128 << 96, scale in 0..=28_u32) {
            let theirs = RustDecimal::from_i128_with_scale(mantissa, scale);
            prop_assert_eq!(Decimal::try_from(theirs), theirs.to_string().parse());
        }
    }

    #[test]
    fn what_no_decimal_can_be_is_refused() {
        assert_eq!(Decimal::try_from(RustDecimal::NEGATIVE_ONE), Err(DecimalError::OutOfRange));
        assert_eq!(Decimal::try_from(RustDecimal::MAX), Err(DecimalError::OutOfRange));
        assert_eq!(Decimal::try_from(-RustDecimal::ZERO), Ok(Decimal::ZERO));
    }
}
