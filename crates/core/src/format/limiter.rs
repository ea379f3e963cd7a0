//! The rate limiter as bytes, in every layout there ever was.

use std::fmt;

use super::limiter_v1;
use crate::limiter::{InvalidState, Limiter};

/// The layout that is written.
pub const LAYOUT: u8 = 1;

/// Why bytes are no limiter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecodeError {
    /// The layout is newer than this code.
    UnknownLayout(u8),
    /// The bytes end too early.
    Truncated,
    /// Bytes are left over.
    Trailing,
    /// A number stands where it has no meaning.
    Invalid(&'static str),
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownLayout(layout) => write!(f, "limiter layout {layout} is unknown"),
            Self::Truncated => f.write_str("limiter bytes end too early"),
            Self::Trailing => f.write_str("limiter bytes go on behind the end"),
            Self::Invalid(what) => write!(f, "limiter bytes are invalid: {what}"),
        }
    }
}

impl std::error::Error for DecodeError {}

impl From<InvalidState> for DecodeError {
    fn from(state: InvalidState) -> Self {
        Self::Invalid(state.0)
    }
}

/// The limiter in the newest layout; equal limiters give equal bytes.
pub fn encode(limiter: &Limiter) -> Vec<u8> {
    limiter_v1::encode(limiter)
}

/// The limiter that `bytes` of the given layout hold.
pub fn decode(layout: u8, bytes: &[u8]) -> Result<Limiter, DecodeError> {
    match layout {
        1 => limiter_v1::decode(bytes),
        _ => Err(DecodeError::UnknownLayout(layout)),
    }
}
