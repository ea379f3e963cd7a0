//! The `LIQ.*` family: one file per command.

use crate::ffi::Registration;

/// The family's registry.
pub const COMMANDS: &[Registration] = &[];
