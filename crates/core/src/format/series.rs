//! A series as bytes, in every layout there ever was.

use super::{DecodeError, series_v1};
use crate::series::Series;

/// The layout that is written.
pub const LAYOUT: u32 = 1;

/// The series in the newest layout; equal series give equal bytes.
pub fn encode(series: &Series) -> Vec<u8> {
    series_v1::encode(series)
}

/// The series that `bytes` of the given layout hold.
pub fn decode(layout: u32, bytes: &[u8]) -> Result<Series, DecodeError> {
    match layout {
        1 => series_v1::decode(bytes),
        _ => Err(DecodeError::UnknownLayout(layout)),
    }
}
