//! Triggers as bytes: their part of a market's layout 1, and what the primary tells of decisions about them. Frozen: a
//! change needs a layout of its own.
//!
//! Integers are LEB128 in their shortest form. A price is `scale:1 (0 … 15)  mantissa`, the mantissa not ending in 0 where
//! there is a scale.
//!
//! ```text
//! triggers: last arming  fires  expired  unjudged
//!           armed: count, then each in order of arming
//!           owed to the stream: count, fires;  owed to replies: count, fires
//! armed:    id:length+bytes  arming  armed_at  flags
//!           expires?  payload:length+bytes?  per fixed leg, in the order of flags: source:1 price
//!           trail?: source:1  distance:price or millionths of a percent  activate:price?  extreme:price?
//! fire:     id:length+bytes  arming  side:1  armed_at  has_payload:1  payload:length+bytes?  facts
//! facts:    cause:1  ts  by:1 (6 none)  level:price?  price:price? (with a source)  tick:length+bytes  has_extreme:1  extreme:price?
//! decision: 1 armed | 2 arming (deleted) | 3 arming owed:1 facts (fired) | 4 owed:1 count (told) | 5 count (unjudged)
//! ```

use crate::grammar::MAX_TIMESTAMP_MS;
use crate::market::triggers::{
    Armed, Cause, Facts, Fire, Fixed, Give, HeldFire, Impossible, Legs, MAX_ARMING, MAX_ID_BYTES, MAX_PAYLOAD_BYTES,
    MAX_TICK_BYTES, Owed, PRICE_RANGE, Price, Side, Source, Terms, Totals, Trail, Triggers,
};
use crate::wire::{DecodeError, Reader, put_bytes, put_varint};

impl From<Impossible> for DecodeError {
    fn from(state: Impossible) -> Self {
        Self::Invalid(state.0)
    }
}

/// Most triggers that are read; as many as any parameter allows.
const MAX_TRIGGERS: usize = 1 << 24;

/// The least that an armed trigger and a fire take: no count is believed that cannot be there.
const LEAST_BYTES: usize = 8;

const SIDE: u64 = 3;
const SL: u64 = 1 << 2;
const TP: u64 = 1 << 3;
const ABOVE: u64 = 1 << 4;
const BELOW: u64 = 1 << 5;
const TRAIL: u64 = 1 << 6;
const PERCENT: u64 = 1 << 7;
const ACTIVATE: u64 = 1 << 8;
const EXTREME: u64 = 1 << 9;
const EXPIRES: u64 = 1 << 10;
const PAYLOAD: u64 = 1 << 11;
const FLAGS_END: u64 = 1 << 12;

/// A source that is none.
const NOBODY: u8 = 6;

/// Appends triggers to a layout; equal ones give equal bytes.
pub fn put(out: &mut Vec<u8>, triggers: &Triggers) {
    let Totals { fires, expired, unjudged } = triggers.totals();
    for number in [triggers.last_arming(), fires, expired, unjudged] {
        put_varint(out, number);
    }
    put_varint(out, (triggers.armed() + triggers.waiting()) as u64);
    triggers.all_armed().for_each(|armed| put_armed(out, &armed));
    for owed in Owed::BOTH {
        let fires = triggers.owed(owed);
        put_varint(out, fires.len() as u64);
        fires.for_each(|fire| put_fire(out, fire));
    }
}

/// Takes triggers from a layout.
pub fn take(reader: &mut Reader<'_>) -> Result<Triggers, DecodeError> {
    let last_arming = reader.varint("last arming", MAX_ARMING)?;
    let mut total = || reader.varint("total of triggers", u64::MAX);
    let totals = Totals { fires: total()?, expired: total()?, unjudged: total()? };
    let count = reader.length("count of triggers", MAX_TRIGGERS, LEAST_BYTES)?;
    let mut armed = Vec::new();
    for _ in 0..count {
        armed.push(take_armed(reader)?);
    }
    let mut owed = [Vec::new(), Vec::new()];
    for fires in &mut owed {
        for _ in 0..reader.length("count of fires", MAX_TRIGGERS, LEAST_BYTES)? {
            fires.push(take_fire(reader)?);
        }
    }
    Ok(Triggers::from_parts(last_arming, totals, armed, owed)?)
}

/// What was decided about triggers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision<'a> {
    /// One was armed; what was armed under its id is gone.
    Armed(Armed<'a>),
    /// The one of this arming was deleted.
    Deleted(u64),
    /// The one of this arming fired or expired, and is owed to whom it says.
    Fired(u64, Owed, Facts<'a>),
    /// So many of the oldest fires were told.
    Told(Owed, u64),
    /// So many prices were not judged by.
    Unjudged(u64),
}

/// Appends a decision.
pub fn put_decision(out: &mut Vec<u8>, decision: &Decision<'_>) {
    match decision {
        Decision::Armed(armed) => {
            out.push(1);
            put_armed(out, armed);
        }
        Decision::Deleted(arming) => {
            out.push(2);
            put_varint(out, *arming);
        }
        Decision::Fired(arming, owed, facts) => {
            out.push(3);
            put_varint(out, *arming);
            out.push(*owed as u8);
            put_facts(out, facts);
        }
        Decision::Told(owed, count) => {
            out.extend([4, *owed as u8]);
            put_varint(out, *count);
        }
        Decision::Unjudged(count) => {
            out.push(5);
            put_varint(out, *count);
        }
    }
}

/// Does what was decided, whatever is left in `reader`: all of it, or nothing where it is not sound to the last byte.
pub fn apply_decisions(triggers: &mut Triggers, reader: Reader<'_>) -> Result<(), DecodeError> {
    check_decisions(triggers, reader.clone())?;
    do_decisions(triggers, reader)
}

/// Does what [`check_decisions`] found sound.
pub fn do_decisions(triggers: &mut Triggers, mut reader: Reader<'_>) -> Result<(), DecodeError> {
    while reader.left() > 0 {
        match take_decision(&mut reader)? {
            Decision::Armed(armed) => triggers.arm(&armed)?,
            Decision::Deleted(arming) => {
                triggers.disarm(arming);
            }
            Decision::Fired(arming, owed, facts) => {
                triggers.fire(arming, &facts, owed)?;
            }
            Decision::Told(owed, count) => triggers.told(owed, usize::try_from(count).unwrap_or(usize::MAX)),
            Decision::Unjudged(count) => triggers.count_unjudged(count),
        }
    }
    Ok(())
}

/// Refuses what is no decision, and what could not be done after those before it, whatever is left in `reader`.
pub fn check_decisions(triggers: &Triggers, mut reader: Reader<'_>) -> Result<(), DecodeError> {
    let mut last_arming = triggers.last_arming();
    while reader.left() > 0 {
        match take_decision(&mut reader)? {
            Decision::Armed(armed) if !armed.is_possible(last_arming) => {
                return Err(DecodeError::Invalid("arming of a trigger"));
            }
            Decision::Armed(armed) => last_arming = armed.arming,
            Decision::Fired(_, _, facts) if !facts.are_possible() => {
                return Err(DecodeError::Invalid("fire of a trigger"));
            }
            _ => {}
        }
    }
    Ok(())
}

fn take_decision<'a>(reader: &mut Reader<'a>) -> Result<Decision<'a>, DecodeError> {
    let arming = |reader: &mut Reader<'a>| reader.varint("arming", MAX_ARMING);
    Ok(match reader.byte()? {
        1 => Decision::Armed(take_armed(reader)?),
        2 => Decision::Deleted(arming(reader)?),
        3 => Decision::Fired(arming(reader)?, take_owed(reader)?, take_facts(reader)?),
        4 => Decision::Told(take_owed(reader)?, reader.varint("count of fires", u64::MAX)?),
        5 => Decision::Unjudged(reader.varint("count of prices", u64::MAX)?),
        _ => return Err(DecodeError::Invalid("decision")),
    })
}

fn put_armed(out: &mut Vec<u8>, armed: &Armed<'_>) {
    let Legs { side, trail, .. } = *armed.legs();
    let with = |flag: u64, is_there: bool| if is_there { flag } else { 0 };
    let mut flags = u64::from(side_byte(side));
    for (flag, leg) in fixed_legs(armed.legs()) {
        flags |= with(flag, leg.is_some());
    }
    if let Some(trail) = trail {
        flags |= TRAIL | with(PERCENT, matches!(trail.give, Give::Percent(_)));
        flags |= with(ACTIVATE, trail.activate.is_some()) | with(EXTREME, trail.extreme.is_some());
    }
    flags |= with(EXPIRES, armed.expires_ms.is_some()) | with(PAYLOAD, armed.payload.is_some());
    put_bytes(out, armed.id);
    put_varint(out, armed.arming);
    put_varint(out, armed.armed_at_ms);
    put_varint(out, flags);
    if let Some(expires_ms) = armed.expires_ms {
        put_varint(out, expires_ms);
    }
    if let Some(payload) = armed.payload {
        put_bytes(out, payload);
    }
    for (_, leg) in fixed_legs(armed.legs()) {
        if let Some(Fixed { at, by }) = leg {
            out.push(by as u8);
            put_price(out, at);
        }
    }
    let Some(Trail { give, activate, extreme, by }) = trail else { return };
    out.push(by as u8);
    match give {
        Give::Distance(distance) => put_price(out, distance),
        Give::Percent(millionths) => put_varint(out, millionths.into()),
    }
    activate.into_iter().chain(extreme).for_each(|price| put_price(out, price));
}

/// The legs with a fixed level, in the order in which they are written.
const fn fixed_legs(legs: &Legs) -> [(u64, Option<Fixed>); 4] {
    [(SL, legs.sl), (TP, legs.tp), (ABOVE, legs.above), (BELOW, legs.below)]
}

fn take_armed<'a>(reader: &mut Reader<'a>) -> Result<Armed<'a>, DecodeError> {
    let id = reader.bytes("id", MAX_ID_BYTES)?;
    let arming = reader.varint("arming", MAX_ARMING)?;
    let armed_at_ms = reader.varint("time of an arming", u64::MAX)?;
    let flags = reader.varint("flags of a trigger", FLAGS_END - 1)?;
    let is_set = |flag: u64| flags & flag != 0;
    if !is_set(TRAIL) && is_set(PERCENT | ACTIVATE | EXTREME) {
        return Err(DecodeError::Invalid("flags of a trigger"));
    }
    let expires_ms = is_set(EXPIRES).then(|| reader.varint("expiry", MAX_TIMESTAMP_MS)).transpose()?;
    let payload = is_set(PAYLOAD).then(|| reader.bytes("payload", MAX_PAYLOAD_BYTES)).transpose()?;
    let mut legs = Legs { side: side_of((flags & SIDE) as u8)?, ..Legs::default() };
    for (flag, place) in [(SL, &mut legs.sl), (TP, &mut legs.tp), (ABOVE, &mut legs.above), (BELOW, &mut legs.below)] {
        if is_set(flag) {
            let by = take_source(reader)?;
            *place = Some(Fixed { at: take_price(reader)?, by });
        }
    }
    if is_set(TRAIL) {
        let by = take_source(reader)?;
        let give = if is_set(PERCENT) {
            Give::Percent(reader.varint("percentage", u32::MAX.into())? as u32)
        } else {
            Give::Distance(take_price(reader)?)
        };
        let activate = is_set(ACTIVATE).then(|| take_price(reader)).transpose()?;
        let extreme = is_set(EXTREME).then(|| take_price(reader)).transpose()?;
        legs.trail = Some(Trail { give, activate, extreme, by });
    }
    let terms = Terms::new(legs).map_err(Impossible::from)?;
    Ok(Armed { id, arming, armed_at_ms, expires_ms, payload, terms })
}

fn put_fire(out: &mut Vec<u8>, fire: &Fire) {
    put_bytes(out, &fire.id);
    put_varint(out, fire.arming);
    out.push(side_byte(fire.side));
    put_varint(out, fire.armed_at_ms);
    out.push(fire.payload.is_some().into());
    if let Some(payload) = &fire.payload {
        put_bytes(out, payload);
    }
    put_facts(out, &fire.facts());
}

fn take_fire(reader: &mut Reader<'_>) -> Result<Fire, DecodeError> {
    let id = reader.bytes("id", MAX_ID_BYTES)?.into();
    let arming = reader.varint("arming", MAX_ARMING)?;
    let side = side_of(reader.byte()?)?;
    let armed_at_ms = reader.varint("time of an arming", u64::MAX)?;
    let has_payload = reader.flag("payload")?;
    let payload = has_payload.then(|| reader.bytes("payload", MAX_PAYLOAD_BYTES)).transpose()?.map(Into::into);
    let Facts { cause, by, level, price, ts_ms, tick, extreme } = take_facts(reader)?;
    let (tick, held) = (tick.into(), HeldFire::default());
    Ok(Fire { id, arming, side, armed_at_ms, payload, cause, by, level, price, ts_ms, tick, extreme, held })
}

fn put_facts(out: &mut Vec<u8>, facts: &Facts<'_>) {
    out.push(facts.cause as u8);
    put_varint(out, facts.ts_ms);
    out.push(facts.by.map_or(NOBODY, |by| by as u8));
    if facts.by.is_some() {
        // Facts are of a leg, with a level and a price, or of expiry, with neither.
        put_price(out, facts.level.unwrap_or(*PRICE_RANGE.start()));
        put_price(out, facts.price.unwrap_or(*PRICE_RANGE.start()));
    }
    put_bytes(out, facts.tick);
    out.push(facts.extreme.is_some().into());
    if let Some(extreme) = facts.extreme {
        put_price(out, extreme);
    }
}

fn take_facts<'a>(reader: &mut Reader<'a>) -> Result<Facts<'a>, DecodeError> {
    let cause = Cause::ALL.get(usize::from(reader.byte()?)).copied().ok_or(DecodeError::Invalid("cause"))?;
    let ts_ms = reader.varint("time of a fire", u64::MAX)?;
    let by = match reader.byte()? {
        NOBODY => None,
        number => Some(source_of(number)?),
    };
    let level = by.is_some().then(|| take_price(reader)).transpose()?;
    let price = by.is_some().then(|| take_price(reader)).transpose()?;
    let tick = reader.bytes("tick", MAX_TICK_BYTES)?;
    let extreme = reader.flag("extreme")?.then(|| take_price(reader)).transpose()?;
    Ok(Facts { cause, by, level, price, ts_ms, tick, extreme })
}

const fn side_byte(side: Option<Side>) -> u8 {
    match side {
        None => 0,
        Some(Side::Long) => 1,
        Some(Side::Short) => 2,
    }
}

const fn side_of(byte: u8) -> Result<Option<Side>, DecodeError> {
    match byte {
        0 => Ok(None),
        1 => Ok(Some(Side::Long)),
        2 => Ok(Some(Side::Short)),
        _ => Err(DecodeError::Invalid("side")),
    }
}

fn take_owed(reader: &mut Reader<'_>) -> Result<Owed, DecodeError> {
    Owed::BOTH.get(usize::from(reader.byte()?)).copied().ok_or(DecodeError::Invalid("whom a fire is owed to"))
}

fn take_source(reader: &mut Reader<'_>) -> Result<Source, DecodeError> {
    source_of(reader.byte()?)
}

fn source_of(number: u8) -> Result<Source, DecodeError> {
    Source::ALL.get(usize::from(number)).copied().ok_or(DecodeError::Invalid("source"))
}

/// Digits behind the point of a price's unit.
const UNIT_SCALE: u8 = 15;

fn put_price(out: &mut Vec<u8>, price: Price) {
    const BILLION: u128 = 1_000_000_000;
    let (mut mantissa, mut scale) = (price.unsigned_abs(), UNIT_SCALE);
    // Hardly a price has more than six digits behind the point: nine zeros go at once.
    if mantissa.is_multiple_of(BILLION) {
        (mantissa, scale) = (mantissa / BILLION, scale - 9);
    }
    while scale > 0 && mantissa.is_multiple_of(10) {
        mantissa /= 10;
        scale -= 1;
    }
    out.push(scale);
    while mantissa >= 0x80 {
        out.push(mantissa as u8 | 0x80);
        mantissa >>= 7;
    }
    out.push(mantissa as u8);
}

fn take_price(reader: &mut Reader<'_>) -> Result<Price, DecodeError> {
    let invalid = DecodeError::Invalid("price");
    let scale = reader.byte()?;
    let mut mantissa = 0_u128;
    for shift in (0..126).step_by(7) {
        let byte = reader.byte()?;
        mantissa |= u128::from(byte & 0x7f) << shift;
        if byte >= 0x80 {
            continue;
        }
        // The shortest form, and the only one.
        if byte == 0 && shift > 0 || scale > 0 && mantissa.is_multiple_of(10) || scale > UNIT_SCALE {
            return Err(invalid);
        }
        let units = mantissa.checked_mul(10_u128.pow((UNIT_SCALE - scale).into()));
        let price = units.and_then(|units| Price::try_from(units).ok());
        // Distances may be shorter than the least price.
        return price.filter(|price| (1..=*PRICE_RANGE.end()).contains(price)).ok_or(invalid);
    }
    Err(invalid)
}
