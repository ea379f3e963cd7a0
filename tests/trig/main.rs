//! TRIG.* by its written contract, against a real server with the built module. One file per concern.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a broken assumption must stop a test"
)]

#[path = "../support/mod.rs"]
mod support;

mod armings;
mod commands;
mod delivery;
mod durability;
mod expiries;
mod failover;
mod kills;
mod policies;
