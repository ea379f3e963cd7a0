//! Which server and which module the tests run: from the environment, else the ones beside the test program.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The root of the repository.
const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// The server's program: `LIQ_TEST_SERVER`, which may hold leading arguments (a loader), else `redis-server`.
pub fn server_command() -> Command {
    let line = std::env::var("LIQ_TEST_SERVER").unwrap_or_else(|_| "redis-server".into());
    let mut words = line.split_whitespace();
    let mut command = Command::new(words.next().expect("LIQ_TEST_SERVER names no program"));
    command.args(words);
    command
}

/// The module's file: `LIQ_MODULE`, from here or from the root of the repository, else the one of this build, which is
/// brought up to date first: cargo itself does not build a cdylib for a test program.
pub fn module_path() -> &'static Path {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| match std::env::var_os("LIQ_MODULE") {
        Some(path) => {
            // Cargo runs the tests of a crate in that crate's folder.
            let places = [PathBuf::from(&path), Path::new(ROOT).join(&path)];
            let found = places.iter().find_map(|place| place.canonicalize().ok());
            found.expect("LIQ_MODULE is the path of a file")
        }
        None => build(),
    })
}

/// The line of `redis.conf` that loads the module at `path`, whatever its name holds, with arguments.
pub fn load_line(path: &Path, arguments: &str) -> String {
    let path = path.display().to_string().replace('\\', "\\\\").replace('"', "\\\"");
    format!("loadmodule \"{path}\" {arguments}")
}

fn build() -> PathBuf {
    let program = std::env::current_exe().expect("this program has a path");
    let profile_dir = program.parent().and_then(Path::parent).expect("test programs are in <target>/<profile>/deps");
    let mut cargo = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    let manifest = Path::new(ROOT).join("Cargo.toml");
    cargo.args(["build", "--quiet", "--lib", "--package", "redis-liq-module", "--manifest-path"]).arg(manifest);
    // The command that panics on request never gets into a release file, where it could be taken for the product.
    if profile_dir.ends_with("release") {
        cargo.arg("--release");
    } else {
        cargo.args(["--features", "redis-liq-module/fault-injection"]);
    }
    let built = cargo.status().expect("cargo runs").success();
    assert!(built, "the module does not build; set LIQ_MODULE to test another file");
    profile_dir.join("libliq.so")
}
