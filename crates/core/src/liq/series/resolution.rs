//! How finely a series tells sizes apart while memory is short. Events are never given up: what goes is how many of them
//! are raw, and how finely their sizes are told apart.

use super::{Options, Resolution};

/// No mode makes a series coarser than this; settings do not either.
const COARSEST_PRECISION: u8 = 4;

/// Mantissa bits by which a series with these settings tells sizes apart: one step of precision fewer in compact, two in
/// aggregate.
pub fn precision(resolution: Resolution, options: &Options) -> u8 {
    options.precision.saturating_sub(resolution.index()).max(COARSEST_PRECISION)
}
