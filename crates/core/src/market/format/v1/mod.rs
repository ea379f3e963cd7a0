//! Layout 1 of a market; docs/FORMAT.md describes it. Frozen.

mod candles;
pub mod scalars;
mod settings;
pub mod ticks;

use super::triggers;
use crate::batches::{MAX_PRODUCER_BYTES, MAX_PRODUCERS, Producers};
use crate::grammar::MAX_TIMESTAMP_MS;
use crate::market::store::{Jump, MAX_TOTAL, Market, Price, Prices, Resolution, Tally};
use crate::market::tape::{Gap, Gaps, MAX_GAPS, Moment, PRICE_RANGE, QTY_RANGE};
use crate::wire::{DecodeError, Reader, put_bytes, put_varint};
use scalars::{put_decimal, put_flag, put_option, read_decimal, read_option};

pub fn encode(market: &Market) -> Vec<u8> {
    let mut out = Vec::with_capacity(256);
    settings::put(&mut out, &market.options);
    out.push(market.resolution.index());
    put_varint(&mut out, market.time_ms);
    put_option(&mut out, market.heard_ms);
    put_option(&mut out, market.seen_ms);
    put_flag(&mut out, market.top.is_some());
    if let Some(top) = market.top {
        put_varint(&mut out, top.ts_ms);
        put_varint(&mut out, top.id);
    }
    put_prices(&mut out, market);
    put_gaps(&mut out, &market.gaps);
    put_producers(&mut out, &market.producers);
    put_tally(&mut out, &market.totals);
    ticks::put_tail(&mut out, &market.tail);
    candles::put(&mut out, &market.levels);
    triggers::put(&mut out, market.triggers());
    out
}

pub fn decode(bytes: &[u8]) -> Result<Market, DecodeError> {
    let mut reader = Reader::new(bytes);
    let market = read(&mut reader)?;
    reader.finish()?;
    Ok(market)
}

/// The market, whatever stands behind it.
pub fn read(reader: &mut Reader<'_>) -> Result<Market, DecodeError> {
    let mut market = Market::new(settings::read(reader)?);
    let resolution = Resolution::from_index(reader.byte()?).ok_or(DecodeError::Invalid("resolution"))?;
    market.time_ms = reader.varint("market time", MAX_TIMESTAMP_MS)?;
    market.heard_ms = read_option(reader, "heard", MAX_TIMESTAMP_MS)?;
    market.seen_ms = read_option(reader, "seen", MAX_TIMESTAMP_MS)?;
    if reader.flag("top")? {
        let ts_ms = reader.varint("top", MAX_TIMESTAMP_MS)?;
        market.top = Some(Moment { ts_ms, id: reader.varint("top", i64::MAX as u64)? });
    }
    read_prices(reader, &mut market)?;
    market.gaps = read_gaps(reader)?;
    market.producers = read_producers(reader)?;
    market.totals = read_tally(reader)?;
    market.tail = ticks::read_tail(reader, &market.options)?;
    market.levels = candles::read(reader, &market.options)?;
    market.keep(resolution);
    market.triggers = Some(triggers::take(reader)?).filter(|triggers| !triggers.is_untouched()).map(Box::new);
    check(&market)?;
    Ok(market)
}

/// What holds between the parts of every market.
fn check(market: &Market) -> Result<(), DecodeError> {
    let newest_ms = market.prices.last.as_ref().map(|last| last.ts_ms);
    let sees = |ms: Option<u64>| ms <= market.seen_ms;
    let top_id = market.top.map(|top| top.id);
    let gaps_are_below = market.gaps.list().iter().filter_map(|gap| gap.ids).all(|(_, last)| Some(last) < top_id);
    let is_sound = newest_ms.is_none_or(|newest_ms| newest_ms <= market.time_ms)
        && sees(newest_ms)
        && sees(market.top.map(|top| top.ts_ms))
        && market.gaps.list().iter().all(|gap| sees(Some(gap.to_ms)))
        && gaps_are_below
        && market.tail.last_ms() <= newest_ms;
    if is_sound { Ok(()) } else { Err(DecodeError::Invalid("order of what was seen")) }
}

fn put_prices(out: &mut Vec<u8>, market: &Market) {
    let Prices { last, bid, ask, mark, index } = &market.prices;
    put_flag(out, last.is_some());
    if let Some(last) = last {
        ticks::put(out, 0, &last.tick());
    }
    for price in [bid, ask, mark, index] {
        put_flag(out, price.is_some());
        if let Some(price) = price {
            put_varint(out, price.ts_ms);
            put_decimal(out, price.price);
            put_decimal(out, price.qty);
        }
    }
    for jump in market.jumps {
        put_varint(out, jump.since.map_or(0, |(_, count)| count.into()));
        if let Some((first, _)) = jump.since {
            put_decimal(out, first);
        }
    }
}

fn read_prices(reader: &mut Reader<'_>, market: &mut Market) -> Result<(), DecodeError> {
    if reader.flag("last price")? {
        market.prices.last = Some(ticks::read(reader, 0)?);
    }
    let prices = &mut market.prices;
    for slot in [&mut prices.bid, &mut prices.ask, &mut prices.mark, &mut prices.index] {
        if reader.flag("price")? {
            let ts_ms = reader.varint("timestamp", MAX_TIMESTAMP_MS)?;
            let price = read_decimal(reader, "price", &PRICE_RANGE)?;
            *slot = Some(Price { price, qty: read_decimal(reader, "qty", &QTY_RANGE)?, ts_ms });
        }
    }
    for jump in &mut market.jumps {
        let count = reader.varint("jump", Jump::MOST_DOUBTED.into())? as u8;
        if count > 0 {
            jump.since = Some((read_decimal(reader, "jump", &PRICE_RANGE)?, count));
        }
    }
    Ok(())
}

fn put_gaps(out: &mut Vec<u8>, gaps: &Gaps) {
    put_varint(out, gaps.list().len() as u64);
    for gap in gaps.list() {
        put_varint(out, gap.from_ms);
        put_varint(out, gap.to_ms);
        put_flag(out, gap.ids.is_some());
        if let Some((first, last)) = gap.ids {
            put_varint(out, first);
            put_varint(out, last);
        }
    }
}

fn read_gaps(reader: &mut Reader<'_>) -> Result<Gaps, DecodeError> {
    let count = reader.length("number of gaps", MAX_GAPS, 3)?;
    let mut list = Vec::with_capacity(count);
    for _ in 0..count {
        let from_ms = reader.varint("gap", MAX_TIMESTAMP_MS)?;
        let to_ms = reader.varint("gap", MAX_TIMESTAMP_MS)?;
        let ids = match reader.flag("gap")? {
            true => Some((reader.varint("gap", i64::MAX as u64)?, reader.varint("gap", i64::MAX as u64)?)),
            false => None,
        };
        list.push(Gap { from_ms, to_ms, ids });
    }
    Gaps::loaded(list).ok_or(DecodeError::Invalid("gaps"))
}

fn put_producers(out: &mut Vec<u8>, producers: &Producers) {
    put_varint(out, producers.latest().len() as u64);
    for (name, seq) in producers.latest() {
        put_bytes(out, name);
        put_varint(out, *seq);
    }
}

fn read_producers(reader: &mut Reader<'_>) -> Result<Producers, DecodeError> {
    let count = reader.length("number of producers", MAX_PRODUCERS, 3)?;
    let mut latest: Vec<(Box<[u8]>, u64)> = Vec::with_capacity(count);
    for _ in 0..count {
        let name = reader.bytes("producer", MAX_PRODUCER_BYTES)?;
        let seq = reader.varint("seq", i64::MAX as u64)?;
        if name.is_empty() || latest.iter().any(|(known, _)| **known == *name) {
            return Err(DecodeError::Invalid("producer"));
        }
        latest.push((name.into(), seq));
    }
    Ok(Producers::loaded(latest))
}

pub(super) fn put_tally(out: &mut Vec<u8>, tally: &Tally) {
    tally.statuses.iter().chain([&tally.closes]).for_each(|count| put_varint(out, *count));
}

pub(super) fn read_tally(reader: &mut Reader<'_>) -> Result<Tally, DecodeError> {
    let mut tally = Tally::default();
    for slot in tally.statuses.iter_mut().chain([&mut tally.closes]) {
        *slot = reader.varint("total", MAX_TOTAL)?;
    }
    Ok(tally)
}
