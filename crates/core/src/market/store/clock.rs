//! What "now" is.

use crate::settings::ClockMode;

/// The server's clock while one command runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// The clock, or what AT put in its place, Unix ms.
    pub server_ms: u64,
    /// What is later cannot be true, Unix ms: the real clock and what may be ahead of it.
    pub trusted_ms: u64,
    /// What AT put in place of everything, Unix ms.
    pub at_ms: Option<u64>,
}

impl Time {
    /// By the real clock; `max_future_ms` is how far a tick may be ahead of it.
    pub const fn new(real_ms: u64, max_future_ms: u64) -> Self {
        Self { server_ms: real_ms, trusted_ms: real_ms.saturating_add(max_future_ms), at_ms: None }
    }

    /// The same with another time in place of the server's: writes with AT.
    #[must_use]
    pub fn at(self, at_ms: Option<u64>) -> Self {
        Self { server_ms: at_ms.unwrap_or(self.server_ms), ..self }
    }

    /// The same, now being `at_ms` whatever was seen: reads with AT.
    #[must_use]
    pub const fn read_at(self, at_ms: Option<u64>) -> Self {
        Self { at_ms, ..self }
    }

    /// Now, for a market that has seen `newest_ms`.
    pub fn now_ms(&self, mode: ClockMode, newest_ms: Option<u64>) -> u64 {
        let seen_ms = newest_ms.filter(|newest_ms| *newest_ms <= self.trusted_ms || mode == ClockMode::Event);
        match (self.at_ms, mode) {
            (Some(at_ms), _) => at_ms,
            (None, ClockMode::Server) => self.server_ms.max(seen_ms.unwrap_or(0)),
            (None, ClockMode::Event) => seen_ms.unwrap_or(self.server_ms),
        }
    }
}
