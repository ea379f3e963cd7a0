//! Arbitrary argument lists for `history::arguments`.
#![no_main]

#[allow(dead_code, clippy::expect_used, clippy::indexing_slicing, reason = "each target uses one of them, and stops at surprises")]
#[path = "../../crates/core/tests/market/history.rs"]
mod history;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| history::arguments(bytes));
