//! The `CANDLE.*` family: one file per command.

mod put;
mod range;

use crate::ffi::Registration;

/// The family's registry.
pub static COMMANDS: [Registration; 2] = [Registration::of::<put::Put>(), Registration::of::<range::Range>()];
