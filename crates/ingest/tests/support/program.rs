//! The program under test, run as a user runs it.

use std::path::Path;
use std::process::{Child, Command, Stdio};

pub use liq_harness::program::{fail, succeed};
use liq_harness::signal::{self, Signal};

/// A command of `liq-ingest` with a state folder, and nothing of this environment that it would read.
pub fn command(state_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_liq-ingest"));
    for (name, _) in std::env::vars().filter(|(name, _)| {
        ["REDIS_", "PERCENTILE", "MIN_LIQ", "VWAP", "LONG_", "SHORT_", "ENABLE_", "LIQ_INGEST"]
            .iter()
            .any(|prefix| name.starts_with(prefix))
    }) {
        command.env_remove(name);
    }
    command.arg("--state-dir").arg(state_dir).stdin(Stdio::null());
    command
}

/// A running program, ended when dropped.
pub struct Running(pub Child);

impl Running {
    #[track_caller]
    pub fn start(command: &mut Command) -> Self {
        Self(command.stdout(Stdio::null()).spawn().expect("the program runs"))
    }

    /// Prints its log, where that goes to a file.
    fn tell(&self) {
        let log = format!("/proc/{}/fd/2", self.0.id());
        if std::fs::metadata(&log).is_ok_and(|facts| facts.is_file()) {
            eprintln!("the program's log:\n{}", std::fs::read_to_string(&log).unwrap_or_default());
        }
    }

    /// Ends it by signal 9.
    pub fn kill(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }

    /// Whether it ended by itself, and well.
    pub fn has_ended(&mut self) -> bool {
        match self.0.try_wait().expect("a child can be asked") {
            Some(status) => {
                assert!(status.success(), "the program ended with {status}");
                true
            }
            None => false,
        }
    }

    /// Asks it to end, as a service manager does, and expects that it ends well.
    #[track_caller]
    pub fn terminate(&mut self) {
        signal::send(&self.0, Signal::TERM);
        let status = self.0.wait().expect("a child can be waited for");
        assert!(status.success(), "the program ended with {status}");
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.tell();
        }
        self.kill();
    }
}
