//! The replies of the rate limit commands.

use std::time::Duration;

use redis::Value;

use super::from_redis_value;
use crate::LimitKind;
use crate::decode::{self, Decoded, Fields, array_of, boolean, count, integer, optional, tuple, unexpected};

from_redis_value!(RateReply, RateInfo);

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

impl RateReply {
    fn read(value: Value) -> Decoded<Self> {
        let [allowed, limit, remaining, retry_after_ms, reset_after_ms, blocked_by] = tuple(value)?;
        Ok(Self {
            allowed: boolean(allowed)?,
            limit: count(limit)?,
            remaining: count(remaining)?,
            retry: match integer(retry_after_ms)? {
                -1 => Retry::NotNeeded,
                -2 => Retry::Never,
                ms => Retry::After(Duration::from_millis(count(Value::Int(ms))?)),
            },
            reset_after: Duration::from_millis(count(reset_after_ms)?),
            blocked_by: match integer(blocked_by)? {
                -1 => BlockedBy::Ban,
                0 => BlockedBy::Nothing,
                place => {
                    let number =
                        usize::try_from(place).map_err(|_| unexpected("a limit's place", &Value::Int(place)))?;
                    BlockedBy::Limit(number)
                }
            },
        })
    }
}

/// What `RL.INFO` tells of a limiter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RateInfo {
    /// Its limits, in order.
    pub limits: Vec<LimitInfo>,
    /// Whether the key was made by `RL.CREATE`, and stays when nothing is used.
    pub created: bool,
    /// How long a ban still lasts; zero without one.
    pub ban: Duration,
    /// When the key expires if nothing more is taken, Unix milliseconds. `None` when it stays.
    pub expires_ms: Option<u64>,
    /// Memory the limiter takes.
    pub memory_bytes: u64,
}

/// One limit of a limiter, and what is used of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LimitInfo {
    /// How it counts.
    pub kind: LimitKind,
    /// So much …
    pub limit: u64,
    /// … in so long.
    pub period: Duration,
    /// How much at once.
    pub burst: u64,
    /// What is used.
    pub used: u64,
    /// What is left.
    pub remaining: u64,
    /// Time until nothing is used.
    pub reset_after: Duration,
}

impl RateInfo {
    fn read(value: Value) -> Decoded<Self> {
        let mut fields = Fields::read(value)?;
        Ok(Self {
            limits: fields.get("limits", |value| array_of(value, LimitInfo::read))?,
            created: fields.get("created", boolean)?,
            ban: Duration::from_millis(fields.get("ban_ms", count)?),
            expires_ms: fields.get("expires", optional(count))?,
            memory_bytes: fields.get("memory", count)?,
        })
    }
}

impl LimitInfo {
    fn read(value: Value) -> Decoded<Self> {
        let mut fields = Fields::read(value)?;
        Ok(Self {
            kind: fields.get("kind", limit_kind)?,
            limit: fields.get("limit", count)?,
            period: Duration::from_millis(fields.get("period", count)?),
            burst: fields.get("burst", count)?,
            used: fields.get("used", count)?,
            remaining: fields.get("remaining", count)?,
            reset_after: Duration::from_millis(fields.get("reset_after_ms", count)?),
        })
    }
}

fn limit_kind(value: Value) -> Decoded<LimitKind> {
    decode::word("a kind of limit", value, |word| match word {
        "gcra" => Some(LimitKind::Smooth),
        "sliding" => Some(LimitKind::Sliding),
        "aligned" => Some(LimitKind::Aligned),
        _ => None,
    })
}
