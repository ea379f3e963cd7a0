//! `RL.BAN key d`

use crate::grammar::{Args, RequestError, duration_ms, format_duration};
use crate::rl::limiter::MAX_PERIOD_MS;

/// The arguments of `RL.BAN`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ban {
    /// How long everything is refused, 0 … 366 d; 0 lifts the ban.
    pub ban_ms: u64,
}

impl Ban {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let ban_ms = duration_ms("duration", args.required()?, 0..=MAX_PERIOD_MS)?;
        args.next().map_or(Ok(Self { ban_ms }), |extra| Err(RequestError::unknown_option(extra)))
    }

    /// The inverse of [`Ban::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        vec![format_duration(self.ban_ms).into_bytes()]
    }
}
