//! The reply of `KEYS.AUDIT STATUS`.

use crate::wire::{Decode, Encode, Malformed, Sink, Source, map_reply};

/// Whether an audit is under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AuditState {
    /// None is.
    #[default]
    Idle,
    /// One is.
    Running,
}

impl AuditState {
    const fn name(self) -> &'static str {
        match self {
            Self::Idle => "idle",
            Self::Running => "running",
        }
    }
}

impl Encode for AuditState {
    fn encode(&self, sink: &mut impl Sink) {
        sink.text(self.name());
    }
}

impl Decode for AuditState {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let states = [Self::Idle, Self::Running];
        source.word("a state", |word| states.into_iter().find(|state| state.name().as_bytes() == word))
    }
}

map_reply! {
    /// How far the running audit is, or how far the last one came.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub struct AuditStatus {
        /// Whether one is under way.
        state: AuditState = "state",
        /// The database it is in.
        db: u64 = "db",
        /// Keys it has seen.
        scanned: u64 = "scanned",
        /// Percent of the keys that were there when it began, at most 100.
        progress_pct: f64 = "progress",
        /// When it began, Unix milliseconds. `None` before the first.
        started_ms: Option<u64> = "started",
        /// CPU it took, milliseconds.
        cpu_ms: u64 = "cpu_ms",
        /// CPU of its longest slice, microseconds.
        longest_us: u64 = "longest_us",
        /// Expiries it gave.
        given: u64 = "given",
        /// Expiries it brought forward.
        shortened: u64 = "shortened",
        /// Keys written that were left to an audit, since the module was loaded: too many in one step.
        dropped: u64 = "dropped",
        /// When the last complete one ended, Unix milliseconds.
        last_ms: Option<u64> = "last",
    }
}

impl AuditStatus {
    /// That of a server on which no audit ran.
    pub const fn none() -> Self {
        Self {
            state: AuditState::Idle,
            db: 0,
            scanned: 0,
            progress_pct: 0.0,
            started_ms: None,
            cpu_ms: 0,
            longest_us: 0,
            given: 0,
            shortened: 0,
            dropped: 0,
            last_ms: None,
        }
    }
}
