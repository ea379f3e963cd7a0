//! The options of a series as `LIQ.CREATE` and `LIQ.ALTER` take them.

use super::scope::window_ms;
use crate::grammar::{
    Args, RequestError, duration_ms, format_duration, format_real, integer, percentile, push_option, real, set_once,
};
use crate::liq::series::{
    ClockMode, IDLE_RANGE_MS, MAX_NAME_BYTES, MAXLEN_RANGE, MIN_EVENTS_RANGE, MIN_SIZE_RANGE, OFFSET_RANGE,
    OptionsPatch, PRECISION_RANGE, RETENTION_RANGE_MS, StreamPatch, TAIL_RANGE,
};

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
            set_once(&mut self.signals, "SIGNALS", args, stream)?;
            take_max_len(self.signals.as_mut(), args)?;
        } else if args.take_keyword("ACCEPTED") {
            set_once(&mut self.accepted, "ACCEPTED", args, stream)?;
            take_max_len(self.accepted.as_mut(), args)?;
        } else if args.take_keyword("MARKET") {
            set_once(&mut self.market, "MARKET", args, name_of_key)?;
        } else if args.take_keyword("CLOCK") {
            set_once(&mut self.clock, "CLOCK", args, clock_mode)?;
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
        for (option, stream) in [("SIGNALS", &self.signals), ("ACCEPTED", &self.accepted)] {
            if let Some(stream) = stream {
                out.extend([option.as_bytes().to_vec(), stream.key.to_vec()]);
                push_option(&mut out, "MAXLEN", stream.max_len);
            }
        }
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

/// `MAXLEN n` belongs to the stream before it.
fn take_max_len(stream: Option<&mut StreamPatch>, args: &mut Args<'_>) -> Result<(), RequestError> {
    if let Some(stream) = stream
        && args.take_keyword("MAXLEN")
    {
        stream.max_len = Some(integer("MAXLEN", args.value_of("MAXLEN")?, MAXLEN_RANGE)? as u32);
    }
    Ok(())
}

fn stream(name: &'static str, text: &[u8]) -> Result<StreamPatch, RequestError> {
    Ok(StreamPatch { key: name_of_key(name, text)?, max_len: None })
}

/// The name of another key; empty for none.
fn name_of_key(name: &'static str, text: &[u8]) -> Result<Box<[u8]>, RequestError> {
    match text.len() <= MAX_NAME_BYTES {
        true => Ok(text.into()),
        false => Err(RequestError::argument(name, format!("longer than {MAX_NAME_BYTES} bytes"), text)),
    }
}

/// Reads `SERVER` or `EVENT`, in any case.
pub fn clock_mode(name: &'static str, text: &[u8]) -> Result<ClockMode, RequestError> {
    let modes = [ClockMode::Server, ClockMode::Event];
    let found = modes.into_iter().find(|mode| mode.name().as_bytes().eq_ignore_ascii_case(text));
    found.ok_or_else(|| RequestError::argument(name, "must be SERVER or EVENT", text))
}
