//! Arbitrary texts of key policies for `checks::policy_text`.
#![no_main]

#[allow(dead_code, reason = "each target uses one check")]
#[path = "../../crates/core/tests/hostile/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| checks::policy_text(bytes));
