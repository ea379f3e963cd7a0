//! Another module beside ours, in C: see `neighbour.c` for its commands.

use std::path::Path;
use std::process::Command;

use super::module::load_line;

/// The line of `redis.conf` that loads the module, which is compiled into `folder`.
#[track_caller]
pub fn line(folder: &Path) -> String {
    let library = folder.join("neighbour.so");
    let mut compiler = Command::new("cc");
    compiler.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library);
    compiler.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/neighbour.c"));
    assert!(compiler.status().expect("a C compiler is there").success(), "the neighbour does not compile");
    load_line(&library, "")
}
