//! The candles of all levels.

use std::ops::ControlFlow;

use super::scalars::{put_decimal, read_decimal};
use crate::grammar::MAX_TIMESTAMP_MS;
use crate::market::candle::{Candle, Level, Levels, Span};
use crate::market::store::Options;
use crate::market::tape::{Moment, PRICE_RANGE};
use crate::wire::{DecodeError, Reader, put_varint, put_varint128};

const IS_ROW: u8 = 1;
const QUOTE: u8 = 2;
const TRADES: u8 = 4;
const TAKER_VOLUME: u8 = 8;
const TAKER_QUOTE: u8 = 16;

/// The end of the last candle there can be: a day behind the last moment.
const MAX_REACH_MS: u64 = MAX_TIMESTAMP_MS + 2 * 86_400_000;

pub fn put(out: &mut Vec<u8>, levels: &Levels) {
    for level in levels.list() {
        put_varint(out, level.reach_ms());
        put_varint(out, level.len() as u64);
        let mut before_ms = 0;
        let mut visit = |candle: &Candle| {
            put_candle(out, candle, before_ms);
            before_ms = candle.start_ms;
            ControlFlow::Continue(())
        };
        let all = Span { start_ms: 0, end_ms: u64::MAX };
        let _ = level.visit(all, false, |_, _| false, &mut visit);
        let _ = level.visit_fresh(all, false, &mut visit);
    }
}

fn put_candle(out: &mut Vec<u8>, candle: &Candle, before_ms: u64) {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    out.push(
        flag(candle.is_row, IS_ROW)
            | flag(candle.quote.is_some(), QUOTE)
            | flag(candle.trades.is_some(), TRADES)
            | flag(candle.taker_volume.is_some(), TAKER_VOLUME)
            | flag(candle.taker_quote.is_some(), TAKER_QUOTE),
    );
    put_varint(out, (candle.start_ms - before_ms) / 1_000);
    [candle.open, candle.high, candle.low, candle.close].into_iter().for_each(|price| put_decimal(out, price));
    put_varint128(out, candle.volume);
    candle.quote.into_iter().for_each(|units| put_varint128(out, units));
    candle.trades.into_iter().for_each(|count| put_varint(out, count));
    candle.taker_volume.into_iter().for_each(|units| put_varint128(out, units));
    candle.taker_quote.into_iter().for_each(|units| put_varint128(out, units));
    put_varint(out, candle.first.ts_ms - candle.start_ms);
    put_varint(out, candle.last.ts_ms - candle.first.ts_ms);
    put_varint(out, candle.first.id);
    put_varint(out, candle.last.id);
}

pub fn read(reader: &mut Reader<'_>, options: &Options) -> Result<Levels, DecodeError> {
    let mut list: Vec<Level> = Vec::new();
    for (unit, keep) in options.keep.units() {
        let reach_ms = reader.varint("reach", MAX_REACH_MS)?;
        let empty = Level::new(unit, options.zone, reach_ms);
        // A candle takes at least 15 bytes.
        let count = reader.length("number of candles", keep as usize, 15)?;
        let mut candles: Vec<Candle> = Vec::with_capacity(count);
        for place in 0..count {
            let before = candles.last();
            let candle = read_candle(reader, &empty, before.map_or(0, |candle| candle.start_ms))?;
            if place > 0 && before.is_some_and(|before| before.start_ms >= candle.start_ms) {
                return Err(DecodeError::Invalid("order of candles"));
            }
            candles.push(candle);
        }
        check_reach(&candles, &empty, list.last())?;
        list.push(Level::loaded(unit, options.zone, reach_ms, &candles));
    }
    Ok(Levels::loaded(list, options.keep, options.zone))
}

/// Nothing is held before the reach, nor where a finer level holds something.
fn check_reach(candles: &[Candle], level: &Level, finer: Option<&Level>) -> Result<(), DecodeError> {
    let begins_in_reach = candles.first().is_none_or(|first| first.start_ms >= level.span(level.reach_ms()).start_ms);
    let ends_before_finer = finer.is_none_or(|finer| {
        let newest_ms = candles.last().map_or(0, |newest| newest.last.ts_ms);
        level.reach_ms() <= finer.reach_ms() && newest_ms <= finer.reach_ms()
    });
    if begins_in_reach && ends_before_finer { Ok(()) } else { Err(DecodeError::Invalid("reach of a level")) }
}

fn read_candle(reader: &mut Reader<'_>, level: &Level, before_ms: u64) -> Result<Candle, DecodeError> {
    let flags = reader.byte()?;
    if flags > IS_ROW | QUOTE | TRADES | TAKER_VOLUME | TAKER_QUOTE {
        return Err(DecodeError::Invalid("flags"));
    }
    let start_ms = before_ms + reader.varint("start", (MAX_TIMESTAMP_MS - before_ms) / 1_000)? * 1_000;
    let span = level.span(start_ms);
    let mut price = || read_decimal(reader, "price", &PRICE_RANGE);
    let (open, high, low, close) = (price()?, price()?, price()?, price()?);
    let volume = reader.varint128("volume", u128::MAX)?;
    let has = |flag: u8| flags & flag != 0;
    let quote = if has(QUOTE) { Some(reader.varint128("quote volume", u128::MAX)?) } else { None };
    let trades = if has(TRADES) { Some(reader.varint("trades", u64::MAX)?) } else { None };
    let taker_volume = if has(TAKER_VOLUME) { Some(reader.varint128("taker volume", u128::MAX)?) } else { None };
    let taker_quote = if has(TAKER_QUOTE) { Some(reader.varint128("taker quote volume", u128::MAX)?) } else { None };
    let width_ms = span.end_ms - span.start_ms;
    let first_ms = start_ms + reader.varint("first trade", width_ms)?;
    let last_ms = first_ms + reader.varint("last trade", width_ms)?;
    let first = Moment { ts_ms: first_ms, id: reader.varint("first trade", i64::MAX as u64)? };
    let last = Moment { ts_ms: last_ms, id: reader.varint("last trade", i64::MAX as u64)? };
    let is_sound = span.start_ms == start_ms
        && last_ms < span.end_ms
        && first <= last
        && low <= open.min(close)
        && open.max(close) <= high;
    if !is_sound {
        return Err(DecodeError::Invalid("candle"));
    }
    let is_row = has(IS_ROW);
    Ok(Candle {
        start_ms,
        open,
        high,
        low,
        close,
        volume,
        quote,
        trades,
        taker_volume,
        taker_quote,
        first,
        last,
        is_row,
    })
}
