//! `TICK.RANGE key from to [REV] [COUNT n] [SIDE s]`

use super::add::side;
use crate::grammar::{Args, MAX_TIMESTAMP_MS, RequestError, integer, push_option, set_once, take_flag, timestamp_ms};
use crate::market::tape::Side;

/// Rows returned when `COUNT` is not named.
pub const DEFAULT_COUNT: usize = 1000;

/// The arguments of `TICK.RANGE`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// Oldest time, Unix ms, inclusive; `-` is 0.
    pub from_ms: u64,
    /// Newest time, Unix ms, inclusive; `+` is the latest there can be.
    pub to_ms: u64,
    /// Newest first; then the later edge may stand first.
    pub is_reversed: bool,
    /// Most rows.
    pub count: Option<usize>,
    /// One side only.
    pub side: Option<Side>,
}

impl Range {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let (from_ms, to_ms) = (edge("from", args.required()?)?, edge("to", args.required()?)?);
        let mut request = Self { from_ms, to_ms, is_reversed: false, count: None, side: None };
        while let Some(arg) = args.peek() {
            if args.take_keyword("COUNT") {
                set_once(&mut request.count, "COUNT", &mut args, |name, text| {
                    integer(name, text, 1..=i64::from(u32::MAX)).map(|count| count as usize)
                })?;
            } else if args.take_keyword("SIDE") {
                set_once(&mut request.side, "SIDE", &mut args, side)?;
            } else if !take_flag(&mut request.is_reversed, "REV", &mut args)? {
                return Err(RequestError::unknown_option(arg));
            }
        }
        Ok(request)
    }

    /// The inverse of [`Range::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = vec![self.from_ms.to_string().into_bytes(), self.to_ms.to_string().into_bytes()];
        if self.is_reversed {
            out.push(b"REV".to_vec());
        }
        push_option(&mut out, "COUNT", self.count);
        push_option(&mut out, "SIDE", self.side.map(Side::name));
        out
    }
}

/// A time, `-` for the earliest, `+` for the latest.
pub(super) fn edge(name: &'static str, text: &[u8]) -> Result<u64, RequestError> {
    match text {
        b"-" => Ok(0),
        b"+" => Ok(MAX_TIMESTAMP_MS),
        _ => timestamp_ms(name, text),
    }
}
