//! BullMQ in a Node process of its own, told by lines.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use liq_harness::Server;

use crate::measure::cpu;

/// Pushes, then works everything off; server CPU of each, microseconds a job. Nothing without Node and its packages.
pub fn round(server: &Server, jobs: u64, batch: usize) -> Option<[f64; 2]> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"));
    if !folder.join("node_modules/bullmq").is_dir() {
        return None;
    }
    let mut command = Command::new("node");
    command.arg("bullmq.js").arg(server.socket()).current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = command.spawn().ok()?;
    let (mut input, mut lines) = (node.stdin.take()?, BufReader::new(node.stdout.take()?).lines());
    let name = format!("bull{}", fastrand::u32(..));
    let told = ["push", "work"].map(|what| {
        let before = cpu(server);
        writeln!(input, "{what} {name} {jobs} {batch}").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "done");
        (cpu(server) - before) * 1e6 / jobs as f64
    });
    drop(input);
    node.wait().unwrap();
    Some(told)
}
