//! Arbitrary histories of a series for `history::run`.
#![no_main]

#[path = "../../crates/core/tests/operations/history.rs"]
mod history;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| history::run(bytes));
