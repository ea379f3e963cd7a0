//! `RL.PEEK key [COST c]`

use super::limits::amount;
use crate::grammar::{Args, RequestError, set_once};

/// The arguments of `RL.PEEK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peek {
    /// The cost asked for, 0 … 2^53.
    pub cost: u64,
}

impl Peek {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut cost = None;
        while let Some(arg) = args.peek() {
            if !args.take_keyword("COST") {
                return Err(RequestError::unknown_option(arg));
            }
            set_once(&mut cost, "COST", &mut args, |name, text| amount(name, text, 0))?;
        }
        Ok(Self { cost: cost.unwrap_or(1) })
    }

    /// The inverse of [`Peek::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        match self.cost {
            1 => Vec::new(),
            cost => vec![b"COST".to_vec(), cost.to_string().into_bytes()],
        }
    }
}
