//! The `LIQ.*` family: one file per command.

mod add;
mod alter;
mod apply;
mod argument_docs;
mod create;
mod digest;
mod expiry;
mod hist;
mod info;
mod load;
mod madd;
mod maddpack;
mod pctl;
mod range;
mod rank;
mod reading;
mod recording;
mod reset;
mod stats;
mod vwap;

use crate::ffi::Registration;

/// The family's registry.
pub const COMMANDS: &[Registration] = &[
    Registration::of::<create::Create>(),
    Registration::of::<alter::Alter>(),
    Registration::of::<add::Add>(),
    Registration::of::<madd::Madd>(),
    Registration::of::<maddpack::MaddPack>(),
    Registration::of::<pctl::Pctl>(),
    Registration::of::<rank::Rank>(),
    Registration::of::<vwap::Vwap>(),
    Registration::of::<stats::Stats>(),
    Registration::of::<range::Range>(),
    Registration::of::<hist::Hist>(),
    Registration::of::<digest::Digest>(),
    Registration::of::<info::Info>(),
    Registration::of::<reset::Reset>(),
    Registration::of::<apply::Apply>(),
    Registration::of::<load::Load>(),
];
