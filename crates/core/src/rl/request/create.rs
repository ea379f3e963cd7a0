//! `RL.CREATE key LIMIT n PERIOD d [BURST b] [SLIDING|ALIGNED] …`

use super::Rules;
use super::limits::{push_limits, take_limit};
use crate::grammar::{Args, RequestError};

/// The arguments of `RL.CREATE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Create {
    /// The limits, at least one.
    pub rules: Rules,
}

impl Create {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut rules = Rules::new();
        while let Some(arg) = args.peek() {
            if !args.take_keyword("LIMIT") {
                return Err(RequestError::unknown_option(arg));
            }
            take_limit(&mut rules, &mut args)?;
        }
        if rules.is_empty() { Err(RequestError::Arity) } else { Ok(Self { rules }) }
    }

    /// The inverse of [`Create::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        push_limits(&mut out, &self.rules);
        out
    }
}
