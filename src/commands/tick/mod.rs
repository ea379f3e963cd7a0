//! The `TICK.*` family: one file per command.

mod add;
mod alter;
mod argument_docs;
mod create;
mod feeding;
mod info;
mod last;
mod madd;
mod quote;
mod range;
mod replayed;

use crate::commands::replayed::{Apply, Load};
use crate::ffi::Registration;
use crate::types::tickstore::TickStore;

/// The family's registry.
pub static COMMANDS: [Registration; 10] = [
    Registration::of::<create::Create>(),
    Registration::of::<alter::Alter>(),
    Registration::of::<add::Add>(),
    Registration::of::<madd::Madd>(),
    Registration::of::<quote::Quote>(),
    Registration::of::<last::Last>(),
    Registration::of::<range::Range>(),
    Registration::of::<info::Info>(),
    Registration::of::<Apply<TickStore>>(),
    Registration::of::<Load<TickStore>>(),
];
