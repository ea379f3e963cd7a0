//! Whether Redis is there: a link that failed three times in a row is down, answers at once, and is probed in the
//! background until the server is back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::Error;

/// The first wait before a probe, and the longest.
const FIRST_PROBE: Duration = Duration::from_millis(500);
const LAST_PROBE: Duration = Duration::from_secs(15);

/// What a link knows of its server.
#[derive(Debug, Clone)]
pub enum Health {
    /// The last command was answered, or none was sent yet.
    Up,
    /// Commands answer [`Error::Away`] without being sent.
    Down {
        /// When it went down.
        since: Instant,
        /// Failures in a row until now, probes included.
        failures: u32,
        /// The last of them.
        last: Error,
    },
}

/// What a link has counted since it was opened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct LinkTotals {
    /// Commands and pipelines that were answered, with errors of the server too.
    pub answered: u64,
    /// Answers that were errors of the server.
    pub refused: u64,
    /// Connections that failed under a command.
    pub lost: u64,
    /// Commands that were not answered in time.
    pub timed_out: u64,
    /// Commands that were not sent as the link was down.
    pub away: u64,
    /// How often the link went down.
    pub went_down: u64,
    /// Connections left as their server no longer takes our commands: it is no master any more, or asks for another
    /// password. The address is looked up anew.
    pub left: u64,
}

/// The state behind a link.
pub(crate) struct Gate {
    /// Failures in a row that make the link go down.
    attempts: u32,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    failures: u32,
    down: Option<Down>,
    /// Until then a connection is not left again for what its server refuses.
    stays_until: Option<Instant>,
    totals: LinkTotals,
}

struct Down {
    since: Instant,
    last: Error,
    /// When whoever probes is given up: its runtime may be gone.
    probed_until: Instant,
}

/// What became of a command.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    /// The link is as it was.
    None,
    /// It went down: somebody has to probe.
    Down,
    /// It is up again.
    Up,
}

impl Gate {
    pub(crate) fn new(attempts: u32) -> Self {
        Self { attempts: attempts.max(1), state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // A panic elsewhere leaves counters behind, which are still true.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a command may be sent. The flag says that nobody probes any more and the caller has to see to it.
    pub(crate) fn admit(&self) -> Result<(), (Error, bool)> {
        let mut state = self.state();
        let Some(down) = &mut state.down else { return Ok(()) };
        let orphaned = Instant::now() > down.probed_until;
        if orphaned {
            down.probed_until = Instant::now() + 3 * LAST_PROBE;
        }
        let text = down.last.to_string();
        state.totals.away += 1;
        Err((Error::Away(text.into()), orphaned))
    }

    pub(crate) fn answered(&self, refused: bool) -> Turn {
        let mut state = self.state();
        state.totals.answered += 1;
        state.totals.refused += u64::from(refused);
        state.failures = 0;
        match state.down.take() {
            Some(down) => {
                tracing::info!(away_ms = down.since.elapsed().as_millis() as u64, "redis is back");
                Turn::Up
            }
            None => Turn::None,
        }
    }

    pub(crate) fn failed(&self, error: &Error) -> Turn {
        let mut state = self.state();
        match error {
            Error::TimedOut(_) => state.totals.timed_out += 1,
            Error::Refused(_) => state.totals.refused += 1,
            _ => state.totals.lost += 1,
        }
        state.failures = state.failures.saturating_add(1);
        let probed_until = Instant::now() + 3 * LAST_PROBE;
        if let Some(down) = &mut state.down {
            down.last = error.clone();
            down.probed_until = probed_until;
            return Turn::None;
        }
        if state.failures < self.attempts {
            return Turn::None;
        }
        tracing::warn!(%error, failures = state.failures, "redis is away");
        state.down = Some(Down { since: Instant::now(), last: error.clone(), probed_until });
        state.totals.went_down += 1;
        Turn::Down
    }

    /// Whether to connect anew after an answer that [`is_elsewhere`]: at once the first time, then only after the wait of
    /// a first probe, as there may be no other server to find, and replicas still answer reads.
    pub(crate) fn leaves(&self) -> bool {
        let mut state = self.state();
        let now = Instant::now();
        if state.stays_until.is_some_and(|until| now < until) {
            return false;
        }
        state.stays_until = Some(now + Backoff::new().wait());
        state.totals.left += 1;
        true
    }

    pub(crate) fn health(&self) -> Health {
        let state = self.state();
        match &state.down {
            Some(down) => Health::Down { since: down.since, failures: state.failures, last: down.last.clone() },
            None => Health::Up,
        }
    }

    pub(crate) fn totals(&self) -> LinkTotals {
        self.state().totals
    }
}

/// How long to wait before each probe: doubling, with jitter, so that a fleet does not knock all at once.
pub(crate) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(crate) const fn new() -> Self {
        Self { next: FIRST_PROBE }
    }

    pub(crate) fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (wait * 2).min(LAST_PROBE);
        wait.mul_f64(0.75 + 0.5 * fastrand::f64())
    }

    /// The server is there and not ready, as while it loads: doubling would only make its return late.
    pub(crate) const fn stay(&mut self) {
        self.next = FIRST_PROBE;
    }
}

/// An answer that says the server has nothing to say yet.
pub(crate) fn is_not_ready(error: &Error) -> bool {
    matches!(error, Error::Refused(line) if line.starts_with("LOADING") || line.starts_with("MASTERDOWN"))
}

/// An answer that says another server is behind the address by now, or will be: a demoted master's, one's that does not
/// know us, or that of a transaction which such a server gave up.
pub(crate) fn is_elsewhere(error: &Error) -> bool {
    const WORDS: [&str; 4] = ["READONLY", "NOAUTH", "WRONGPASS", "EXECABORT"];
    matches!(error, Error::Refused(line) if WORDS.iter().any(|word| line.starts_with(word)))
}

/// Shared by the link and its probe.
pub(crate) type SharedGate = Arc<Gate>;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_come_later_and_later_and_not_all_at_once() {
        let (mut backoff, mut nominal) = (Backoff::new(), FIRST_PROBE);
        for _ in 0..10 {
            let wait = backoff.wait();
            assert!(wait >= nominal.mul_f64(0.75) && wait <= nominal.mul_f64(1.25), "{wait:?} of {nominal:?}");
            nominal = (nominal * 2).min(LAST_PROBE);
        }
        assert_eq!(nominal, LAST_PROBE);
        backoff.stay();
        assert!(backoff.wait() <= FIRST_PROBE.mul_f64(1.25));
    }

    #[test]
    fn a_server_that_is_not_ours_is_left_and_not_with_every_command() {
        for line in ["READONLY You can't write", "NOAUTH Authentication required.", "WRONGPASS invalid", "EXECABORT x"]
        {
            assert!(is_elsewhere(&Error::Refused(line.into())), "{line}");
        }
        for line in ["OOM command not allowed", "LOADING Redis is loading", "ERR unknown command", "WRONGTYPE"] {
            assert!(!is_elsewhere(&Error::Refused(line.into())), "{line}");
        }
        let gate = Gate::new(3);
        assert!(gate.leaves() && !gate.leaves());
        gate.state().stays_until = Some(Instant::now());
        assert!(gate.leaves());
        assert_eq!(gate.totals().left, 2);
    }
}
