//! `LIQ.STATS key [WINDOW d] [AT ts] [SIDE s] [EXCHANGE name] [BY EXCHANGE | BUCKET d]`

use super::Scope;
use super::add::{exchange, push_bytes, take_bytes, unknown_option};
use super::scope::window_ms;
use crate::grammar::{Args, RequestError, format_duration, set_once};

/// How `LIQ.STATS` splits its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breakdown {
    /// One map per exchange.
    ByExchange,
    /// One map per span of this length, ms.
    Bucket(u64),
}

impl Breakdown {
    const fn is_bucket(self) -> bool {
        matches!(self, Self::Bucket(_))
    }

    const fn is_by_exchange(self) -> bool {
        matches!(self, Self::ByExchange)
    }
}

/// Refuses an option, by its name and what it excludes, beside another breakdown.
fn exclude(
    given: Option<Breakdown>,
    other: fn(Breakdown) -> bool,
    (name, problem): (&'static str, &'static str),
    got: &[u8],
) -> Result<(), RequestError> {
    if given.is_some_and(other) { Err(RequestError::argument(name, problem, got)) } else { Ok(()) }
}

/// The arguments of `LIQ.STATS`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats<'a> {
    /// Which events count.
    pub scope: Scope,
    /// Only those of this exchange.
    pub exchange: Option<&'a [u8]>,
    /// One answer, or many.
    pub breakdown: Option<Breakdown>,
}

impl<'a> Stats<'a> {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'a>) -> Result<Self, RequestError> {
        let mut request = Self::default();
        while let Some(arg) = args.peek() {
            if args.take_keyword("EXCHANGE") {
                take_bytes(&mut request.exchange, "EXCHANGE", &mut args, exchange)?;
            } else if args.take_keyword("BY") {
                let got = args.value_of("BY")?;
                exclude(request.breakdown, Breakdown::is_bucket, ("BY", "excludes BUCKET"), got)?;
                set_once(&mut request.breakdown, "BY", &mut Args::new(&[got]), by_exchange)?;
            } else if args.take_keyword("BUCKET") {
                let got = args.value_of("BUCKET")?;
                exclude(request.breakdown, Breakdown::is_by_exchange, ("BUCKET", "excludes BY EXCHANGE"), got)?;
                set_once(&mut request.breakdown, "BUCKET", &mut Args::new(&[got]), |name, text| {
                    window_ms(name, text).map(Breakdown::Bucket)
                })?;
            } else if !request.scope.take(&mut args)? {
                return Err(unknown_option(arg, request.exchange));
            }
        }
        request.refuse_contradictions()?;
        Ok(request)
    }

    fn refuse_contradictions(&self) -> Result<(), RequestError> {
        match (self.exchange, self.breakdown) {
            (Some(name), Some(Breakdown::ByExchange)) => {
                Err(RequestError::argument("EXCHANGE", "excludes BY EXCHANGE", name))
            }
            _ => Ok(()),
        }
    }

    /// The inverse of [`Stats::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        self.scope.push_args(&mut out);
        push_bytes(&mut out, "EXCHANGE", self.exchange);
        match self.breakdown {
            Some(Breakdown::ByExchange) => out.extend([b"BY".to_vec(), b"EXCHANGE".to_vec()]),
            Some(Breakdown::Bucket(ms)) => out.extend([b"BUCKET".to_vec(), format_duration(ms).into_bytes()]),
            None => {}
        }
        out
    }
}

fn by_exchange(name: &'static str, text: &[u8]) -> Result<Breakdown, RequestError> {
    if text.eq_ignore_ascii_case(b"EXCHANGE") {
        return Ok(Breakdown::ByExchange);
    }
    Err(RequestError::argument(name, "must be EXCHANGE", text))
}
