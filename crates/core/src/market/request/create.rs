//! `TICK.CREATE key [NX] [options]`

use crate::grammar::{Args, RequestError};
use crate::market::store::OptionsPatch;

/// A market to be made.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Create {
    /// `NX`: a market that is there already is no error.
    pub only_new: bool,
    /// What differs from the module's defaults.
    pub options: OptionsPatch,
}

impl Create {
    /// Reads what stands behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let only_new = args.take_keyword("NX");
        Ok(Self { only_new, options: OptionsPatch::parse(args)? })
    }

    /// The inverse of [`Create::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        if self.only_new {
            out.push(b"NX".to_vec());
        }
        out.extend(self.options.to_args());
        out
    }
}
