//! `LIQ.HIST key [WINDOW d] [SIDE s] [AT ts]`

use super::Scope;
use crate::grammar::{Args, RequestError};

/// The arguments of `LIQ.HIST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Hist {
    /// Which events count.
    pub scope: Scope,
}

impl Hist {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        Ok(Self { scope: Scope::take_all(&mut args)? })
    }

    /// The inverse of [`Hist::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        self.scope.push_args(&mut out);
        out
    }
}
