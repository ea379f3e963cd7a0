//! The replies of the rate limits' commands.

use std::time::Duration;

use crate::rl::limiter::{BANNED, Kind, Limiter, Now, Throttled, Verdict};
use crate::wire::{Decode, Encode, Malformed, Sink, Source, map_reply};

/// When to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Retry {
    /// No need to: it was allowed.
    NotNeeded,
    /// The cost passes after this time, rounded up to milliseconds, if nobody else takes from the limit.
    After(Duration),
    /// The cost is above the limit and can never pass.
    Never,
}

/// What stood in the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BlockedBy {
    /// Nothing: it was allowed.
    Nothing,
    /// The limit at this place, counted from 1.
    Limit(usize),
    /// A ban, set by `RL.BAN`.
    Ban,
}

/// The answer of a rate limit; of the limit that blocked (the longest to wait for), else of the one with the least left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateReply {
    /// Whether the cost was taken (or, for a look, would be).
    pub allowed: bool,
    /// What the limit holds when full.
    pub limit: u64,
    /// What is left of it.
    pub remaining: u64,
    /// When to ask again.
    pub retry: Retry,
    /// Time until the limit is full again.
    pub reset_after: Duration,
    /// What stood in the way.
    pub blocked_by: BlockedBy,
}

/// As numbers: what stands for no wait and for an endless one, for no place and for a ban.
impl Retry {
    fn of(wait_ms: i64) -> Result<Self, Malformed> {
        match (wait_ms, u64::try_from(wait_ms)) {
            (Verdict::NO_RETRY, _) => Ok(Self::NotNeeded),
            (Verdict::NEVER, _) => Ok(Self::Never),
            (_, Ok(wait_ms)) => Ok(Self::After(Duration::from_millis(wait_ms))),
            _ => Err(Malformed::new(format!("expected a wait, got {wait_ms}"))),
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::NotNeeded => Verdict::NO_RETRY,
            Self::After(wait) => i64::try_from(wait.as_millis()).unwrap_or(i64::MAX),
            Self::Never => Verdict::NEVER,
        }
    }
}

impl BlockedBy {
    fn of(place: i64) -> Result<Self, Malformed> {
        match (place, usize::try_from(place)) {
            (BANNED, _) => Ok(Self::Ban),
            (0, _) => Ok(Self::Nothing),
            (_, Ok(place)) => Ok(Self::Limit(place)),
            _ => Err(Malformed::new(format!("expected a limit's place, got {place}"))),
        }
    }

    fn number(self) -> i64 {
        match self {
            Self::Nothing => 0,
            Self::Limit(place) => i64::try_from(place).unwrap_or(i64::MAX),
            Self::Ban => BANNED,
        }
    }
}

impl From<&Verdict> for RateReply {
    fn from(verdict: &Verdict) -> Self {
        Self {
            allowed: verdict.allowed,
            limit: verdict.limit,
            remaining: verdict.remaining,
            // A verdict holds no other numbers.
            retry: Retry::of(verdict.retry_after_ms).unwrap_or(Retry::Never),
            reset_after: Duration::from_millis(verdict.reset_after_ms.unsigned_abs()),
            blocked_by: BlockedBy::of(verdict.blocked_by).unwrap_or(BlockedBy::Nothing),
        }
    }
}

impl Encode for RateReply {
    /// `[allowed 0/1, limit, remaining, retry_after_ms, reset_after_ms, blocked_by]`
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(6);
        sink.integer(i64::from(self.allowed));
        sink.count(self.limit);
        sink.count(self.remaining);
        sink.integer(self.retry.number());
        self.reset_after.encode(sink);
        sink.integer(self.blocked_by.number());
    }
}

impl Decode for RateReply {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let [allowed, limit, remaining, retry_after_ms, reset_after_ms, blocked_by] = source.tuple()?;
        Ok(Self {
            allowed: allowed.boolean()?,
            limit: limit.count()?,
            remaining: remaining.count()?,
            retry: Retry::of(retry_after_ms.integer()?)?,
            reset_after: Duration::decode(reset_after_ms)?,
            blocked_by: BlockedBy::of(blocked_by.integer()?)?,
        })
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

impl Encode for Kind {
    fn encode(&self, sink: &mut impl Sink) {
        sink.text(self.name());
    }
}

impl Decode for Kind {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let kinds = [Self::Gcra, Self::Sliding, Self::Aligned];
        source.word("a kind of limit", |word| kinds.into_iter().find(|kind| kind.name().as_bytes() == word))
    }
}

map_reply! {
    /// What `RL.INFO` tells of a limiter.
    #[derive(Debug, Clone, PartialEq, Eq)]
    pub struct RateInfo {
        /// Its limits, in order.
        limits: Vec<LimitInfo> = "limits",
        /// Whether the key was made by `RL.CREATE`, and stays when nothing is used.
        created: bool = "created",
        /// How long a ban still lasts; zero without one.
        ban: Duration = "ban_ms",
        /// When the key expires if nothing more is taken, Unix milliseconds. `None` when it stays.
        expires_ms: Option<u64> = "expires",
        /// Memory the limiter takes.
        memory_bytes: u64 = "memory",
    }
}

map_reply! {
    /// One limit of a limiter, and what is used of it.
    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    pub struct LimitInfo {
        /// How it counts.
        kind: Kind = "kind",
        /// So much …
        limit: u64 = "limit",
        /// … in so long.
        period: Duration = "period",
        /// How much at once.
        burst: u64 = "burst",
        /// What is used, in whole units, rounded up.
        used: u64 = "used",
        /// What is left.
        remaining: u64 = "remaining",
        /// Time until nothing is used.
        reset_after: Duration = "reset_after_ms",
    }
}

impl RateInfo {
    /// What `limiter`, which takes `memory_bytes` and expires at `expires_ms`, tells of itself.
    pub fn of(limiter: &Limiter, memory_bytes: u64, expires_ms: Option<u64>, now: Now) -> Self {
        let length = |ms: i64| Duration::from_millis(ms.unsigned_abs());
        let limits = limiter.standings(now).into_iter().map(|standing| LimitInfo {
            kind: standing.kind,
            limit: standing.amount,
            period: Duration::from_millis(standing.period_ms),
            burst: standing.capacity,
            used: standing.used,
            remaining: standing.capacity.saturating_sub(standing.used),
            reset_after: length(standing.reset_after_ms),
        });
        let (created, ban) = (limiter.is_kept(), length(limiter.ban_left_ms(now)));
        Self { limits: limits.collect(), created, ban, expires_ms, memory_bytes }
    }
}
