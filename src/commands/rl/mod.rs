//! The `RL.*` family, one file per command, and redis-cell's command.

mod apply;
mod argument_docs;
mod ban;
mod check;
mod create;
mod info;
mod keep;
mod load;
mod peek;
mod reset;
mod sync;
mod throttle;

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
    Registration::of::<apply::Apply>(),
    Registration::of::<load::Load>(),
];

/// Registered with `liq.cell-compat yes`, unless another module has it.
pub static CELL_THROTTLE: Registration = Registration::of::<throttle::Throttle>();
