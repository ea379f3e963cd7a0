//! Signals to processes that a test started, sent by the system call.

use std::process::Child;

pub use rustix::process::Signal;
use rustix::process::{Pid, kill_process};

/// Sends `signal` to a child that was not waited for yet: its number is its own until then.
#[track_caller]
pub fn send(child: &Child, signal: Signal) {
    kill_process(Pid::from_child(child), signal).expect("a child that was not waited for takes signals");
}
