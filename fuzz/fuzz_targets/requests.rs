//! Arbitrary argument lists for every parser: the first byte names the command, line feeds part the arguments.
#![no_main]

#[allow(dead_code, reason = "each target uses one check")]
#[path = "../../crates/core/tests/hostile/checks.rs"]
mod checks;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Some((command, args)) = bytes.split_first() {
        let args: Vec<&[u8]> = args.split(|byte| *byte == b'\n').collect();
        checks::request(*command, &args);
    }
});
