//! Arbitrary bytes for `checks::events_payload`.
#![no_main]

#[allow(dead_code, reason = "each target uses one check")]
#[path = "../../crates/core/tests/hostile/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::events_payload(bytes));
