//! The redis-liq module: registers what the other files define, and decides nothing itself.

pub mod audits;
pub mod commands;
pub mod commit;
pub mod config;
pub mod ffi;
pub mod hash_slot;
pub mod info;
pub mod keyspace;
pub mod limit;
mod markets;
pub mod memory;
pub mod policies;
pub mod refusal;
pub mod reply;
pub mod signals;
pub mod streams;
pub mod totals;
pub mod types;

use liq_core::rl::limiter::Limiter;

static MODULE: ffi::Module = ffi::Module { name: c"liq", version: 100, load };

ffi::entry_point!(MODULE);

/// Registers everything with the server that loads the module, or says why not.
fn load(server: &ffi::Loader<'_>) -> Result<(), String> {
    config::register(server)?;
    server.data_type::<types::liqseries::LiqSeries>()?;
    server.data_type::<Limiter>()?;
    server.data_type::<types::tickstore::TickStore>()?;
    for (family, registrations) in commands::FAMILIES {
        server.commands(family, registrations)?;
    }
    if config::cell_compat() && !server.command_unless_taken(&commands::rl::CELL_THROTTLE) {
        ffi::log_anywhere(ffi::Level::Notice, "liq: CL.THROTTLE is left to the module that has it");
    }
    server.info::<info::LiqSection>()?;
    server.begin::<memory::Watch>(config::all())
}
