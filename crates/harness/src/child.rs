//! Processes of a test's own: the test program starts itself again, for one test function that is a child's body.
//!
//! ```no_run
//! // In a test program; with nobody's child the body does nothing.
//! #[test]
//! fn reader_process() {
//!     let Some(args) = liq_harness::child::args("reader_process") else { return };
//!     liq_harness::child::say(&format!("read from {}", args[0]));
//! }
//!
//! #[test]
//! fn four_processes_read() {
//!     let mut readers: Vec<_> = (0..4).map(|_| liq_harness::Child::start("reader_process", &["a url"])).collect();
//!     for reader in &mut readers {
//!         assert_eq!(reader.hear(), "read from a url");
//!         reader.finish();
//!     }
//! }
//! ```

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use crate::signal::{self, Signal};

/// What names the child's body, and holds its arguments, between the two processes.
const ROLE: &str = "LIQ_HARNESS_CHILD";
const ARGS: &str = "LIQ_HARNESS_ARGS";
/// Begins a line that is for the parent: the test program prints lines of its own. Behind a line break, as the name
/// of the running test stands in front.
const MARK: &str = "@liq ";
/// Between arguments.
const UNIT: char = '\u{1f}';
/// How long a child may be silent; generous, as a slow machine is no failure.
const PATIENCE: Duration = Duration::from_secs(180);

/// The arguments of this process when it is a child that runs `body`.
pub fn args(body: &str) -> Option<Vec<String>> {
    let role = std::env::var(ROLE).ok()?;
    (role == body).then(|| std::env::var(ARGS).unwrap_or_default().split(UNIT).map(str::to_owned).collect())
}

/// Says a line to the parent.
pub fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    // A parent that is gone hears nothing; the child ends by its own plan.
    let _ = writeln!(out, "\n{MARK}{line}").and_then(|()| out.flush());
}

/// A line the parent said, or none when it is gone.
pub fn hear() -> Option<String> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line).unwrap_or(0);
    (read > 0).then(|| line.trim_end().to_owned())
}

/// A running child, ended by signal 9 when dropped.
pub struct Child {
    process: std::process::Child,
    input: ChildStdin,
    lines: Receiver<String>,
}

impl Child {
    /// Starts this test program again, for the test function `body` of it (its whole path: `cache::reader_process`).
    #[track_caller]
    pub fn start(body: &str, args: &[&str]) -> Self {
        let mut command = Command::new(std::env::current_exe().expect("this program has a path"));
        command.args([body, "--exact", "--nocapture", "--test-threads", "1"]);
        // The function's own name is what its body asks for.
        command.env(ROLE, body.rsplit("::").next().unwrap_or(body)).env(ARGS, args.join(&UNIT.to_string()));
        Self::spawn(&mut command)
    }

    #[track_caller]
    fn spawn(command: &mut Command) -> Self {
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("the program runs");
        let input = process.stdin.take().expect("piped");
        let lines = listen(process.stdout.take().expect("piped"));
        Self { process, input, lines }
    }

    /// Says a line to the child.
    #[track_caller]
    pub fn say(&mut self, line: &str) {
        writeln!(self.input, "{line}").and_then(|()| self.input.flush()).expect("the child listens");
    }

    /// The next line the child says; fails when it ends instead.
    #[track_caller]
    pub fn hear(&mut self) -> String {
        match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("the child says nothing"),
            Err(RecvTimeoutError::Disconnected) => panic!("the child ended without a word"),
        }
    }

    /// What the child has said by now, or nothing.
    pub fn heard(&mut self) -> Option<String> {
        self.lines.try_recv().ok()
    }

    /// What the child, which was killed, said before it died, of what was not heard yet.
    pub fn last_words(&mut self) -> Vec<String> {
        std::iter::from_fn(|| self.lines.recv_timeout(PATIENCE).ok()).collect()
    }

    /// Sends a signal.
    #[track_caller]
    pub fn signal(&self, signal: Signal) {
        signal::send(&self.process, signal);
    }

    /// Ends it by signal 9.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Waits until it ends by itself, and expects that it ends well.
    #[track_caller]
    pub fn finish(mut self) {
        while self.lines.recv_timeout(PATIENCE).is_ok() {}
        let status = self.process.wait().expect("a child can be waited for");
        assert!(status.success(), "the child ended with {status}");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn listen(output: ChildStdout) -> Receiver<String> {
    let (sender, lines) = channel();
    std::thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            let Some(said) = line.strip_prefix(MARK) else { continue };
            if sender.send(said.to_owned()).is_err() {
                return;
            }
        }
    });
    lines
}
