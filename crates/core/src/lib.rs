//! The pure core of redis-liq.
//!
//! What lives here: what the commands' families are about, a folder each, with their arguments, replies and frozen disk
//! layouts; and below them the words (`grammar`), the bytes (`wire`) and the settings that families share. What does not: Redis,
//! the clock, I/O, logging. Time is always an argument.
#![forbid(unsafe_code)]

pub mod batches;
pub mod grammar;
pub mod heap;
pub mod keys;
pub mod liq;
pub mod market;
pub mod memory;
pub mod panes;
pub mod relocation;
pub mod rl;
pub mod settings;
pub mod steps;
pub mod wire;
