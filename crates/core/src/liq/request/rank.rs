//! `LIQ.RANK key size [size …] [WINDOW d] [SIDE s] [AT ts]`

use super::Scope;
use super::pctl::questions;
use crate::grammar::{Args, RequestError, format_real, real};
use crate::liq::series::SIZE_RANGE;

/// The arguments of `LIQ.RANK`.
#[derive(Debug, Clone, PartialEq)]
pub struct Rank {
    /// The sizes to rank, quote currency; 1 … 1000.
    pub sizes: Vec<f64>,
    /// Which events count.
    pub scope: Scope,
}

impl Rank {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let sizes = questions("size", &mut args, |name, text| real(name, text, &SIZE_RANGE))?;
        Ok(Self { sizes, scope: Scope::take_all(&mut args)? })
    }

    /// The inverse of [`Rank::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out: Vec<_> = self.sizes.iter().map(|size| format_real(*size).into_bytes()).collect();
        self.scope.push_args(&mut out);
        out
    }
}
