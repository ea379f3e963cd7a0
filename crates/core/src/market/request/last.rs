//! `TICK.LAST key [BY source] [MAXAGE d] [FULL] [WINDOW d] [AT ts]`

use crate::grammar::{
    Args, RequestError, duration_ms, format_duration, push_option, set_once, take_flag, timestamp_ms,
};
use crate::market::store::Source;

/// Longest window or age: a hundred years.
const MAX_DURATION_MS: u64 = 36_500 * 86_400_000;

/// The arguments of `TICK.LAST`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Last {
    /// Whose price; `None` for trades.
    pub by: Option<Source>,
    /// An older price is null, ms.
    pub max_age_ms: Option<u64>,
    /// Everything that is known of now.
    pub is_full: bool,
    /// The venue's ticker over so long, ms.
    pub window_ms: Option<u64>,
    /// The moment that replaces now: then the last trade is the newest not after it.
    pub at_ms: Option<u64>,
}

impl Last {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut request = Self::default();
        while let Some(arg) = args.peek() {
            if args.take_keyword("BY") {
                set_once(&mut request.by, "BY", &mut args, source)?;
            } else if args.take_keyword("MAXAGE") {
                set_once(&mut request.max_age_ms, "MAXAGE", &mut args, |name, text| {
                    duration_ms(name, text, 0..=MAX_DURATION_MS)
                })?;
            } else if args.take_keyword("WINDOW") {
                set_once(&mut request.window_ms, "WINDOW", &mut args, |name, text| {
                    duration_ms(name, text, 1..=MAX_DURATION_MS)
                })?;
            } else if args.take_keyword("AT") {
                set_once(&mut request.at_ms, "AT", &mut args, timestamp_ms)?;
            } else if !take_flag(&mut request.is_full, "FULL", &mut args)? {
                return Err(RequestError::unknown_option(arg));
            }
        }
        let is_of_now = [
            ("FULL", request.is_full),
            ("WINDOW", request.window_ms.is_some()),
            ("BY", request.by.is_some_and(|by| by != Source::Last)),
        ];
        match is_of_now.into_iter().find(|(_, is_named)| *is_named && request.at_ms.is_some()) {
            Some((name, _)) => Err(RequestError::argument("AT", format!("does not go with {name}"), b"AT")),
            None => Ok(request),
        }
    }

    /// The inverse of [`Last::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        push_option(&mut out, "BY", self.by.map(Source::name));
        push_option(&mut out, "MAXAGE", self.max_age_ms.map(format_duration));
        if self.is_full {
            out.push(b"FULL".to_vec());
        }
        push_option(&mut out, "WINDOW", self.window_ms.map(format_duration));
        push_option(&mut out, "AT", self.at_ms);
        out
    }
}

/// A source by its name, in any case.
pub(super) fn source(name: &'static str, text: &[u8]) -> Result<Source, RequestError> {
    let found = Source::ALL.into_iter().find(|source| source.name().as_bytes().eq_ignore_ascii_case(text));
    found.ok_or_else(|| RequestError::argument(name, "must be last, bid, ask, mid, mark or index", text))
}
