//! The `TRIG.*` family: one file per command.

mod argument_docs;
mod del;
mod list;
mod set;
mod writing;

use crate::ffi::Registration;

/// The family's registry.
pub static COMMANDS: [Registration; 3] =
    [Registration::of::<set::Set>(), Registration::of::<del::Del>(), Registration::of::<list::List>()];
