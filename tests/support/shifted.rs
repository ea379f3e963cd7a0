//! A server whose wall clock a test sets: a library, compiled here, is preloaded into it.

use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::UNIX_EPOCH;

use crate::support::server::wait_until;
use crate::support::{Client, Options, Server};

/// A second, in microseconds.
const S_US: i64 = 1_000_000;

/// The library that moves a server's clock; built once.
fn library() -> &'static Path {
    static BUILT: OnceLock<(tempfile::TempDir, PathBuf)> = OnceLock::new();
    let build = || {
        let dir = tempfile::tempdir().unwrap();
        let library = dir.path().join("clock_shift.so");
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/clock_shift.c");
        let compiler = std::env::var("CC").unwrap_or_else(|_| "cc".into());
        let built = Command::new(compiler).args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).status();
        assert!(built.expect("a C compiler (CC, cc)").success());
        (dir, library)
    };
    &BUILT.get_or_init(build).1
}

/// A server whose wall clock the test sets.
pub struct Shifted {
    pub server: Server,
    shift: tempfile::NamedTempFile,
}

impl Shifted {
    pub fn start(options: Options) -> Self {
        let shift = tempfile::NamedTempFile::new().unwrap();
        shift.as_file().write_all_at(&0_i64.to_ne_bytes(), 0).unwrap();
        let options = options
            .env("LD_PRELOAD", library().to_str().unwrap())
            .env("CLOCK_SHIFT_FILE", shift.path().to_str().unwrap());
        Self { server: options.start(), shift }
    }

    pub fn connect(&self) -> Client {
        self.server.connect()
    }

    /// Puts the clock this far from the right time, and waits until the server has seen it.
    pub fn set_clock(&self, shift_us: i64) {
        let mut client = self.connect();
        // In place: the server would lose a file that is cut.
        self.shift.as_file().write_all_at(&shift_us.to_ne_bytes(), 0).unwrap();
        wait_until("the server's clock is set", || {
            let now_us = i64::try_from(UNIX_EPOCH.elapsed().unwrap().as_micros()).unwrap();
            let shifted_us = client.time_ms().cast_signed() * 1_000 - now_us;
            (shifted_us - shift_us).abs() < 5 * S_US
        });
    }
}

/// Valkey from 8.1 on loads modules so that they see nothing preloaded.
pub fn sees_nothing_preloaded(shifted: &Shifted) -> bool {
    let told = shifted.connect().run("INFO server").text().contains("valkey_version");
    if told {
        eprintln!("not tested on Valkey: a preloaded clock does not reach its modules");
    }
    told
}
