//! `LIQ.RANGE key from to [REV] [COUNT n] [MINSIZE x] [SIDE s] [EXCHANGE name]`

use super::add::{exchange, push_bytes, take_bytes, unknown_option};
use super::scope::side;
use crate::grammar::{
    Args, MAX_TIMESTAMP_MS, RequestError, format_real, integer, push_option, real, set_once, timestamp_ms,
};
use crate::liq::series::{MIN_SIZE_RANGE, Side};

/// Rows returned when `COUNT` is not named.
pub const DEFAULT_COUNT: usize = 1000;

/// The arguments of `LIQ.RANGE`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range<'a> {
    /// Oldest timestamp, Unix ms, inclusive; `-` is 0.
    pub from_ms: u64,
    /// Newest timestamp, Unix ms, inclusive; `+` is the latest there can be.
    pub to_ms: u64,
    /// Newest first.
    pub reverse: bool,
    /// Most rows.
    pub count: Option<usize>,
    /// Smallest size, quote currency.
    pub min_size: Option<f64>,
    /// One side only.
    pub side: Option<Side>,
    /// One exchange only.
    pub exchange: Option<&'a [u8]>,
}

impl<'a> Range<'a> {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'a>) -> Result<Self, RequestError> {
        let from_ms = edge("from", args.required()?)?;
        let to_ms = edge("to", args.required()?)?;
        let mut request =
            Self { from_ms, to_ms, reverse: false, count: None, min_size: None, side: None, exchange: None };
        while let Some(arg) = args.peek() {
            if args.take_keyword("REV") {
                if std::mem::replace(&mut request.reverse, true) {
                    return Err(RequestError::repeated("REV", arg));
                }
            } else if args.take_keyword("COUNT") {
                set_once(&mut request.count, "COUNT", &mut args, |name, text| {
                    integer(name, text, 1..=i64::from(u32::MAX)).map(|count| count as usize)
                })?;
            } else if args.take_keyword("MINSIZE") {
                set_once(&mut request.min_size, "MINSIZE", &mut args, |name, text| real(name, text, &MIN_SIZE_RANGE))?;
            } else if args.take_keyword("SIDE") {
                set_once(&mut request.side, "SIDE", &mut args, side)?;
            } else if args.take_keyword("EXCHANGE") {
                take_bytes(&mut request.exchange, "EXCHANGE", &mut args, exchange)?;
            } else {
                return Err(unknown_option(arg, request.exchange));
            }
        }
        Ok(request)
    }

    /// The inverse of [`Range::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = vec![self.from_ms.to_string().into_bytes(), self.to_ms.to_string().into_bytes()];
        if self.reverse {
            out.push(b"REV".to_vec());
        }
        push_option(&mut out, "COUNT", self.count);
        push_option(&mut out, "MINSIZE", self.min_size.map(format_real));
        push_option(&mut out, "SIDE", self.side.map(Side::name));
        push_bytes(&mut out, "EXCHANGE", self.exchange);
        out
    }
}

fn edge(name: &'static str, text: &[u8]) -> Result<u64, RequestError> {
    match text {
        b"-" => Ok(0),
        b"+" => Ok(MAX_TIMESTAMP_MS),
        _ => timestamp_ms(name, text),
    }
}
