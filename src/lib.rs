//! The redis-liq module: registers what the other files define, and decides nothing itself.

pub mod commands;
pub mod config;
pub mod ffi;
pub mod hash_slot;
pub mod info;
pub mod keyspace;
pub mod refusal;
pub mod reply;
pub mod scratch;
pub mod signals;
pub mod types;

/// Registers everything with the server that loads the module, or says why not.
fn load(server: &ffi::Loader<'_>) -> Result<(), String> {
    config::register(server)?;
    server.data_type::<types::liqseries::LiqSeries>()?;
    for (family, registrations) in commands::FAMILIES {
        server.commands(family, registrations)?;
    }
    server.info::<info::LiqSection>()
}
