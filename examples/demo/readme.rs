//! The README shows what the demo prints.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a broken assumption must stop the test")]

use std::process::{Command, Stdio};

/// What the demo prints without a terminal.
fn demo_output() -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_demo"))
        .env("LIQ_MODULE", liq_harness::module::module_path())
        .stdin(Stdio::null())
        .output()
        .expect("the demo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("the demo prints text")
}

/// The lines of the demo's output without what differs from run to run: the server's version and port, how long the
/// replay took, and the farewell, which depends on whether there is a terminal.
fn steady_lines(output: &str) -> Vec<String> {
    let steady = |line: &str| match line {
        _ if line.contains("127.0.0.1") || line.contains("redis-cli -p") => line.replace(char::is_numeric, ""),
        _ => line.split(", in ").next().unwrap_or_default().to_owned(),
    };
    output.lines().filter(|line| !line.is_empty() && !line.contains("server ")).map(steady).collect()
}

#[test]
fn the_demo_prints_what_the_readme_shows() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../README.md")).unwrap();
    let (_, rest) = readme.split_once("```demo\n").expect("the README shows the demo");
    let (shown, _) = rest.split_once("```\n").expect("the block ends");
    assert_eq!(steady_lines(shown), steady_lines(&demo_output()));
}
