//! Which server and which module these tests run: from the environment, else the module of this workspace.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The server's program: `LIQ_TEST_SERVER`, which may hold leading arguments (a loader), else `redis-server`.
pub fn server_command() -> Command {
    let line = std::env::var("LIQ_TEST_SERVER").unwrap_or_else(|_| "redis-server".into());
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("LIQ_TEST_SERVER names no program"));
    command.args(words);
    command
}

/// The module's file: `LIQ_MODULE`, else the one beside this build, built first where it is missing or old.
pub fn module_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("LIQ_MODULE") {
        Some(path) => std::path::absolute(path).expect("LIQ_MODULE is no path"),
        None => build(),
    })
}

fn build() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    let profile_dir = program.parent().and_then(Path::parent).expect("test programs are in <target>/<profile>/deps");
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    cargo.args(["build", "--quiet", "--lib", "--package", "redis-liq-module", "--manifest-path", manifest]);
    if profile_dir.ends_with("release") {
        cargo.arg("--release");
    } else {
        // As the module's own tests build it, so that the two do not take turns in building it anew.
        cargo.args(["--features", "redis-liq-module/fault-injection"]);
    }
    let built = cargo.status().expect("cargo runs").success();
    assert!(built, "the module does not build; set LIQ_MODULE to test another file");
    profile_dir.join("libliq.so")
}
