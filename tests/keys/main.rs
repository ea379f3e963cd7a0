//! The commands KEYS.* and the policies, against a real server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

#[path = "../support/mod.rs"]
mod support;

mod audits;
mod command_table;
mod grown;
mod guests;
mod guide;
mod policies;
mod shapes;
mod steps;
mod swaps;
mod walks;
