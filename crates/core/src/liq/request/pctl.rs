//! `LIQ.PCTL key p [p …] [WINDOW d] [SIDE s] [AT ts]`

use super::Scope;
use crate::grammar::{Args, Percentile, RequestError, percentile};

/// Most percentiles or sizes that one read may ask for.
pub const MAX_QUESTIONS: usize = 1000;

/// The arguments of `LIQ.PCTL`.
#[derive(Debug, Clone, PartialEq)]
pub struct Pctl {
    /// What is asked for, in order; 1 … 1000.
    pub percentiles: Vec<Percentile>,
    /// Which events count.
    pub scope: Scope,
}

impl Pctl {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let percentiles = questions("p", &mut args, percentile)?;
        Ok(Self { percentiles, scope: Scope::take_all(&mut args)? })
    }

    /// The inverse of [`Pctl::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out: Vec<_> = self.percentiles.iter().map(|p| p.to_string().into_bytes()).collect();
        self.scope.push_args(&mut out);
        out
    }
}

/// Takes one or more values up to the first option: what begins with a letter cannot be a number.
pub(super) fn questions<T>(
    name: &'static str,
    args: &mut Args<'_>,
    parse: impl Fn(&'static str, &[u8]) -> Result<T, RequestError>,
) -> Result<Vec<T>, RequestError> {
    let mut values = vec![parse(name, args.required()?)?];
    while let Some(text) = args.peek() {
        if ["WINDOW", "SIDE", "AT"].iter().any(|name| name.as_bytes().eq_ignore_ascii_case(text)) {
            break;
        }
        if text.first().is_some_and(u8::is_ascii_alphabetic) {
            return Err(RequestError::unknown_option(text));
        }
        if values.len() == MAX_QUESTIONS {
            return Err(RequestError::argument(name, "more than 1000 values", text));
        }
        values.push(parse(name, text)?);
        args.next();
    }
    Ok(values)
}
