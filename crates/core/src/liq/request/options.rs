//! The options of a series as `LIQ.CREATE` and `LIQ.ALTER` take them.

use super::scope::window_ms;
use crate::grammar::{
    Args, RequestError, duration_ms, format_duration, format_real, integer, percentile, push_option, real, set_once,
};
use crate::liq::series::{
    MIN_EVENTS_RANGE, MIN_SIZE_RANGE, OFFSET_RANGE, OptionsPatch, PRECISION_RANGE, RETENTION_RANGE_MS, TAIL_RANGE,
};
use crate::settings::{ClockMode, IDLE_RANGE_MS, MAXLEN_RANGE, StreamPatch, name_of_key};

impl OptionsPatch {
    /// Reads `name value` pairs to the end.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut patch = Self::default();
        while let Some(arg) = args.peek() {
            if !(patch.take_window(&mut args)? || patch.take_judgement(&mut args)? || patch.take_storage(&mut args)?) {
                return Err(unknown_option(arg, &args));
            }
        }
        Ok(patch)
    }

    fn take_window(&mut self, args: &mut Args<'_>) -> Result<bool, RequestError> {
        if args.take_keyword("RETENTION") {
            set_once(&mut self.retention_ms, "RETENTION", args, |name, text| {
                duration_ms(name, text, RETENTION_RANGE_MS)
            })?;
        } else if args.take_keyword("WINDOW") {
            set_once(&mut self.window_ms, "WINDOW", args, window_ms)?;
        } else if args.take_keyword("VWAPWINDOW") {
            set_once(&mut self.vwap_window_ms, "VWAPWINDOW", args, window_ms)?;
        } else if args.take_keyword("IDLE") {
            set_once(&mut self.idle_ms, "IDLE", args, |name, text| duration_ms(name, text, IDLE_RANGE_MS))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn take_judgement(&mut self, args: &mut Args<'_>) -> Result<bool, RequestError> {
        if args.take_keyword("PERCENTILE") {
            set_once(&mut self.percentile, "PERCENTILE", args, percentile)?;
        } else if args.take_keyword("MINEVENTS") {
            set_once(&mut self.min_events, "MINEVENTS", args, |name, text| {
                integer(name, text, MIN_EVENTS_RANGE).map(|count| count as u64)
            })?;
        } else if args.take_keyword("MINSIZE") {
            set_once(&mut self.min_size, "MINSIZE", args, |name, text| real(name, text, &MIN_SIZE_RANGE))?;
        } else if args.take_keyword("LONGOFFSET") {
            set_once(&mut self.long_offset_pct, "LONGOFFSET", args, |name, text| real(name, text, &OFFSET_RANGE))?;
        } else if args.take_keyword("SHORTOFFSET") {
            set_once(&mut self.short_offset_pct, "SHORTOFFSET", args, |name, text| real(name, text, &OFFSET_RANGE))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn take_storage(&mut self, args: &mut Args<'_>) -> Result<bool, RequestError> {
        if args.take_keyword("SIGNALS") {
            StreamPatch::take(&mut self.signals, "SIGNALS", args, MAXLEN_RANGE)?;
        } else if args.take_keyword("ACCEPTED") {
            StreamPatch::take(&mut self.accepted, "ACCEPTED", args, MAXLEN_RANGE)?;
        } else if args.take_keyword("MARKET") {
            set_once(&mut self.market, "MARKET", args, name_of_key)?;
        } else if args.take_keyword("CLOCK") {
            set_once(&mut self.clock, "CLOCK", args, ClockMode::parse)?;
        } else if args.take_keyword("PRECISION") {
            set_once(&mut self.precision, "PRECISION", args, |name, text| {
                integer(name, text, PRECISION_RANGE).map(|bits| bits as u8)
            })?;
        } else if args.take_keyword("TAIL") {
            set_once(&mut self.tail, "TAIL", args, |name, text| {
                integer(name, text, TAIL_RANGE).map(|events| events as u32)
            })?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// The inverse of [`OptionsPatch::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        push_option(&mut out, "RETENTION", self.retention_ms.map(format_duration));
        push_option(&mut out, "WINDOW", self.window_ms.map(format_duration));
        push_option(&mut out, "PERCENTILE", self.percentile);
        push_option(&mut out, "MINEVENTS", self.min_events);
        push_option(&mut out, "MINSIZE", self.min_size.map(format_real));
        push_option(&mut out, "VWAPWINDOW", self.vwap_window_ms.map(format_duration));
        push_option(&mut out, "LONGOFFSET", self.long_offset_pct.map(format_real));
        push_option(&mut out, "SHORTOFFSET", self.short_offset_pct.map(format_real));
        StreamPatch::push(self.signals.as_ref(), "SIGNALS", &mut out);
        StreamPatch::push(self.accepted.as_ref(), "ACCEPTED", &mut out);
        if let Some(market) = &self.market {
            out.extend([b"MARKET".to_vec(), market.to_vec()]);
        }
        push_option(&mut out, "CLOCK", self.clock.map(ClockMode::name));
        push_option(&mut out, "PRECISION", self.precision);
        push_option(&mut out, "TAIL", self.tail);
        push_option(&mut out, "IDLE", self.idle_ms.map(format_duration));
        out
    }
}

/// `MAXLEN` has a meaning behind a stream only.
#[cold]
fn unknown_option(arg: &[u8], args: &Args<'_>) -> RequestError {
    let mut rest = args.clone();
    if rest.take_keyword("MAXLEN") {
        return RequestError::argument(
            "MAXLEN",
            "must stand behind SIGNALS or ACCEPTED stream",
            rest.next().unwrap_or_default(),
        );
    }
    RequestError::unknown_option(arg)
}
