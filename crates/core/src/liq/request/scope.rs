//! What most reads share: the window, the side and the moment they speak of.

use crate::grammar::{Args, RequestError, duration_ms, push_option, set_once, timestamp_ms};
use crate::liq::series::{MAX_RETENTION_MS, Side};

/// Which events a read is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// Length of the window; `None` for the series' own.
    pub window_ms: Option<u64>,
    /// One side only.
    pub side: Option<Side>,
    /// The moment that replaces now.
    pub at_ms: Option<u64>,
}

impl Scope {
    /// Takes the next argument when it is one of `WINDOW d`, `SIDE s`, `AT ts`.
    pub fn take(&mut self, args: &mut Args<'_>) -> Result<bool, RequestError> {
        if args.take_keyword("WINDOW") {
            set_once(&mut self.window_ms, "WINDOW", args, window_ms)?;
        } else if args.take_keyword("SIDE") {
            set_once(&mut self.side, "SIDE", args, side)?;
        } else if args.take_keyword("AT") {
            set_once(&mut self.at_ms, "AT", args, timestamp_ms)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// Takes all that is left; anything else is an unknown option.
    pub fn take_all(args: &mut Args<'_>) -> Result<Self, RequestError> {
        let mut scope = Self::default();
        while let Some(arg) = args.peek() {
            if !scope.take(args)? {
                return Err(RequestError::unknown_option(arg));
            }
        }
        Ok(scope)
    }

    /// The inverse of taking.
    pub fn push_args(&self, out: &mut Vec<Vec<u8>>) {
        push_option(out, "WINDOW", self.window_ms);
        push_option(out, "SIDE", self.side.map(Side::name));
        push_option(out, "AT", self.at_ms);
    }
}

/// A window's length: 1 ms … the longest retention there is.
pub(super) fn window_ms(name: &'static str, text: &[u8]) -> Result<u64, RequestError> {
    duration_ms(name, text, 1..=MAX_RETENTION_MS)
}

/// A side, under any of its names.
pub(super) fn side(name: &'static str, text: &[u8]) -> Result<Side, RequestError> {
    Side::parse(text).ok_or_else(|| RequestError::argument(name, "must be buy, sell, long or short", text))
}
