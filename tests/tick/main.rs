//! TICK.* and CANDLE.* by their written contract, against a real server with the built module. One file per concern.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption must stop a test"
)]

#[path = "../support/mod.rs"]
mod support;

mod candles;
mod closes;
mod commands;
mod durability;
mod feeding;
mod hostile_dumps;
mod memory_modes;
mod refusals;
mod venue_rows;
