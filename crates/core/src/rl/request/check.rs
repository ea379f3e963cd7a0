//! `RL.CHECK key [LIMIT n PERIOD d [BURST b] [SLIDING|ALIGNED]] … [COST c]`

use super::Rules;
use super::limits::{cost, push_limits, take_limit};
use crate::grammar::{Args, RequestError, set_once};

/// The arguments of `RL.CHECK`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// The limits; empty for those stored.
    pub rules: Rules,
    /// What is taken from each of them, −2^53 … 2^53: 0 looks, a negative cost gives back.
    pub cost: i64,
}

impl Check {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut rules = Rules::new();
        let mut cost_given = None;
        while let Some(arg) = args.peek() {
            if args.take_keyword("LIMIT") {
                take_limit(&mut rules, &mut args)?;
            } else if args.take_keyword("COST") {
                set_once(&mut cost_given, "COST", &mut args, cost)?;
            } else {
                return Err(RequestError::unknown_option(arg));
            }
        }
        Ok(Self { rules, cost: cost_given.unwrap_or(1) })
    }

    /// The inverse of [`Check::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        push_limits(&mut out, &self.rules);
        if self.cost != 1 {
            out.extend([b"COST".to_vec(), self.cost.to_string().into_bytes()]);
        }
        out
    }
}
