//! The `LIQ.*` family: one file per command.

mod add;
mod alter;
mod argument_docs;
mod create;
mod digest;
mod hist;
mod info;
mod madd;
mod maddpack;
mod memory;
mod naming;
mod pctl;
mod range;
mod rank;
mod reading;
mod recording;
mod replayed;
mod reset;
mod stats;
mod trim;
mod vwap;

use reading::Reading;

use crate::commands::replayed::{Apply, Load};
use crate::ffi::Registration;
use crate::types::liqseries::LiqSeries;

/// The family's registry.
pub static COMMANDS: [Registration; 18] = [
    Registration::of::<create::Create>(),
    Registration::of::<alter::Alter>(),
    Registration::of::<add::Add>(),
    Registration::of::<madd::Madd>(),
    Registration::of::<maddpack::MaddPack>(),
    Registration::of::<Reading<pctl::Pctl>>(),
    Registration::of::<Reading<rank::Rank>>(),
    Registration::of::<Reading<vwap::Vwap>>(),
    Registration::of::<Reading<stats::Stats>>(),
    Registration::of::<Reading<range::Range>>(),
    Registration::of::<Reading<hist::Hist>>(),
    Registration::of::<Reading<digest::Digest>>(),
    Registration::of::<info::Info>(),
    Registration::of::<reset::Reset>(),
    Registration::of::<memory::Memory>(),
    Registration::of::<trim::Trim>(),
    Registration::of::<Apply<LiqSeries>>(),
    Registration::of::<Load<LiqSeries>>(),
];
