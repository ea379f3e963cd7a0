//! The rows of `TICK.RANGE` and `CANDLE.RANGE`.

use super::words::Exact;
use crate::grammar::{Decimal, PlainBuffer};
use crate::market::candle::{Candle, QUOTE_SCALE, VOLUME_SCALE};
use crate::market::store::{Row, State};
use crate::market::tape::{Held, Id, ShortText, Side};
use crate::wire::{Bytes, Decode, Encode, Malformed, Sink, Source};

/// A tick as it was recorded, as a client reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TickRow {
    /// Unix ms.
    pub ts_ms: u64,
    /// The taker's side.
    pub side: Side,
    /// Quote per base.
    pub price: Decimal,
    /// Base units.
    pub qty: Decimal,
    /// What the venue calls it.
    pub id: Option<Bytes>,
}

/// As a [`TickRow`]: thousands may be asked for at once, and none is copied for it.
impl Encode for Held {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(5);
        sink.count(self.ts_ms);
        self.side.encode(sink);
        self.price.encode(sink);
        self.qty.encode(sink);
        match self.id() {
            Id::None => sink.null(),
            id => sink.bytes(id.short_text(&mut ShortText::new())),
        }
    }
}

impl Decode for TickRow {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let [ts, side, price, qty, id] = source.tuple()?;
        Ok(Self {
            ts_ms: ts.count()?,
            side: Side::decode(side)?,
            price: Decimal::decode(price)?,
            qty: Decimal::decode(qty)?,
            id: Option::decode(id)?,
        })
    }
}

/// The figures of one column of a study.
#[derive(Debug, Clone, PartialEq)]
pub struct StudyColumn {
    /// The column and its lengths: `bb_lower_20_2`.
    pub name: String,
    /// A figure for each row; `None` until there are candles enough.
    pub values: Vec<Option<f64>>,
}

/// Candles, in whole or in their first six columns.
#[derive(Debug, Clone, Copy)]
pub struct CandleRows<'a> {
    /// The rows.
    pub rows: &'a [Row],
    /// Only start, open, high, low, close, volume.
    pub is_short: bool,
    /// Columns behind the candles' own.
    pub studies: &'a [StudyColumn],
}

impl Encode for CandleRows<'_> {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(self.rows.len());
        for (place, row) in self.rows.iter().enumerate() {
            sink.array(if self.is_short { 6 } else { 12 } + self.studies.len());
            encode_short(&row.candle, sink);
            if !self.is_short {
                encode_rest(row, sink);
            }
            for study in self.studies {
                sink.optional_double(study.values.get(place).copied().flatten());
            }
        }
    }
}

fn encode_short(candle: &Candle, sink: &mut impl Sink) {
    let mut text = PlainBuffer::new();
    sink.count(candle.start_ms);
    for price in [candle.open, candle.high, candle.low, candle.close] {
        sink.bytes(text.decimal_bytes(price));
    }
    sink.bytes(text.units_bytes(candle.volume, VOLUME_SCALE));
}

fn encode_rest(row: &Row, sink: &mut impl Sink) {
    let candle = &row.candle;
    let mut text = PlainBuffer::new();
    let mut sum = |units: Option<u128>, scale, sink: &mut _| match units {
        Some(units) => Sink::bytes(sink, text.units_bytes(units, scale)),
        None => Sink::null(sink),
    };
    sink.count(row.span.end_ms.saturating_sub(1));
    sum(candle.quote, QUOTE_SCALE, sink);
    sink.optional_count(candle.trades);
    sum(candle.taker_volume, VOLUME_SCALE, sink);
    sum(candle.taker_quote, QUOTE_SCALE, sink);
    sink.text(row.state.name());
}

/// A candle as a client reads it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CandleRow {
    /// Its first millisecond, Unix ms.
    pub start_ms: u64,
    /// Price of the first trade.
    pub open: Decimal,
    /// Highest price.
    pub high: Decimal,
    /// Lowest price.
    pub low: Decimal,
    /// Price of the last trade.
    pub close: Decimal,
    /// Base units traded.
    pub volume: Exact,
    /// Its last millisecond, Unix ms.
    pub end_ms: u64,
    /// Sum of price × qty; `None` where a row of the venue did not tell, so below.
    pub quote_volume: Option<Exact>,
    /// How many trades.
    pub trades: Option<u64>,
    /// Base units that buyers took.
    pub taker_volume: Option<Exact>,
    /// The same in quote units.
    pub taker_quote_volume: Option<Exact>,
    /// How far it is to be believed.
    pub state: State,
    /// The columns of the studies asked for; `None` until there are candles enough.
    pub studies: Vec<Option<f64>>,
}

impl Decode for CandleRow {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let mut items = source.items()?;
        let studies = items.split_off(items.len().min(12));
        let count = items.len();
        let columns: Result<[S; 12], _> = items.try_into();
        let [start, open, high, low, close, volume, end, quote, trades, taker, taker_quote, state] = columns
            .map_err(|_| Malformed::new(format!("expected an array of 12 columns or more, got {count} elements")))?;
        Ok(Self {
            start_ms: start.count()?,
            open: Decimal::decode(open)?,
            high: Decimal::decode(high)?,
            low: Decimal::decode(low)?,
            close: Decimal::decode(close)?,
            volume: Exact::decode(volume)?,
            end_ms: end.count()?,
            quote_volume: Option::decode(quote)?,
            trades: Option::decode(trades)?,
            taker_volume: Option::decode(taker)?,
            taker_quote_volume: Option::decode(taker_quote)?,
            state: State::decode(state)?,
            studies: studies.into_iter().map(Option::decode).collect::<Result<_, _>>()?,
        })
    }
}
