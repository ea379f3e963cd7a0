//! The `KEYS.*` family, one file per command.

mod audit;
mod policy;

use crate::ffi::Registration;

/// The family's registry.
pub static COMMANDS: [Registration; 2] =
    [Registration::of::<policy::KeysPolicy>(), Registration::of::<audit::KeysAudit>()];
