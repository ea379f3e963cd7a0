//! The `CANDLE.*` family: one file per command.

mod range;

use crate::ffi::Registration;

/// The family's registry.
pub static COMMANDS: [Registration; 1] = [Registration::of::<range::Range>()];
