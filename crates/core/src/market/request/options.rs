//! The options of a market as `TICK.CREATE` and `TICK.ALTER` take them.

use crate::grammar::{Args, RequestError, duration_ms, format_duration, integer, percentile, push_option, set_once};
use crate::market::candle::{Interval, Keep, MAX_KEEP, UNITS, Zone};
use crate::market::store::{
    FIRES_MAXLEN_RANGE, GRACE_RANGE_MS, MAX_ANNOUNCED, OptionsPatch, STALE_RANGE_MS, TAIL_RANGE,
};
use crate::market::tape::Order;
use crate::settings::{ClockMode, IDLE_RANGE_MS, MAXLEN_RANGE, StreamPatch};

impl OptionsPatch {
    /// Reads options to the end.
    pub fn parse(mut args: Args<'_>) -> Result<Self, RequestError> {
        let mut patch = Self::default();
        while let Some(arg) = args.peek() {
            let is_taken =
                patch.take_holding(&mut args)? || patch.take_time(&mut args)? || patch.take_telling(&mut args)?;
            if !is_taken {
                return Err(RequestError::unknown_option(arg));
            }
        }
        Ok(patch)
    }

    fn take_holding(&mut self, args: &mut Args<'_>) -> Result<bool, RequestError> {
        if args.take_keyword("KEEP") {
            self.take_keep(args)?;
        } else if args.take_keyword("TAIL") {
            set_once(&mut self.tail, "TAIL", args, |name, text| {
                integer(name, text, TAIL_RANGE).map(|tail| tail as u32)
            })?;
        } else if args.take_keyword("ORDER") {
            set_once(&mut self.order, "ORDER", args, order)?;
        } else if args.take_keyword("MAXJUMP") {
            set_once(&mut self.max_jump, "MAXJUMP", args, percentile)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn take_time(&mut self, args: &mut Args<'_>) -> Result<bool, RequestError> {
        if args.take_keyword("TZ") {
            set_once(&mut self.zone, "TZ", args, Zone::parse)?;
        } else if args.take_keyword("GRACE") {
            set_once(&mut self.grace_ms, "GRACE", args, |name, text| duration_ms(name, text, GRACE_RANGE_MS))?;
        } else if args.take_keyword("STALE") {
            set_once(&mut self.stale_ms, "STALE", args, |name, text| duration_ms(name, text, STALE_RANGE_MS))?;
        } else if args.take_keyword("CLOCK") {
            set_once(&mut self.clock, "CLOCK", args, ClockMode::parse)?;
        } else if args.take_keyword("IDLE") {
            set_once(&mut self.idle_ms, "IDLE", args, |name, text| duration_ms(name, text, IDLE_RANGE_MS))?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    fn take_telling(&mut self, args: &mut Args<'_>) -> Result<bool, RequestError> {
        if args.take_keyword("CLOSES") {
            StreamPatch::take(&mut self.closes, "CLOSES", args, MAXLEN_RANGE)?;
        } else if args.take_keyword("FIRES") {
            StreamPatch::take(&mut self.fires, "FIRES", args, FIRES_MAXLEN_RANGE)?;
        } else if args.take_keyword("ANNOUNCE") {
            self.take_announce(args)?;
        } else {
            return Ok(false);
        }
        Ok(true)
    }

    /// `level n` behind `KEEP`, once for each level.
    fn take_keep(&mut self, args: &mut Args<'_>) -> Result<(), RequestError> {
        let level = args.value_of("KEEP")?;
        let place = UNITS.iter().position(|unit| unit.name.as_bytes() == level);
        let slot = place.and_then(|place| self.keep.get_mut(place));
        let slot = slot.ok_or_else(|| RequestError::argument("KEEP", "must name 1s, 1m, 5m, 1h or 1d", level))?;
        if slot.is_some() {
            return Err(RequestError::repeated("KEEP", level));
        }
        *slot = Some(integer("KEEP", args.value_of("KEEP")?, 0..=i64::from(MAX_KEEP))? as u32);
        Ok(())
    }

    /// One interval behind `ANNOUNCE`, which may come up to eight times; the empty one stands for none.
    fn take_announce(&mut self, args: &mut Args<'_>) -> Result<(), RequestError> {
        let text = args.value_of("ANNOUNCE")?;
        let list = self.announce.get_or_insert_default();
        if text.is_empty() {
            return Ok(());
        }
        let interval = Interval::parse("ANNOUNCE", text)?;
        if list.contains(&interval) {
            return Err(RequestError::repeated("ANNOUNCE", text));
        }
        if list.len() == MAX_ANNOUNCED {
            return Err(RequestError::argument("ANNOUNCE", format!("more than {MAX_ANNOUNCED} intervals"), text));
        }
        list.push(interval);
        Ok(())
    }

    /// The inverse of [`OptionsPatch::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        for (unit, keep) in UNITS.iter().zip(self.keep) {
            if let Some(keep) = keep {
                out.extend([b"KEEP".to_vec(), unit.name.into(), keep.to_string().into_bytes()]);
            }
        }
        push_option(&mut out, "TAIL", self.tail);
        push_option(&mut out, "ORDER", self.order.map(Order::name));
        push_option(&mut out, "TZ", self.zone);
        push_option(&mut out, "GRACE", self.grace_ms.map(format_duration));
        push_option(&mut out, "STALE", self.stale_ms.map(format_duration));
        push_option(&mut out, "MAXJUMP", self.max_jump);
        StreamPatch::push(self.closes.as_ref(), "CLOSES", &mut out);
        StreamPatch::push(self.fires.as_ref(), "FIRES", &mut out);
        if let Some(announce) = &self.announce {
            if announce.is_empty() {
                out.extend([b"ANNOUNCE".to_vec(), Vec::new()]);
            }
            announce.iter().for_each(|interval| push_option(&mut out, "ANNOUNCE", Some(interval)));
        }
        push_option(&mut out, "CLOCK", self.clock.map(ClockMode::name));
        push_option(&mut out, "IDLE", self.idle_ms.map(format_duration));
        out
    }
}

/// Levels as the parameter `liq.tick-keep` spells them: `1m 1500 5m 1000`; a level that is not named is left out, and each
/// makes at least one candle of the next.
pub fn parse_keep(text: &[u8]) -> Result<Keep, RequestError> {
    let refused = || {
        RequestError::argument(
            "value",
            "must be levels with how many candles each holds, none left out between two and at least one of the next level",
            text,
        )
    };
    let words: Vec<&[u8]> = text.split(|byte| *byte == b' ').filter(|word| !word.is_empty()).collect();
    let mut keep = Keep([0; UNITS.len()]);
    let (pairs, []) = words.as_chunks::<2>() else { return Err(refused()) };
    for [level, count] in pairs {
        let place = UNITS.iter().position(|unit| unit.name.as_bytes() == *level).ok_or_else(refused)?;
        let slot = keep.0.get_mut(place).filter(|slot| **slot == 0).ok_or_else(refused)?;
        *slot = integer("value", count, 0..=i64::from(MAX_KEEP))? as u32;
    }
    if keep.is_sound() && keep.short().next().is_none() { Ok(keep) } else { Err(refused()) }
}

fn order(name: &'static str, text: &[u8]) -> Result<Order, RequestError> {
    let found = [Order::Time, Order::Id].into_iter().find(|order| order.name().as_bytes().eq_ignore_ascii_case(text));
    found.ok_or_else(|| RequestError::argument(name, "must be TIME or ID", text))
}
