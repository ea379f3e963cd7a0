//! The `RL.*` family, one file per command, and redis-cell's command.

mod argument_docs;
mod ban;
mod check;
mod create;
mod info;
mod keep;
mod peek;
mod replayed;
mod reset;
mod sync;
mod throttle;

use liq_core::rl::limiter::Limiter;

use crate::commands::replayed::{Apply, Load};
use crate::ffi::Registration;

/// The family's registry.
pub static COMMANDS: [Registration; 9] = [
    Registration::of::<check::Check>(),
    Registration::of::<create::Create>(),
    Registration::of::<peek::Peek>(),
    Registration::of::<info::Info>(),
    Registration::of::<reset::Reset>(),
    Registration::of::<sync::Sync>(),
    Registration::of::<ban::Ban>(),
    Registration::of::<Apply<Limiter>>(),
    Registration::of::<Load<Limiter>>(),
];

/// Registered with `liq.cell-compat yes`, unless another module has it.
pub static CELL_THROTTLE: Registration = Registration::of::<throttle::Throttle>();
