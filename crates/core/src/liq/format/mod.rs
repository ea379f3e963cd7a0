//! How a series is saved, in every layout there ever was, and how decided writes travel.
//!
//! A layout, once released, only ever gets company by a newer one. Decoding treats bytes as hostile: it believes no length
//! before the bytes are there, refuses what no encoder could have written, and rebuilds values through their
//! constructors; derived fields are never read.

pub mod decided;
mod v1;
mod v2;

use crate::liq::series::Series;
use crate::wire::DecodeError;

/// The layout that is written.
pub const LAYOUT: u32 = 2;

/// The series in the newest layout; equal series give equal bytes.
pub fn encode(series: &Series) -> Vec<u8> {
    v2::encode(series)
}

/// The series that `bytes` of the given layout hold.
pub fn decode(layout: u32, bytes: &[u8]) -> Result<Series, DecodeError> {
    match layout {
        1 => v1::decode(bytes),
        2 => v2::decode(bytes),
        _ => Err(DecodeError::UnknownLayout(layout)),
    }
}
