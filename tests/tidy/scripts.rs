//! The scripts on machines that lack something, played with a PATH of stand-ins.

use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Output};

use crate::sources::root;

/// Programs of a minimal system that `scripts/prepare` itself needs.
const NEEDED: [&str; 8] = ["bash", "cut", "dirname", "env", "head", "sed", "sort", "printf"];

/// A folder that is the whole PATH: links to what is needed, and scripts that pretend.
fn path_of(pretended: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for program in NEEDED {
        let found = ["/usr/bin", "/bin"].map(|place| Path::new(place).join(program)).into_iter().find(|it| it.exists());
        if let Some(found) = found {
            symlink(found, folder.path().join(program)).unwrap();
        }
    }
    for (name, script) in pretended {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    folder
}

fn prepare(path: &tempfile::TempDir, purpose: &str) -> (bool, String) {
    let mut command = Command::new("/bin/bash");
    command.arg(root().join("scripts/prepare")).arg(purpose).env_clear().env("PATH", path.path());
    let Output { status, stdout, stderr } = command.output().unwrap();
    (status.success(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

#[test]
fn an_old_rust_is_named_with_the_one_that_is_needed() {
    let wanted = env!("CARGO_PKG_RUST_VERSION");
    let (prepared, said) = prepare(&path_of(&[("cargo", "echo 'cargo 1.63.0 (abc 2022-07-01)'")]), "build");
    assert!(!prepared && said.contains(wanted) && said.contains("this is 1.63.0"), "{said}");
    let (prepared, said) = prepare(&path_of(&[]), "build");
    assert!(!prepared && said.contains(wanted) && said.contains("rustup.rs"), "{said}");
    for page in ["README.md", "CONTRIBUTING.md"] {
        let text = std::fs::read_to_string(root().join(page)).unwrap();
        assert!(text.contains(&format!("{wanted} or newer")), "{page} says which Rust is needed");
    }
}

#[test]
fn without_sudo_the_packages_are_named() {
    let as_user = [("id", "echo 1000"), ("apt-get", "echo must not run; exit 1"), ("apt-cache", "exit 1")];
    let (prepared, said) = prepare(&path_of(&as_user), "server");
    assert!(!prepared && said.contains("as root: apt-get install redis-server redis-tools"), "{said}");
    assert!(!said.contains("command not found") && !said.contains("must not run"), "{said}");
}
