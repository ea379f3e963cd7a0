//! The answer to a check, and how long it may take until it is yes.

use super::moment::US_PER_MS;

/// How long until a cost fits. Ordered: now, sooner, later, never.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Wait {
    /// It fits.
    Now,
    /// It fits after this many microseconds and not one sooner, when nothing else is taken; at least 1.
    After(u64),
    /// It is above what the limit can ever hold.
    Never,
}

/// The place given by [`Verdict::blocked_by`] when the key is banned.
pub const BANNED: i64 = -1;

/// What a check is answered.
///
/// It speaks of the limit that blocked (the one with the longest wait, the first of equals), or else of the one with
/// the least remaining. Under a ban nothing remains, whatever the limits hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Verdict {
    /// Whether the cost was taken, or would be.
    pub allowed: bool,
    /// What the limit holds when nothing is used: its amount, or the burst of a smooth one.
    pub limit: u64,
    /// What may still be taken at once.
    pub remaining: u64,
    /// Milliseconds, rounded up, after which the same cost passes; −1 when allowed, −2 when it never will.
    pub retry_after_ms: i64,
    /// Milliseconds, rounded up, until the limit is full again; 0 when it is.
    pub reset_after_ms: i64,
    /// 1-based place of the limit that blocked; 0 when allowed; −1 for a ban.
    pub blocked_by: i64,
}

impl Verdict {
    /// `retry_after_ms` of an allowed check.
    pub const NO_RETRY: i64 = -1;
    /// `retry_after_ms` when the cost can never pass.
    pub const NEVER: i64 = -2;

    /// Yes, of a limit with this capacity.
    pub(super) fn allowed(capacity: u64, remaining: u64, reset_us: u64) -> Self {
        let (retry_after_ms, reset_after_ms) = (Self::NO_RETRY, ms_rounded_up(reset_us));
        Self { allowed: true, limit: capacity, remaining, retry_after_ms, reset_after_ms, blocked_by: 0 }
    }
}

impl Wait {
    /// The wait as a reply says it.
    pub fn retry_after_ms(self) -> i64 {
        match self {
            Self::Now => Verdict::NO_RETRY,
            Self::After(wait_us) => ms_rounded_up(wait_us),
            Self::Never => Verdict::NEVER,
        }
    }
}

/// Microseconds as the milliseconds a client has to wait.
pub fn ms_rounded_up(us: u64) -> i64 {
    i64::try_from(us.div_ceil(US_PER_MS)).unwrap_or(i64::MAX)
}
