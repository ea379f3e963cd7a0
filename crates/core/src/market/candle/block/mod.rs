//! A run of neighbouring candles in few bytes, with its sum: prices as differences, quote volumes as differences from
//! volume × price, one scale for each kind of column.

mod seek;

use super::candle::{Candle, QUOTE_SCALE, VOLUME_SCALE};
use crate::grammar::{Decimal, power_of_ten};
use crate::market::tape::Moment;
use crate::wire::{Reader, put_varint, put_varint128, unzigzag, zigzag};

/// Digits behind the point of a block's columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Scales {
    price: u8,
    volume: u8,
    quote: u8,
}

impl Scales {
    const NONE: Self = Self { price: 0, volume: 0, quote: 0 };

    /// The least that hold `candle` too.
    fn holding(self, candle: &Candle) -> Self {
        let prices = [candle.open, candle.high, candle.low, candle.close];
        let price = prices.iter().fold(self.price, |scale, price| scale.max(price.scale()));
        let volumes = [Some(candle.volume), candle.taker_volume];
        let quotes = [candle.quote, candle.taker_quote];
        Self {
            price,
            volume: volumes.into_iter().flatten().fold(self.volume, |scale, units| least(scale, units, VOLUME_SCALE)),
            quote: quotes.into_iter().flatten().fold(self.quote, |scale, units| least(scale, units, QUOTE_SCALE)),
        }
    }
}

/// The least scale from `scale` on in which `units` of 10^-`from` are whole.
fn least(mut scale: u8, units: u128, from: u8) -> u8 {
    while scale < from && !units.is_multiple_of(power_of_ten(from - scale)) {
        scale += 1;
    }
    scale
}

/// A run of candles, packed. Its first ones may have left: they are skipped when it is unpacked.
#[derive(Debug, Clone)]
pub struct Block {
    bytes: Vec<u8>,
    len: u32,
    skipped: u32,
    scales: Scales,
    /// All candles that are packed, as one; boxed, as a level has one for every sixty candles.
    summary: Box<Candle>,
    /// Where the first that did not leave begins, Unix ms.
    pub first_start_ms: u64,
    /// Where the last begins, Unix ms.
    pub last_start_ms: u64,
}

impl Block {
    /// Packs `candles`, which ascend; `None` without any.
    pub fn pack(candles: &[Candle]) -> Option<Self> {
        let (first, rest) = candles.split_first()?;
        let scales = candles.iter().fold(Scales::NONE, Scales::holding);
        let mut block = Self {
            bytes: Vec::new(),
            len: 0,
            skipped: 0,
            scales,
            summary: Box::new(*first),
            first_start_ms: first.start_ms,
            last_start_ms: first.start_ms,
        };
        put(&mut block.bytes, first, scales, &Before::NONE);
        block.len = 1;
        rest.iter().for_each(|candle| block.append(candle, scales));
        block.bytes.shrink_to_fit();
        Some(block)
    }

    fn append(&mut self, candle: &Candle, scales: Scales) {
        let before = Before::behind(&self.summary, self.last_start_ms, scales);
        put(&mut self.bytes, candle, scales, &before);
        self.summary.merge(candle);
        self.last_start_ms = candle.start_ms;
        self.len += 1;
    }

    /// Adds a candle behind all others.
    pub fn push(&mut self, candle: &Candle) {
        let scales = self.scales.holding(candle);
        if scales == self.scales {
            self.append(candle, scales);
            return;
        }
        let mut candles = Vec::with_capacity(self.len() + 1);
        self.unpack(&mut candles);
        candles.push(*candle);
        self.repack(&candles);
    }

    /// Gives back room that nothing more is to go into.
    pub fn fit(&mut self) {
        self.bytes.shrink_to_fit();
    }

    /// Gives back the memory that holds no candle: room at the end, and those that left.
    pub fn free_spare(&mut self) {
        if self.skipped > 0 {
            let mut candles = Vec::with_capacity(self.len());
            self.unpack(&mut candles);
            self.repack(&candles);
        }
        self.fit();
    }

    /// Holds `candles` instead of what it held; nothing changes without any.
    pub fn repack(&mut self, candles: &[Candle]) {
        if let Some(block) = Self::pack(candles) {
            *self = block;
        }
    }

    /// Appends the candles held to `out`.
    pub fn unpack(&self, out: &mut Vec<Candle>) {
        let (mut reader, columns) = (Reader::new(&self.bytes), Columns::of(self.scales));
        let mut before = Before::NONE;
        out.reserve(self.len());
        for place in 0..self.len {
            let Some(candle) = read(&mut reader, &columns, &mut before) else { return };
            if place >= self.skipped {
                out.push(candle);
            }
        }
    }

    /// How many are held.
    pub const fn len(&self) -> usize {
        (self.len - self.skipped) as usize
    }

    /// Takes the first out; the block stays behind empty when it was the last.
    pub fn pop_first(&mut self) -> Option<Candle> {
        let (mut reader, columns) = (Reader::new(&self.bytes), Columns::of(self.scales));
        let mut before = Before::NONE;
        for _ in 0..self.skipped {
            read(&mut reader, &columns, &mut before)?;
        }
        let gone = read(&mut reader, &columns, &mut before)?;
        self.skipped += 1;
        if self.skipped < self.len {
            self.first_start_ms = read(&mut reader, &columns, &mut before)?.start_ms;
        }
        Some(gone)
    }

    /// All candles as one, if none has left.
    pub const fn summary(&self) -> Option<&Candle> {
        if self.skipped == 0 { Some(&self.summary) } else { None }
    }

    /// Its buffers.
    pub fn buffers(&mut self) -> (&mut Vec<u8>, &mut Box<Candle>) {
        (&mut self.bytes, &mut self.summary)
    }

    /// Measures its buffers.
    pub fn measure(&self, measure: &mut crate::heap::Measure<'_>) {
        crate::heap::vec(&self.bytes, measure);
        crate::heap::boxed(&*self.summary, measure);
    }
}

/// What differences are taken from: the candle before.
struct Before {
    start_ms: u64,
    close: u128,
    last_id: u64,
}

impl Before {
    const NONE: Self = Self { start_ms: 0, close: 0, last_id: 0 };

    fn behind(last: &Candle, start_ms: u64, scales: Scales) -> Self {
        Self { start_ms, close: last.close.units(scales.price), last_id: last.last.id }
    }
}

const IS_ROW: u8 = 1;
const QUOTE: u8 = 2;
const TRADES: u8 = 4;
const TAKER_VOLUME: u8 = 8;
const TAKER_QUOTE: u8 = 16;

fn put(out: &mut Vec<u8>, candle: &Candle, scales: Scales, before: &Before) {
    let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
    out.push(
        flag(candle.is_row, IS_ROW)
            | flag(candle.quote.is_some(), QUOTE)
            | flag(candle.trades.is_some(), TRADES)
            | flag(candle.taker_volume.is_some(), TAKER_VOLUME)
            | flag(candle.taker_quote.is_some(), TAKER_QUOTE),
    );
    // Units and zones are whole seconds.
    put_varint(out, (candle.start_ms - before.start_ms) / 1_000);
    let prices = [candle.open, candle.high, candle.low, candle.close].map(|price| price.units(scales.price));
    let [open, high, low, close] = prices;
    put_varint128(out, zigzag(open.wrapping_sub(before.close).cast_signed()));
    put_varint128(out, zigzag(close.wrapping_sub(open).cast_signed()));
    put_varint128(out, high - open.max(close));
    put_varint128(out, open.min(close) - low);
    let volume_units = |units: u128| units / power_of_ten(VOLUME_SCALE - scales.volume);
    let quote_units = |units: u128| units / power_of_ten(QUOTE_SCALE - scales.quote);
    let worth = Worth::of(prices, scales);
    let volume = volume_units(candle.volume);
    put_varint128(out, volume);
    if let Some(quote) = candle.quote {
        put_varint128(out, zigzag(quote_units(quote).wrapping_sub(worth.of_volume(volume)).cast_signed()));
    }
    if let Some(trades) = candle.trades {
        put_varint(out, trades);
    }
    let taker = candle.taker_volume.map(volume_units);
    if let Some(taker) = taker {
        put_varint128(out, taker);
    }
    if let Some(quote) = candle.taker_quote {
        let guess = worth.of_volume(taker.unwrap_or(0));
        put_varint128(out, zigzag(quote_units(quote).wrapping_sub(guess).cast_signed()));
    }
    let apart = |a: u64, b: u64| zigzag(i128::from(a) - i128::from(b));
    put_varint128(out, apart(candle.first.ts_ms, candle.start_ms));
    put_varint128(out, apart(candle.last.ts_ms, candle.first.ts_ms));
    put_varint128(out, apart(candle.first.id, before.last_id.wrapping_add(1)));
    put_varint128(out, apart(candle.last.id, candle.first.id));
}

/// What a volume is worth about, so that little remains to be said of its quote volume.
struct Worth {
    /// Four times the middle price.
    prices: u128,
    /// The quote volume's scale less that of the product.
    shift: i8,
}

impl Worth {
    fn of([open, high, low, close]: [u128; 4], scales: Scales) -> Self {
        let shift = scales.quote.cast_signed() - (scales.price + scales.volume).cast_signed();
        Self { prices: open.wrapping_add(high).wrapping_add(low).wrapping_add(close), shift }
    }

    /// Any number would do, as long as it is the same for who packs and who unpacks.
    fn of_volume(&self, volume: u128) -> u128 {
        let product = volume.wrapping_mul(self.prices) / 4;
        match self.shift {
            0 => product,
            shift if shift < 0 => product / power_of_ten(shift.unsigned_abs()),
            shift => product.wrapping_mul(power_of_ten(shift.unsigned_abs())),
        }
    }
}

/// What turns a block's integers into those of candles, worked out once for all of them.
struct Columns {
    scales: Scales,
    volume_power: u128,
    quote_power: u128,
}

impl Columns {
    fn of(scales: Scales) -> Self {
        let (volume_power, quote_power) =
            (power_of_ten(VOLUME_SCALE - scales.volume), power_of_ten(QUOTE_SCALE - scales.quote));
        Self { scales, volume_power, quote_power }
    }
}

#[inline]
fn read(reader: &mut Reader<'_>, columns: &Columns, before: &mut Before) -> Option<Candle> {
    let Columns { scales, volume_power, quote_power } = *columns;
    let flags = reader.byte().ok()?;
    let has = |flag: u8| flags & flag != 0;
    let start_ms = before.start_ms + reader.varint("", u64::MAX).ok()? * 1_000;
    let mut next = || reader.varint128("", u128::MAX).ok();
    let open = before.close.wrapping_add_signed(unzigzag(next()?));
    let close = open.wrapping_add_signed(unzigzag(next()?));
    let high = open.max(close) + next()?;
    let low = open.min(close).checked_sub(next()?)?;
    let worth = Worth::of([open, high, low, close], scales);
    let volume = next()?;
    let quote_of =
        |volume: u128, apart: u128| worth.of_volume(volume).wrapping_add_signed(unzigzag(apart)) * quote_power;
    let quote = if has(QUOTE) { Some(quote_of(volume, next()?)) } else { None };
    let trades = if has(TRADES) { Some(next()? as u64) } else { None };
    let taker = if has(TAKER_VOLUME) { Some(next()?) } else { None };
    let taker_quote = if has(TAKER_QUOTE) { Some(quote_of(taker.unwrap_or(0), next()?)) } else { None };
    let apart = |from: u64, code: u128| u64::try_from(i128::from(from) + unzigzag(code)).ok();
    let first_ms = apart(start_ms, next()?)?;
    let last_ms = apart(first_ms, next()?)?;
    let first_id = apart(before.last_id.wrapping_add(1), next()?)?;
    let last_id = apart(first_id, next()?)?;
    *before = Before { start_ms, close, last_id };
    let price = |units| Decimal::rounded(units, scales.price);
    Some(Candle {
        start_ms,
        open: price(open)?,
        high: price(high)?,
        low: price(low)?,
        close: price(close)?,
        volume: volume * volume_power,
        quote,
        trades,
        taker_volume: taker.map(|taker| taker * volume_power),
        taker_quote,
        first: Moment { ts_ms: first_ms, id: first_id },
        last: Moment { ts_ms: last_ms, id: last_id },
        is_row: has(IS_ROW),
    })
}
