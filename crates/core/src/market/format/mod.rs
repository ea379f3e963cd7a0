//! How a market is saved, in every layout there ever was, and how decided writes travel.
//!
//! A layout, once released, only ever gets company by a newer one. Decoding treats bytes as hostile: it believes no length
//! before the bytes are there, refuses what no encoder could have written, and rebuilds values through their
//! constructors; derived fields are never read.

pub mod decided;
pub mod triggers;
mod v1;
mod v2;

use crate::market::store::Market;
use crate::wire::DecodeError;

/// The layout that is written.
pub const LAYOUT: u32 = 2;

/// The market in the newest layout; equal markets give equal bytes.
pub fn encode(market: &Market) -> Vec<u8> {
    v2::encode(market)
}

/// The market that `bytes` of the given layout hold.
pub fn decode(layout: u32, bytes: &[u8]) -> Result<Market, DecodeError> {
    match layout {
        1 => v1::decode(bytes),
        2 => v2::decode(bytes),
        _ => Err(DecodeError::UnknownLayout(layout)),
    }
}
