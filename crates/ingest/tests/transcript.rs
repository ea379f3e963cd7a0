//! The transcripts of the documentation are what the program and the server really print.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::path::Path;
use std::process::Command;

use support::program;
use support::{Server, url_of};

#[test]
fn the_transcript_of_the_documentation_is_true() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    // What the README shows anybody can follow; the page shows a recording that lies outside of the project.
    let recordings = root.join("../shared/data/liquidations");
    for page in ["README.md", "docs/ingest.md"] {
        if page != "README.md" && !recordings.is_dir() {
            println!("skipped {page}: no recordings in ../shared/data");
            continue;
        }
        let text = std::fs::read_to_string(root.join(page)).unwrap();
        let blocks = text.split("```console\n").skip(1).map(|rest| rest.split("```").next().unwrap());
        let commands: usize = blocks.map(|block| check(block, &recordings)).sum();
        assert!(commands >= 3, "{page} has a transcript");
    }
}

/// Runs the commands of a block one after another on a fresh server; answers how many.
fn check(block: &str, recordings: &Path) -> usize {
    let (server, folder, here) = (Server::start(), tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for entry in std::fs::read_dir(recordings).into_iter().flatten().map(Result::unwrap) {
        std::os::unix::fs::symlink(entry.path().canonicalize().unwrap(), here.path().join(entry.file_name())).unwrap();
    }
    let mut commands = 0;
    for part in block.split("$ ").skip(1) {
        let (line, expected) = part.split_once('\n').unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let shown = match words[0] {
            "liq-ingest" => {
                let mut command = program::command(folder.path());
                command.args(["--redis-url", &url_of(&server)]).args(&words[1..]).current_dir(here.path());
                program::succeed(&mut command)
            }
            "redis-cli" => {
                let mut command = Command::new("redis-cli");
                command.arg("-s").arg(server.dir().join("socket")).args(&words[1..]);
                program::succeed(&mut command)
            }
            other => panic!("no such command: {other}"),
        };
        assert_eq!(shown.lines().count(), expected.lines().count(), "{line}: {shown}");
        for (shown, expected) in shown.lines().zip(expected.lines()) {
            let matches = match expected.strip_suffix("...") {
                Some(beginning) => shown.starts_with(beginning),
                None => shown == expected,
            };
            assert!(matches, "{line}: {shown} is not {expected}");
        }
        commands += 1;
    }
    commands
}
