//! The registry: every command of the module, one line each.

pub mod candle;
mod clock;
mod closes;
mod creation;
mod expiry;
#[cfg(feature = "fault-injection")]
mod fault;
mod fires;
pub mod keys;
pub mod liq;
#[cfg(feature = "bench-noop")]
mod noop;
mod replayed;
pub mod rl;
pub mod tick;
pub mod trig;

use std::ffi::CStr;

use crate::ffi::Registration;

/// Families of commands: the access category they share (`@liq`), and their registry.
pub static FAMILIES: &[(&CStr, &[Registration])] = &[
    (c"liq", &liq::COMMANDS),
    (c"rl", &rl::COMMANDS),
    (c"keys", &keys::COMMANDS),
    (c"tick", &tick::COMMANDS),
    (c"candle", &candle::COMMANDS),
    (c"trig", &trig::COMMANDS),
    #[cfg(feature = "fault-injection")]
    (c"fault", &FAULT),
    #[cfg(feature = "bench-noop")]
    (c"noop", &NOOP),
];

#[cfg(feature = "fault-injection")]
static FAULT: [Registration; 1] = [Registration::of::<fault::Fault>()];
#[cfg(feature = "bench-noop")]
static NOOP: [Registration; 1] = [Registration::of::<noop::Noop>()];
