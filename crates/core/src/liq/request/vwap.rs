//! `LIQ.VWAP key [WINDOW d | SINCE ts] [SIDE s] [BANDS k] [PRICE p] [AT ts]`

use super::Scope;
use crate::grammar::{Args, RequestError, format_real, push_option, real, set_once, timestamp_ms};
use crate::liq::series::PRICE_RANGE;

/// Widths of bands, in standard deviations.
const BANDS_RANGE: std::ops::RangeInclusive<f64> = 0.0..=1000.0;

/// What a VWAP is anchored to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VwapStart {
    /// A sliding window of this length, ms.
    Window(u64),
    /// Everything from this moment on, Unix ms: a session VWAP.
    Since(u64),
}

/// The arguments of `LIQ.VWAP`; `scope.window_ms` and `since_ms` exclude each other.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Vwap {
    /// Which events count.
    pub scope: Scope,
    /// The anchor, Unix milliseconds; events at it count.
    pub since_ms: Option<u64>,
    /// Width of the bands in standard deviations, 0 … 1000.
    pub bands: Option<f64>,
    /// The price whose deviation is asked for.
    pub price: Option<f64>,
}

impl Vwap {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut request = Self::default();
        let mut since = &[][..];
        while let Some(arg) = args.peek() {
            if args.take_keyword("SINCE") {
                since = args.peek().unwrap_or_default();
                set_once(&mut request.since_ms, "SINCE", &mut args, timestamp_ms)?;
            } else if args.take_keyword("BANDS") {
                set_once(&mut request.bands, "BANDS", &mut args, |name, text| real(name, text, &BANDS_RANGE))?;
            } else if args.take_keyword("PRICE") {
                set_once(&mut request.price, "PRICE", &mut args, |name, text| real(name, text, &PRICE_RANGE))?;
            } else if !request.scope.take(&mut args)? {
                return Err(RequestError::unknown_option(arg));
            }
        }
        if request.since_ms.is_some() && request.scope.window_ms.is_some() {
            return Err(RequestError::argument("SINCE", "excludes WINDOW", since));
        }
        Ok(request)
    }

    /// The inverse of [`Vwap::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        push_option(&mut out, "SINCE", self.since_ms);
        push_option(&mut out, "BANDS", self.bands.map(format_real));
        push_option(&mut out, "PRICE", self.price.map(format_real));
        self.scope.push_args(&mut out);
        out
    }

    /// The anchor, when one was named.
    pub fn start(&self) -> Option<VwapStart> {
        self.since_ms.map(VwapStart::Since).or(self.scope.window_ms.map(VwapStart::Window))
    }
}
