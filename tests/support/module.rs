//! Which server and which module the tests run: from the environment, else the ones beside the test program.

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

/// The module's file: `LIQ_MODULE`, else the one of this build, which is brought up to date first: cargo itself does
/// not build a cdylib for a test program.
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
    let release = profile_dir.ends_with("release");
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    cargo.args(["build", "--quiet", "--lib", "--manifest-path", concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")]);
    // The command that panics on request never gets into a release file, where it could be taken for the product.
    if release {
        cargo.arg("--release");
    } else {
        cargo.args(["--features", "fault-injection"]);
    }
    let built = cargo.status().expect("cargo runs").success();
    assert!(built, "the module does not build; set LIQ_MODULE to test another file");
    profile_dir.join("libliq.so")
}
