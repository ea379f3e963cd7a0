//! Going to one candle of a block without unpacking those before it: what a late trade changes is one candle and, at most,
//! how the next one is told from it.

use super::super::{Candle, Span};
use super::{Before, Block, Columns, QUOTE, TAKER_QUOTE, TAKER_VOLUME, TRADES, put, read};
use crate::market::tape::{Order, Tick};
use crate::steps;
use crate::wire::{Reader, unzigzag};

/// Room for two candles.
const ROOM_BYTES: usize = 256;

impl Block {
    /// Appends the candles held that begin in `span` to `out`.
    pub fn unpack_within(&self, span: Span, out: &mut Vec<Candle>) {
        let Some((mut reader, mut before, passed)) = self.seek(span.start_ms) else { return };
        let columns = Columns::of(self.scales);
        for _ in passed..self.len {
            match read(&mut reader, &columns, &mut before) {
                Some(candle) if candle.start_ms < span.end_ms => out.push(candle),
                _ => return,
            }
            steps::note(1);
        }
    }

    /// The candle that begins at `start_ms`.
    pub fn find(&self, start_ms: u64) -> Option<Candle> {
        let (mut reader, mut before, _) = self.seek(start_ms)?;
        read(&mut reader, &Columns::of(self.scales), &mut before).filter(|candle| candle.start_ms == start_ms)
    }

    /// Adds a tick to the candle that begins at `start_ms`. Answers whether that was done: it is left to others where there is
    /// no such candle, where it is a row, and where it would need other scales.
    pub fn amend(&mut self, start_ms: u64, tick: &Tick<'_>, order: Order) -> bool {
        self.try_amend(start_ms, tick, order).is_some()
    }

    fn try_amend(&mut self, start_ms: u64, tick: &Tick<'_>, order: Order) -> Option<()> {
        let (mut reader, before, passed) = self.seek(start_ms)?;
        let begin = self.bytes.len() - reader.left();
        let mut behind = Before { ..before };
        let columns = Columns::of(self.scales);
        let mut candle = read(&mut reader, &columns, &mut behind).filter(|candle| candle.start_ms == start_ms)?;
        if candle.is_row {
            return None;
        }
        let (close, last_id) = (candle.close, candle.last.id);
        candle.add(tick, order);
        if self.scales.holding(&candle) != self.scales {
            return None;
        }
        let mut bytes = Vec::with_capacity(ROOM_BYTES);
        put(&mut bytes, &candle, self.scales, &before);
        if (candle.close, candle.last.id) != (close, last_id) && passed + 1 < self.len {
            let next = read(&mut reader, &columns, &mut behind)?;
            put(&mut bytes, &next, self.scales, &Before::behind(&candle, start_ms, self.scales));
        }
        let end = self.bytes.len() - reader.left();
        self.bytes.reserve_exact(bytes.len().saturating_sub(end - begin));
        self.bytes.splice(begin..end, bytes);
        self.summary.add(tick, order);
        Some(())
    }

    /// Where the first candle is packed that was not let go and does not begin before `start_ms`: what is to be read there,
    /// what it is told from, and how many lie before it.
    fn seek(&self, start_ms: u64) -> Option<(Reader<'_>, Before, u32)> {
        let (mut reader, mut before) = (Reader::new(&self.bytes), Before::NONE);
        for passed in 0..self.len {
            let mut ahead = reader.clone();
            let flags = ahead.byte().ok()?;
            let starts_ms = before.start_ms + ahead.varint("", u64::MAX).ok()? * 1_000;
            if passed >= self.skipped && starts_ms >= start_ms {
                return Some((reader, before, passed));
            }
            before = pass(&mut ahead, flags, starts_ms, &before)?;
            steps::note(1);
            reader = ahead;
        }
        None
    }
}

/// Passes over a candle behind its start: of all that it holds only what the next one is told from is looked at.
fn pass(reader: &mut Reader<'_>, flags: u8, start_ms: u64, before: &Before) -> Option<Before> {
    let open = before.close.wrapping_add_signed(unzigzag(reader.varint128("", u128::MAX).ok()?));
    let close = open.wrapping_add_signed(unzigzag(reader.varint128("", u128::MAX).ok()?));
    // High, low, volume and what rows need not tell; when the first trade was and the last.
    let optional = (flags & (QUOTE | TRADES | TAKER_VOLUME | TAKER_QUOTE)).count_ones();
    reader.pass_varints(3 + optional as usize + 2)?;
    let first_id = apart(before.last_id.wrapping_add(1), reader.varint128("", u128::MAX).ok()?)?;
    let last_id = apart(first_id, reader.varint128("", u128::MAX).ok()?)?;
    Some(Before { start_ms, close, last_id })
}

fn apart(from: u64, code: u128) -> Option<u64> {
    u64::try_from(i128::from(from) + unzigzag(code)).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::grammar::Decimal;
    use crate::market::tape::{Id, Moment, Side};

    const MINUTE_MS: u64 = 60_000;

    fn tick((ms, price, qty, id, side): (u64, u64, u64, u64, u8)) -> Tick<'static> {
        Tick {
            ts_ms: 1_735_689_600_000 + ms,
            side: Side::from_code(side).unwrap(),
            price: Decimal::new(price, 2).unwrap(),
            qty: Decimal::new(qty, 3).unwrap(),
            id: Id::Numbers { first: id, last: id + id % 3 },
        }
    }

    proptest! {
        /// Ticks into candles of a packed block, and into the same candles unpacked.
        #[test]
        fn a_candle_amended_where_it_lies_is_the_candle_with_the_tick(
            made in proptest::collection::btree_map(0_u64..40, (0_u64..60_000, 1_u64..10_000_000, 0_u64..1_000_000, 0_u64..1_000_000, 0_u8..3), 1..30),
            late in proptest::collection::vec((0..40 * MINUTE_MS, 1_u64..10_000_000, 0_u64..1_000_000, 0_u64..1_000_000, 0_u8..3), 1..20),
            rows in proptest::collection::btree_map(0_u64..40, any::<bool>(), 0..20), gone in 0_usize..4, is_by_id: bool,
        ) {
            let order = if is_by_id { Order::Id } else { Order::Time };
            let start_of = |tick: &Tick<'_>| tick.ts_ms / MINUTE_MS * MINUTE_MS;
            let mut candles: Vec<Candle> = made
                .into_iter()
                .map(|(minute, (ms, price, qty, id, side))| {
                    let tick = tick((minute * MINUTE_MS + ms, price, qty, id, side));
                    let candle = Candle::of(&tick, order, start_of(&tick));
                    match rows.get(&minute) {
                        Some(is_traded) => {
                            let first = Moment { ts_ms: candle.start_ms, id: u64::from(*is_traded) };
                            Candle { is_row: true, trades: None, taker_quote: None, first, ..candle }
                        }
                        None => candle,
                    }
                })
                .collect();
            let mut block = Block::pack(&candles).unwrap();
            for _ in 0..gone.min(candles.len() - 1) {
                prop_assert_eq!(block.pop_first(), Some(candles.remove(0)));
            }
            for tick in late.into_iter().map(tick) {
                let start_ms = start_of(&tick);
                let place = candles.iter().position(|candle| candle.start_ms == start_ms);
                prop_assert_eq!(block.find(start_ms), place.map(|place| candles[place]));
                if block.amend(start_ms, &tick, order) {
                    candles[place.unwrap()].add(&tick, order);
                }
                let mut unpacked = Vec::new();
                block.unpack(&mut unpacked);
                prop_assert_eq!(&unpacked, &candles);
                let within = Span { start_ms, end_ms: start_ms + 7 * MINUTE_MS };
                let mut some = Vec::new();
                block.unpack_within(within, &mut some);
                let wanted = candles.iter().filter(|candle| (within.start_ms..within.end_ms).contains(&candle.start_ms));
                prop_assert!(wanted.eq(&some));
                if let Some(summary) = block.summary() {
                    let mut merged = candles[0];
                    candles[1..].iter().for_each(|candle| merged.merge(candle));
                    prop_assert_eq!(*summary, merged);
                }
            }
        }
    }
}
