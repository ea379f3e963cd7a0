//! Programs that run to their end, as a user runs them.

use std::process::{Command, Output};

/// Runs to the end and expects success; answers standard output.
#[track_caller]
pub fn succeed(command: &mut Command) -> String {
    let Output { status, stdout, stderr } = command.output().expect("the program runs");
    assert!(status.success(), "{status}: {}", String::from_utf8_lossy(&stderr));
    String::from_utf8(stdout).expect("the program prints text")
}

/// Runs to the end and expects failure; answers standard error.
#[track_caller]
pub fn fail(command: &mut Command) -> String {
    let output = command.output().expect("the program runs");
    assert!(!output.status.success(), "it succeeded: {}", String::from_utf8_lossy(&output.stdout));
    String::from_utf8(output.stderr).expect("the program prints text")
}
