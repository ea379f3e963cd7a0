//! Ticks as tests make them, and the slow definition of candles.

use std::collections::BTreeMap;

use liq_core::grammar::{Args, Decimal};
use liq_core::market::candle::{Interval, Zone};
use liq_core::market::request::{Add, Candles};
use liq_core::market::store::{Changes, Market, Options, OptionsPatch, Report, Row, Status, Time};
use liq_core::market::tape::{Id, Side};

/// A tick that owns what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    pub ts_ms: u64,
    pub side: Side,
    pub price: Decimal,
    pub qty: Decimal,
    pub id: Option<u64>,
}

impl Line {
    pub fn report(&self) -> Report<'static> {
        let id = self.id.map_or(Id::None, |id| Id::Numbers { first: id, last: id });
        Report { ts_ms: self.ts_ms, side: self.side, price: Some(self.price), qty: self.qty, id, gap: false }
    }
}

pub fn decimal(text: &str) -> Decimal {
    Decimal::parse(text.as_bytes()).unwrap()
}

pub fn market(options: &str) -> Market {
    let words: Vec<&[u8]> = options.split_whitespace().map(str::as_bytes).collect();
    let patch = OptionsPatch::parse(Args::new(&words)).unwrap();
    Market::new(Options::default().altered(&patch).unwrap())
}

/// The clock stands far behind everything: nothing is closed by it.
pub const NEVER: u64 = u64::MAX / 4;

pub fn early() -> Time {
    Time::new(0, NEVER)
}

pub fn add(market: &mut Market, words: &str) -> (Status, Vec<(String, u64)>) {
    let words: Vec<&[u8]> = words.split_whitespace().map(str::as_bytes).collect();
    let request = Add::parse(Args::new(&words)).unwrap();
    let mut changes = Changes::default();
    let time = early().at(request.at_ms);
    let status = market.add(&request.tick.resolve(0, request.gap), time, NEVER, &mut changes);
    market.check();
    (status, changes.closed().map(|(interval, start_ms)| (interval.to_string(), start_ms)).collect())
}

pub fn feed(market: &mut Market, line: &Line) -> Status {
    market.add(&line.report(), early(), NEVER, &mut Changes::default())
}

pub fn rows(market: &Market, words: &str) -> Vec<Row> {
    rows_at(market, words, early())
}

pub fn rows_at(market: &Market, words: &str, time: Time) -> Vec<Row> {
    let words: Vec<&[u8]> = words.split_whitespace().map(str::as_bytes).collect();
    market.candles(&Candles::parse(Args::new(&words)).unwrap(), time).unwrap()
}

/// A candle by definition: start, prices, sums in text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plain {
    pub start_ms: u64,
    pub prices: [Decimal; 4],
    pub volume: u128,
    pub quote: u128,
    pub trades: u64,
    pub taker: Option<(u128, u128)>,
}

impl From<&Row> for Plain {
    fn from(row: &Row) -> Self {
        let candle = &row.candle;
        Self {
            start_ms: candle.start_ms,
            prices: [candle.open, candle.high, candle.low, candle.close],
            volume: candle.volume,
            quote: candle.quote.unwrap(),
            trades: candle.trades.unwrap(),
            taker: candle.taker_volume.zip(candle.taker_quote),
        }
    }
}

/// Candles of `interval` over `lines`, which are in order.
pub fn slow_candles(lines: &[Line], interval: Interval, zone: Zone) -> Vec<Plain> {
    let mut cells: BTreeMap<u64, Vec<&Line>> = BTreeMap::new();
    for line in lines {
        cells.entry(interval.span(line.ts_ms, zone).start_ms).or_default().push(line);
    }
    let plain = |(start_ms, lines): (u64, Vec<&Line>)| {
        let prices = || lines.iter().map(|line| line.price);
        let worth = |line: &&&Line| line.price.product(line.qty);
        let bought = || lines.iter().filter(|line| line.side == Side::Buy);
        let is_told = lines.iter().all(|line| line.side != Side::Unknown);
        let taker = (bought().map(|line| line.qty.units(15)).sum(), bought().map(|line| worth(&line)).sum());
        Plain {
            start_ms,
            prices: [lines[0].price, prices().max().unwrap(), prices().min().unwrap(), lines[lines.len() - 1].price],
            volume: lines.iter().map(|line| line.qty.units(15)).sum(),
            quote: lines.iter().map(|line| worth(&line)).sum(),
            trades: lines.len() as u64,
            taker: is_told.then_some(taker),
        }
    };
    cells.into_iter().map(plain).collect()
}

pub fn plain(rows: &[Row]) -> Vec<Plain> {
    rows.iter().map(Plain::from).collect()
}
