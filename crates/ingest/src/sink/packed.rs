//! What goes to one key under one number: the events, encoded, and the command that carries them.

use std::collections::BTreeMap;

use liq_core::grammar::Decimal;
use liq_core::liq::request::{NewEvent, encode_events};
use liq_core::market::request::{NewTick, Put, QuoteRequest, encode_ticks};
use liq_core::market::store::{GRACE_RANGE_MS, Quote, VenueRow};
use redis::{Pipeline, Value};

use super::counts::Counts;
use super::rows::wire_form;
use crate::event::Event;
use crate::item::Item;
use crate::market::{Candle, MarketItem, Told, Trade};

/// Which command carries events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// `LIQ.MADDPACK`.
    Liquidations,
    /// `TICK.MADD`, perhaps with `GAP`.
    Ticks {
        /// Trades may be missing before the first.
        gap: bool,
    },
    /// `CANDLE.PUT`, perhaps behind a heartbeat that tells the market that they have ended.
    Candles {
        /// When the last of them has ended for good, Unix milliseconds; nothing where the clock knows.
        until_ms: Option<u64>,
    },
    /// `TICK.QUOTE`.
    Quote,
}

/// The events of one key that travel under one number.
#[derive(Debug)]
pub struct Packed {
    /// Grows from batch to batch of one producer.
    pub seq: u64,
    /// How many events.
    pub events: usize,
    load: Load,
    /// What stands behind the key; a MessagePack payload is one argument.
    args: Vec<Vec<u8>>,
}

impl Packed {
    /// Packs liquidations, in this order.
    pub fn new<'a>(seq: u64, events: impl Iterator<Item = &'a Event>) -> Self {
        let events: Vec<NewEvent<'_>> = events.map(wire_form).collect();
        Self::from_wire(seq, &events)
    }

    /// Packs liquidations in their travelling form.
    pub fn from_wire(seq: u64, events: &[NewEvent<'_>]) -> Self {
        Self { seq, events: events.len(), load: Load::Liquidations, args: vec![encode_events(events)] }
    }

    /// Packs ticks in their travelling form.
    pub fn from_ticks(seq: u64, gap: bool, ticks: &[NewTick<'_>]) -> Self {
        Self { seq, events: ticks.len(), load: Load::Ticks { gap }, args: vec![encode_ticks(ticks)] }
    }

    /// Packs numbered items of one key, in this order: one batch for each run of what one command can carry, which has
    /// the number of its last item. Quotes are left out.
    pub fn runs<'a>(items: impl Iterator<Item = (u64, &'a Item)>) -> Vec<Self> {
        let items: Vec<(u64, &Item)> = items.collect();
        let mut packed = Vec::new();
        for run in items.chunk_by(|(_, a), (_, b)| go_together(a, b)) {
            let Some((seq, first)) = run.last().map(|(seq, _)| *seq).zip(run.first().map(|(_, item)| *item)) else {
                continue;
            };
            match first {
                Item::Liquidation(_) => {
                    let events = run.iter().filter_map(|(_, item)| match item {
                        Item::Liquidation(event) => Some(event),
                        Item::Market(_) => None,
                    });
                    packed.push(Self::new(seq, events));
                }
                Item::Market(MarketItem { told: Told::Trade(trade), .. }) => {
                    let ticks: Vec<NewTick<'_>> =
                        run.iter().filter_map(|(_, item)| trade_of(item)).map(Trade::wire).collect();
                    packed.push(Self::from_ticks(seq, trade.follows_gap, &ticks));
                }
                Item::Market(MarketItem { told: Told::Candle(_), .. }) => {
                    let candles: Vec<&Candle> = run.iter().filter_map(|(_, item)| candle_of(item)).collect();
                    packed.extend(Self::from_candles(seq, &candles));
                }
                Item::Market(MarketItem { told: Told::Quote(_), .. }) => {}
            }
        }
        packed
    }

    /// Packs candles of one level; of those that begin together the last counts.
    pub fn from_candles(seq: u64, candles: &[&Candle]) -> Option<Self> {
        let rows: BTreeMap<u64, &Candle> = candles.iter().map(|candle| (candle.row.start_ms, *candle)).collect();
        let last = *rows.values().next_back()?;
        let put = Put { unit: last.level, is_whole: false, rows: rows.values().map(|candle| candle.row).collect() };
        // What GRACE may wait for at most is waited for.
        let load = Load::Candles { until_ms: Some(last.end_ms() + GRACE_RANGE_MS.end()) };
        Some(Self { seq, events: candles.len(), load, args: args_of(&put) })
    }

    /// Packs candles of one level, ascending, than which the venue has no others between the first and the last.
    pub fn whole_candles(candles: &[&Candle]) -> Option<Self> {
        let rows: Vec<_> = candles.iter().map(|candle| candle.row).collect();
        let put = Put { unit: candles.first()?.level, is_whole: true, rows };
        Some(Self { seq: 0, events: candles.len(), load: Load::Candles { until_ms: None }, args: args_of(&put) })
    }

    /// Packs prices without a trade.
    pub fn quote(quote: &Quote) -> Self {
        let request = QuoteRequest { ts_ms: Some(quote.ts_ms), quote: *quote, at_ms: None };
        Self { seq: 0, events: 1, load: Load::Quote, args: request.to_args() }
    }

    /// What the last answer counts; nothing where it is not the command's.
    pub fn counts(&self, answer: &Value) -> Option<Counts> {
        match self.load {
            Load::Quote => matches!(answer, Value::Array(_)).then(Counts::default),
            _ => Counts::decode(answer),
        }
    }

    /// Liquidations or ticks as MessagePack.
    pub fn payload(&self) -> &[u8] {
        self.args.first().map_or(&[], Vec::as_slice)
    }

    /// How many commands it takes; the last one's answer counts.
    pub const fn commands(&self) -> usize {
        match self.load {
            Load::Candles { until_ms: Some(_) } => 2,
            _ => 1,
        }
    }

    /// Appends its commands.
    pub fn add_to(&self, part: &mut Pipeline, key: &str, producer: &str) {
        match self.load {
            Load::Liquidations => {
                part.cmd("LIQ.MADDPACK").arg(key).arg(&self.args).arg("BATCH").arg(producer).arg(self.seq);
            }
            Load::Ticks { gap } => {
                part.cmd("TICK.MADD").arg(key).arg("BATCH").arg(producer).arg(self.seq);
                if gap {
                    part.arg("GAP");
                }
                part.arg("PACK").arg(&self.args);
            }
            Load::Candles { until_ms } => {
                if let Some(until_ms) = until_ms {
                    part.cmd("TICK.QUOTE").arg(key).arg(until_ms);
                }
                part.cmd("CANDLE.PUT").arg(key).arg(&self.args);
            }
            Load::Quote => {
                part.cmd("TICK.QUOTE").arg(key).arg(&self.args);
            }
        }
    }
}

/// The arguments of `CANDLE.PUT`: as MessagePack where a row does not tell everything, for only there is a place for nil.
fn args_of(put: &Put) -> Vec<Vec<u8>> {
    let tells_all = |row: &VenueRow| {
        row.quote.is_some() && row.trades.is_some() && row.taker_volume.is_some() && row.taker_quote.is_some()
    };
    if put.rows.iter().all(tells_all) {
        return put.to_args();
    }
    let mut args = vec![put.unit.name.into()];
    args.extend(put.is_whole.then(|| b"WHOLE".to_vec()));
    args.extend([b"PACK".to_vec(), pack_rows(&put.rows)]);
    args
}

fn pack_rows(rows: &[VenueRow]) -> Vec<u8> {
    let mut out = Vec::new();
    let text = |out: &mut Vec<u8>, number: Option<Decimal>| match number {
        // Writing to a Vec cannot fail, so the results carry nothing.
        Some(number) => drop(rmp::encode::write_str(out, &number.to_string())),
        None => drop(rmp::encode::write_nil(out)),
    };
    let _ = rmp::encode::write_array_len(&mut out, rows.len() as u32);
    for row in rows {
        let _ = rmp::encode::write_array_len(&mut out, 11);
        let _ = rmp::encode::write_uint(&mut out, row.start_ms);
        row.prices.into_iter().chain([row.volume]).for_each(|number| text(&mut out, Some(number)));
        // The end follows from the start.
        let _ = rmp::encode::write_nil(&mut out);
        text(&mut out, row.quote);
        match row.trades {
            Some(trades) => drop(rmp::encode::write_uint(&mut out, trades)),
            None => drop(rmp::encode::write_nil(&mut out)),
        }
        text(&mut out, row.taker_volume);
        text(&mut out, row.taker_quote);
    }
    out
}

/// Whether one command carries both, the second behind the first.
fn go_together(a: &Item, b: &Item) -> bool {
    match (a, b) {
        (Item::Liquidation(_), Item::Liquidation(_)) => true,
        (Item::Market(a), Item::Market(b)) => match (&a.told, &b.told) {
            (Told::Trade(_), Told::Trade(trade)) => !trade.follows_gap,
            (Told::Candle(a), Told::Candle(b)) => a.level.width_ms == b.level.width_ms,
            _ => false,
        },
        _ => false,
    }
}

const fn trade_of(item: &Item) -> Option<&Trade> {
    match item {
        Item::Market(MarketItem { told: Told::Trade(trade), .. }) => Some(trade),
        _ => None,
    }
}

const fn candle_of(item: &Item) -> Option<&Candle> {
    match item {
        Item::Market(MarketItem { told: Told::Candle(candle), .. }) => Some(candle),
        _ => None,
    }
}
