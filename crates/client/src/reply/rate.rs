//! The reply of the rate limit commands.

use std::time::Duration;

use redis::Value;

use super::from_redis_value;
use crate::decode::{Decoded, boolean, count, integer, tuple, unexpected};

from_redis_value!(RateReply);

/// When to ask again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
