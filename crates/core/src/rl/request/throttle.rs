//! `CL.THROTTLE key max_burst count_per_period period [quantity]`, the arguments of redis-cell.

use super::limits::{amount, cost};
use crate::grammar::{Args, RequestError, integer};
use crate::rl::limiter::{Kind, MAX_AMOUNT, MAX_PERIOD_MS, Rule};

/// The arguments of `CL.THROTTLE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Throttle {
    /// A smooth limit of the count per period, with room for one more than the burst.
    pub rule: Rule,
    /// What is taken, −2^53 … 2^53.
    pub quantity: i64,
}

impl Throttle {
    /// Reads the arguments behind the key. The period is in whole seconds.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let burst_text = args.required()?;
        let max_burst = integer("max_burst", burst_text, 0..=MAX_AMOUNT as i64 - 1)? as u64;
        let count = amount("count_per_period", args.required()?, 1)?;
        let period_s = integer("period", args.required()?, 1..=(MAX_PERIOD_MS / 1_000) as i64)? as u64;
        let quantity = args.next().map_or(Ok(1), |text| cost("quantity", text))?;
        if let Some(extra) = args.next() {
            return Err(RequestError::unknown_option(extra));
        }
        let rule = Rule::new(Kind::Gcra, count, period_s * 1_000, Some(max_burst + 1))
            .map_err(|error| RequestError::argument("max_burst", error.to_string(), burst_text))?;
        Ok(Self { rule, quantity })
    }

    /// The inverse of [`Throttle::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = vec![
            (self.rule.capacity() - 1).to_string().into_bytes(),
            self.rule.amount().to_string().into_bytes(),
            (self.rule.period_ms() / 1_000).to_string().into_bytes(),
        ];
        if self.quantity != 1 {
            out.push(self.quantity.to_string().into_bytes());
        }
        out
    }
}
