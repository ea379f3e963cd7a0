//! `make bench`: speed and size of the module in a real server, as ratios to SET measured in the same run.
//!
//! Nothing is asserted: figures depend on the machine. What is wanted is printed beside what was measured.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a benchmark")]

#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../../examples/demo/table.rs"]
mod table;

#[path = "../load/mod.rs"]
mod load;

mod accuracy;
mod keys;
mod limits;
mod markets;
mod memory;
mod orders;
mod rivals;
mod rows;
mod slowlog;
mod speed;
mod triggers;
mod worst;

fn main() {
    // cargo passes --bench; other words choose parts of the run.
    let chosen: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let parts: [(&str, fn()); 8] = [
        ("speed", speed::run),
        ("limits", limits::run),
        ("keys", keys::run),
        ("markets", markets::run),
        ("worst", worst::run),
        ("rows", rows::run),
        ("memory", memory::run),
        ("accuracy", accuracy::run),
    ];
    for (name, run) in parts {
        if chosen.is_empty() || chosen.iter().any(|part| part == name) {
            run();
        }
    }
}
