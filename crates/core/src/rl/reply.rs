//! The replies of the rate limits' commands.

use crate::rl::limiter::{Limiter, Now, Throttled, Verdict};
use crate::wire::{Encode, Sink};

impl Encode for Verdict {
    /// `[allowed 0/1, limit, remaining, retry_after_ms, reset_after_ms, blocked_by]`
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(6);
        sink.integer(i64::from(self.allowed));
        sink.count(self.limit);
        sink.count(self.remaining);
        sink.integer(self.retry_after_ms);
        sink.integer(self.reset_after_ms);
        sink.integer(self.blocked_by);
    }
}

impl Encode for Throttled {
    /// `[limited 0/1, limit, remaining, retry_after, reset_after]`, times in seconds
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(5);
        sink.integer(i64::from(self.limited));
        sink.count(self.limit);
        sink.count(self.remaining);
        sink.integer(self.retry_after_s);
        sink.integer(self.reset_after_s);
    }
}

/// The reply of `RL.INFO`: a limiter as it is at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimiterInfo {
    /// The limits in order.
    pub limits: Vec<LimitInfo>,
    /// Whether the key stays when nothing is used.
    pub created: bool,
    /// Milliseconds that a ban still lasts; 0 without one.
    pub ban_ms: i64,
    /// When the key expires if nothing more is taken, Unix milliseconds; none when it stays.
    pub expires: Option<u64>,
    /// Bytes the value takes, as MEMORY USAGE counts them, the key's name aside.
    pub memory: u64,
}

/// One limit in the reply of `RL.INFO`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LimitInfo {
    /// `gcra`, `sliding` or `aligned`.
    pub kind: &'static str,
    /// How much per period.
    pub limit: u64,
    /// The period, milliseconds.
    pub period: u64,
    /// How much at once.
    pub burst: u64,
    /// How much is used, in whole units.
    pub used: u64,
    /// How much may be taken at once.
    pub remaining: u64,
    /// Milliseconds until nothing is used.
    pub reset_after_ms: i64,
}

impl LimiterInfo {
    /// What `limiter`, which takes `memory_bytes` and expires at `expires_ms`, tells of itself.
    pub fn of(limiter: &Limiter, memory_bytes: u64, expires_ms: Option<u64>, now: Now) -> Self {
        let limits = limiter.standings(now).into_iter().map(|standing| LimitInfo {
            kind: standing.kind.name(),
            limit: standing.amount,
            period: standing.period_ms,
            burst: standing.capacity,
            used: standing.used,
            remaining: standing.capacity.saturating_sub(standing.used),
            reset_after_ms: standing.reset_after_ms,
        });
        Self {
            limits: limits.collect(),
            created: limiter.is_kept(),
            ban_ms: limiter.ban_left_ms(now),
            expires: expires_ms,
            memory: memory_bytes,
        }
    }
}

impl Encode for LimiterInfo {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(5);
        sink.text("limits");
        sink.array(self.limits.len());
        self.limits.iter().for_each(|limit| limit.encode(sink));
        sink.text("created");
        sink.boolean(self.created);
        sink.text("ban_ms");
        sink.integer(self.ban_ms);
        sink.text("expires");
        match self.expires {
            Some(expires_ms) => sink.count(expires_ms),
            None => sink.null(),
        }
        sink.text("memory");
        sink.count(self.memory);
    }
}

impl Encode for LimitInfo {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(7);
        sink.text("kind");
        sink.text(self.kind);
        for (name, value) in [
            ("limit", self.limit),
            ("period", self.period),
            ("burst", self.burst),
            ("used", self.used),
            ("remaining", self.remaining),
        ] {
            sink.text(name);
            sink.count(value);
        }
        sink.text("reset_after_ms");
        sink.integer(self.reset_after_ms);
    }
}
