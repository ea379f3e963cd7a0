//! `TRIG.SET key id [LONG|SHORT] [SL p [BY s]] [TP p [BY s]] [(TRAIL d | TRAILPCT pct) [ACTIVATE p] [EXTREME p] [BY s]]
//! [ABOVE p [BY s]] [BELOW p [BY s]] [EXPIRES ts] [PAYLOAD bytes] [NX|XX] [AT now]`

use super::last::source;
use crate::grammar::{
    Args, Decimal, Percentile, RequestError, decimal, percentile, push_option, set_once, timestamp_ms,
};
use crate::market::tape::PRICE_RANGE;
use crate::market::triggers::{
    Cause, Condition, Fixed, Give, Legs, LegsError, MAX_ID_BYTES, MAX_PAYLOAD_BYTES, Order, Price, Side, Source, Terms,
    Trail,
};

/// The arguments of `TRIG.SET`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SetTrigger<'a> {
    /// 1 to 64 bytes.
    pub id: &'a [u8],
    /// Side and legs.
    pub terms: Terms,
    /// When it goes by itself, Unix ms.
    pub expires_ms: Option<u64>,
    /// What comes back with the fire, at most 1024 bytes.
    pub payload: Option<&'a [u8]>,
    /// Whether the id must be there or not.
    pub condition: Option<Condition>,
    /// What replaces the server's clock.
    pub at_ms: Option<u64>,
}

/// The leg that `BY` speaks of.
type Named = Option<Cause>;

impl<'a> SetTrigger<'a> {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'a>) -> Result<Self, RequestError> {
        let id = trigger_id("id", args.required()?)?;
        let (mut legs, mut named, mut payload) = (Legs::default(), None, None);
        let (mut expires_ms, mut condition, mut at_ms) = (None, None, None);
        while let Some(arg) = args.peek() {
            if take_leg(&mut legs, &mut named, &mut args)? || take_side(&mut legs, &mut args)? {
                continue;
            }
            if args.take_keyword("EXPIRES") {
                set_once(&mut expires_ms, "EXPIRES", &mut args, timestamp_ms)?;
            } else if args.take_keyword("PAYLOAD") {
                let text = args.value_of("PAYLOAD")?;
                if payload.replace(text).is_some() {
                    return Err(RequestError::repeated("PAYLOAD", text));
                }
                if text.len() > MAX_PAYLOAD_BYTES {
                    let problem = format!("longer than {MAX_PAYLOAD_BYTES} bytes");
                    return Err(RequestError::argument("PAYLOAD", problem, text));
                }
            } else if args.take_keyword("AT") {
                set_once(&mut at_ms, "AT", &mut args, timestamp_ms)?;
            } else {
                let found = if args.take_keyword("NX") {
                    Condition::New
                } else if args.take_keyword("XX") {
                    Condition::Known
                } else {
                    return Err(RequestError::unknown_option(arg));
                };
                if condition.replace(found).is_some() {
                    return Err(RequestError::argument(
                        "NX",
                        "NX and XX do not go together, and each is given once",
                        arg,
                    ));
                }
            }
        }
        let terms = Terms::new(legs).map_err(|error| refused(&error, &legs, id))?;
        Ok(Self { id, terms, expires_ms, payload, condition, at_ms })
    }

    /// What the market is asked to set.
    pub const fn order(&self) -> Order<'_> {
        let Self { id, terms, expires_ms, payload, condition, .. } = self;
        Order { id, terms, expires_ms: *expires_ms, payload: *payload, condition: *condition }
    }

    /// The inverse of [`SetTrigger::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let Legs { side, sl, tp, trail, above, below } = *self.terms.legs();
        let mut out = vec![self.id.to_vec()];
        out.extend(side.map(|side| side.name().to_uppercase().into_bytes()));
        let by = |out: &mut Vec<Vec<u8>>, by: Source| {
            push_option(out, "BY", Some(by).filter(|by| *by != Source::Last).map(Source::name));
        };
        for (name, leg) in [("SL", sl), ("TP", tp)] {
            if let Some(leg) = leg {
                push_option(&mut out, name, text(leg.at));
                by(&mut out, leg.by);
            }
        }
        if let Some(trail) = trail {
            let (name, value) = given(trail.give);
            push_option(&mut out, name, value);
            push_option(&mut out, "ACTIVATE", trail.activate.and_then(text));
            push_option(&mut out, "EXTREME", trail.extreme.and_then(text));
            by(&mut out, trail.by);
        }
        for (name, leg) in [("ABOVE", above), ("BELOW", below)] {
            if let Some(leg) = leg {
                push_option(&mut out, name, text(leg.at));
                by(&mut out, leg.by);
            }
        }
        push_option(&mut out, "EXPIRES", self.expires_ms);
        if let Some(payload) = self.payload {
            out.extend([b"PAYLOAD".to_vec(), payload.to_vec()]);
        }
        out.extend(self.condition.map(|condition| match condition {
            Condition::New => b"NX".to_vec(),
            Condition::Known => b"XX".to_vec(),
        }));
        push_option(&mut out, "AT", self.at_ms);
        out
    }
}

fn text(price: Price) -> Option<Decimal> {
    Decimal::from_femto(price)
}

/// The option that says how much a trailing leg gives, and its value.
fn given(give: Give) -> (&'static str, Option<String>) {
    match give {
        Give::Distance(distance) => ("TRAIL", text(distance).map(|distance| distance.to_string())),
        Give::Percent(millionths) => {
            ("TRAILPCT", Percentile::from_millionths(millionths).map(|percent| percent.to_string()))
        }
    }
}

/// The id of a trigger.
pub(super) fn trigger_id<'a>(name: &'static str, text: &'a [u8]) -> Result<&'a [u8], RequestError> {
    if (1..=MAX_ID_BYTES).contains(&text.len()) {
        Ok(text)
    } else {
        Err(RequestError::argument(name, format!("must have 1 to {MAX_ID_BYTES} bytes"), text))
    }
}

fn price(name: &'static str, text: &[u8]) -> Result<Price, RequestError> {
    decimal(name, text, &PRICE_RANGE).map(Decimal::femto)
}

fn take_side(legs: &mut Legs, args: &mut Args<'_>) -> Result<bool, RequestError> {
    let Some(arg) = args.peek() else { return Ok(false) };
    let side = if args.take_keyword("LONG") {
        Side::Long
    } else if args.take_keyword("SHORT") {
        Side::Short
    } else {
        return Ok(false);
    };
    match legs.side.replace(side) {
        None => Ok(true),
        Some(_) => {
            Err(RequestError::argument("LONG", "LONG and SHORT do not go together, and each is given once", arg))
        }
    }
}

/// Takes what speaks of a leg.
fn take_leg(legs: &mut Legs, named: &mut Named, args: &mut Args<'_>) -> Result<bool, RequestError> {
    const FIXED: [(&str, Cause); 4] =
        [("SL", Cause::Sl), ("TP", Cause::Tp), ("ABOVE", Cause::Above), ("BELOW", Cause::Below)];
    for (name, cause) in FIXED {
        if args.take_keyword(name) {
            let at = Some(price_of(fixed_leg(legs, cause).is_some(), name, args)?);
            *fixed_leg(legs, cause) = at.map(|at| Fixed { at, by: Source::Last });
            *named = Some(cause);
            return Ok(true);
        }
    }
    if args.take_keyword("BY") {
        return take_by(legs, named, args);
    }
    take_trail(legs, named, args)
}

fn price_of(is_there: bool, name: &'static str, args: &mut Args<'_>) -> Result<Price, RequestError> {
    let text = args.value_of(name)?;
    if is_there { Err(RequestError::repeated(name, text)) } else { price(name, text) }
}

const fn fixed_leg(legs: &mut Legs, cause: Cause) -> &mut Option<Fixed> {
    match cause {
        Cause::Sl => &mut legs.sl,
        Cause::Tp => &mut legs.tp,
        Cause::Above => &mut legs.above,
        _ => &mut legs.below,
    }
}

fn take_trail(legs: &mut Legs, named: &mut Named, args: &mut Args<'_>) -> Result<bool, RequestError> {
    let Some(arg) = args.peek() else { return Ok(false) };
    let give = if args.take_keyword("TRAIL") {
        Give::Distance(price("TRAIL", args.value_of("TRAIL")?)?)
    } else if args.take_keyword("TRAILPCT") {
        let text = args.value_of("TRAILPCT")?;
        let percent = percentile("TRAILPCT", text)?.millionths();
        if percent == 0 || percent == Percentile::FULL {
            return Err(RequestError::argument("TRAILPCT", "must be above 0 and below 100", text));
        }
        Give::Percent(percent)
    } else {
        return take_detail(legs, args);
    };
    if legs.trail.is_some() {
        return Err(RequestError::argument(
            "TRAIL",
            "TRAIL and TRAILPCT do not go together, and each is given once",
            arg,
        ));
    }
    legs.trail = Some(Trail { give, activate: None, extreme: None, by: Source::Last });
    *named = Some(Cause::Trail);
    Ok(true)
}

/// What speaks of the trailing stop, which has to be named before.
fn take_detail(legs: &mut Legs, args: &mut Args<'_>) -> Result<bool, RequestError> {
    let name = match args.peek() {
        Some(arg) if arg.eq_ignore_ascii_case(b"ACTIVATE") => "ACTIVATE",
        Some(arg) if arg.eq_ignore_ascii_case(b"EXTREME") => "EXTREME",
        _ => return Ok(false),
    };
    args.next();
    let Some(trail) = &mut legs.trail else {
        return Err(RequestError::argument(name, "comes behind TRAIL or TRAILPCT", args.value_of(name)?));
    };
    let slot = if name == "ACTIVATE" { &mut trail.activate } else { &mut trail.extreme };
    set_once(slot, name, args, price)?;
    Ok(true)
}

fn take_by(legs: &mut Legs, named: &mut Named, args: &mut Args<'_>) -> Result<bool, RequestError> {
    let text = args.value_of("BY")?;
    let by = source("BY", text)?;
    match named.take() {
        None => return Err(RequestError::argument("BY", "comes once behind a leg", text)),
        Some(Cause::Trail) => legs.trail = legs.trail.map(|trail| Trail { by, ..trail }),
        Some(cause) => {
            let leg = fixed_leg(legs, cause);
            *leg = leg.map(|leg| Fixed { by, ..leg });
        }
    }
    Ok(true)
}

/// Names the argument that makes legs no trigger.
fn refused(error: &LegsError, legs: &Legs, id: &[u8]) -> RequestError {
    let shown = |leg: Option<Fixed>| leg.and_then(|leg| text(leg.at)).map(|at| at.to_string()).unwrap_or_default();
    match error {
        LegsError::NoLeg => RequestError::argument("id", "needs a leg: SL, TP, TRAIL, TRAILPCT, ABOVE or BELOW", id),
        LegsError::NoSide(Cause::Tp) => RequestError::argument("TP", "needs LONG or SHORT", shown(legs.tp).as_bytes()),
        LegsError::NoSide(Cause::Trail) => {
            let (name, value) = legs.trail.map_or(("TRAIL", None), |trail| given(trail.give));
            RequestError::argument(name, "needs LONG or SHORT", value.unwrap_or_default().as_bytes())
        }
        LegsError::NoSide(_) => RequestError::argument("SL", "needs LONG or SHORT", shown(legs.sl).as_bytes()),
        LegsError::Crossed(Side::Long) => {
            RequestError::argument("SL", "must be below TP for LONG", shown(legs.sl).as_bytes())
        }
        LegsError::Crossed(Side::Short) => {
            RequestError::argument("SL", "must be above TP for SHORT", shown(legs.sl).as_bytes())
        }
        LegsError::Price(_) | LegsError::Give => RequestError::argument("legs", "out of range", b""),
    }
}
