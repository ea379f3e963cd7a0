//! The rate limiter as bytes, in every layout there ever was.

mod v1;

use crate::rl::limiter::{InvalidState, Limiter, Now};
use crate::wire::DecodeError;

/// The layout that is written.
pub const LAYOUT: u8 = 1;

impl From<InvalidState> for DecodeError {
    fn from(state: InvalidState) -> Self {
        Self::Invalid(state.0)
    }
}

/// The limiter in the newest layout; equal limiters give equal bytes.
pub fn encode(limiter: &Limiter) -> Vec<u8> {
    v1::encode(limiter)
}

/// The limiter that `bytes` of the given layout hold, taken over now.
pub fn decode(layout: u8, bytes: &[u8], now: Now) -> Result<Limiter, DecodeError> {
    match layout {
        1 => v1::decode(bytes, now),
        _ => Err(DecodeError::UnknownLayout(layout.into())),
    }
}
