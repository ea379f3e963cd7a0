//! `KEYS.POLICY SET prefix rule … [APPLY]`, `DEL prefix`, `LIST`

use crate::grammar::{Args, RequestError};
use crate::keys::policy::{Policy, Prefix};

/// The arguments of `KEYS.POLICY`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicyRequest {
    /// Sets the policy of its prefix.
    Set(Policy),
    /// Removes the policy of a prefix.
    Del(Prefix),
    /// Asks for all policies.
    List,
}

impl PolicyRequest {
    /// Reads the arguments behind the command's name.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        if args.take_keyword("SET") {
            let prefix = Prefix::new(args.required()?)?;
            if args.is_empty() {
                return Err(RequestError::Arity);
            }
            return Policy::parse(prefix, args).map(Self::Set);
        }
        let request = if args.take_keyword("DEL") {
            Self::Del(Prefix::new(args.required()?)?)
        } else if args.take_keyword("LIST") {
            Self::List
        } else {
            let word = args.required()?;
            return Err(RequestError::argument("subcommand", "must be SET, DEL or LIST", word));
        };
        if args.is_empty() { Ok(request) } else { Err(RequestError::Arity) }
    }

    /// The inverse of [`PolicyRequest::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        match self {
            Self::Set(policy) => {
                let mut out = vec![b"SET".to_vec(), policy.prefix().as_bytes().to_vec()];
                out.extend(policy.to_args());
                out
            }
            Self::Del(prefix) => vec![b"DEL".to_vec(), prefix.as_bytes().to_vec()],
            Self::List => vec![b"LIST".to_vec()],
        }
    }
}
