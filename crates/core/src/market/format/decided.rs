//! Decided writes: what the primary tells its replicas and its AOF about a change it made, layout 1.
//!
//! Everything is resolved: the clock, how much detail is kept, the ticks and what they became, the counts of those that became nothing, the number of
//! the batch. Applying it judges no clock and no doubt; what it names keeps its place in the market only where it can have
//! one, so that a payload from anywhere leaves a market that is sound.
//!
//! ```text
//! layout:1 (= 1)  clock  detail:1 (resolution, +64 a step towards it)  producer:length+bytes (empty for none)  seq (only with a producer)
//! per tick:  status:1 (2 duplicate whose number was missing, 3 void, 4 suspect, 5 amended, 6 merged, 7 accepted; +8 with a gap, +16 without a price)  tick
//! per quote: 32  sources:1 (2 bits each: 0 none, 1 accepted, 2 late, 3 suspect)  ts  per source with a price: price, qty
//! rows:      33  level:1  whole:1 (0 no, 1 between the rows, 2 and up to where the next begins)  where that is (only with 2)  count  per row: start  prices × 4  volume  told:1 (1 quote, 2 trades, 4 and 8 taker)  what is told
//! end:1 (= 255)  totals × 9
//! then decisions about triggers to the end (`triggers`)
//! ```

use super::triggers;
use super::v1::scalars::{put_decimal, read_decimal};
use super::v1::{put_tally, read_tally, ticks};
use crate::batches::{BatchId, MAX_PRODUCER_BYTES};
use crate::grammar::{Decimal, MAX_INTEGER, MAX_TIMESTAMP_MS};
use crate::market::candle::{UNITS, Unit};
use crate::market::store::{Detail, Market, Quote, QuoteVerdict, Report, Status, Tally, VOLUME_RANGE, VenueRow, Whole};
use crate::market::tape::{Held, PRICE_RANGE, QTY_RANGE, Tick};
use crate::wire::{DecodeError, Reader, put_bytes, put_varint};

const LAYOUT: u8 = 1;
const WITH_GAP: u8 = 8;
const WITHOUT_PRICE: u8 = 16;
const QUOTE: u8 = 32;
const ROWS: u8 = 33;
const END: u8 = 255;

/// Begins a decided write in `out`, which is cleared; `server_ms` is the clock it was judged by, `detail` what was done
/// first about how much is kept: the market's resolution, where that was nothing.
pub fn begin(out: &mut Vec<u8>, server_ms: u64, detail: impl Into<Detail>, batch: Option<BatchId<'_>>) {
    out.clear();
    out.push(LAYOUT);
    put_varint(out, server_ms);
    out.push(detail.into().code());
    put_bytes(out, batch.map_or(b"", |batch| batch.producer));
    if let Some(batch) = batch {
        put_varint(out, batch.seq);
    }
}

/// Appends a tick that changed something.
pub fn push_tick(out: &mut Vec<u8>, report: &Report<'_>, status: Status) {
    let gap = if report.gap { WITH_GAP } else { 0 };
    let price = if report.price.is_none() { WITHOUT_PRICE } else { 0 };
    out.push(status as u8 | gap | price);
    // What has no price is written with one that is not looked at.
    let price = report.price.unwrap_or(*PRICE_RANGE.start());
    let Report { ts_ms, side, qty, id, .. } = *report;
    ticks::put(out, 0, &Tick { ts_ms, side, price, qty, id });
}

/// Appends a quote that changed something.
pub fn push_quote(out: &mut Vec<u8>, quote: &Quote, verdict: &QuoteVerdict) {
    let code = |status: &Option<Status>| match status {
        None => 0,
        Some(Status::Accepted) => 1,
        Some(Status::Late) => 2,
        Some(_) => 3,
    };
    out.push(QUOTE);
    out.push(verdict.sources().iter().rev().fold(0, |bits, status| bits << 2 | code(status)));
    put_varint(out, quote.ts_ms);
    let singles = [quote.mark, quote.index].map(|price| price.map(|price| (price, Decimal::ZERO)));
    for (price, qty) in [quote.bid, quote.ask].into_iter().chain(singles).flatten() {
        put_decimal(out, price);
        put_decimal(out, qty);
    }
}

/// Appends rows of CANDLE.PUT that have ended, ascending.
pub fn push_rows(out: &mut Vec<u8>, unit: Unit, rows: &[VenueRow], whole: impl Into<Whole>) {
    out.push(ROWS);
    out.push(UNITS.iter().position(|known| *known == unit).unwrap_or_default() as u8);
    match whole.into() {
        Whole::No => out.push(0),
        Whole::Between => out.push(1),
        Whole::Before(open_ms) => {
            out.push(2);
            put_varint(out, open_ms);
        }
    }
    put_varint(out, rows.len() as u64);
    for row in rows {
        put_varint(out, row.start_ms);
        row.prices.into_iter().for_each(|price| put_decimal(out, price));
        put_decimal(out, row.volume);
        let told = [row.quote.is_some(), row.trades.is_some(), row.taker_volume.is_some(), row.taker_quote.is_some()];
        out.push(told.iter().rev().fold(0, |bits, is_told| bits << 1 | u8::from(*is_told)));
        row.quote.into_iter().for_each(|quote| put_decimal(out, quote));
        row.trades.into_iter().for_each(|trades| put_varint(out, trades));
        row.taker_volume.into_iter().chain(row.taker_quote).for_each(|volume| put_decimal(out, volume));
    }
}

/// Ends a decided write with what it counted.
pub fn end(out: &mut Vec<u8>, tally: &Tally) {
    out.push(END);
    put_tally(out, tally);
}

/// One thing that was decided.
enum Decided {
    Tick { held: Held, status: Status, gap: bool, is_priced: bool },
    Quote(Quote, QuoteVerdict),
    Rows { unit: Unit, whole: Whole, rows: Vec<VenueRow> },
}

impl Market {
    /// Does what `payload` says was decided; nothing, when it is not sound to the last byte, nor of a batch that is there,
    /// as [`Series::apply`](crate::liq::series::Series::apply).
    pub fn apply(&mut self, payload: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(payload);
        let (detail, batch) = read_head(&mut reader)?;
        let body = reader.clone();
        while read_decided(&mut reader)?.is_some() {}
        let tally = read_tally(&mut reader)?;
        triggers::check_decisions(self.triggers(), reader.clone())?;
        if self.has_seen(batch) {
            return Ok(());
        }
        let decisions = reader;
        self.follow(detail);
        let mut reader = body;
        while let Some(decided) = read_decided(&mut reader)? {
            self.do_decided(&decided);
        }
        self.count(&tally);
        self.end_batch(batch);
        if decisions.left() > 0 {
            triggers::do_decisions(self.triggers_mut(), decisions)?;
        }
        Ok(())
    }

    fn do_decided(&mut self, decided: &Decided) {
        match decided {
            Decided::Tick { held, status, gap, is_priced } => {
                let Tick { ts_ms, side, price, qty, id } = held.tick();
                let report = Report { ts_ms, side, price: is_priced.then_some(price), qty, id, gap: *gap };
                // It has its place by what is held here; only doubt is not a question of place.
                let placed = self.place_tick(&report);
                let is_doubted = *status == Status::Suspect && placed.is_recorded();
                self.record_tick(&report, if is_doubted { Status::Suspect } else { placed }, None);
            }
            Decided::Quote(quote, verdict) => self.record_quote(quote, verdict, None),
            Decided::Rows { unit, whole, rows } => {
                self.put_rows(*unit, rows, *whole, None);
            }
        }
    }
}

fn read_head<'a>(reader: &mut Reader<'a>) -> Result<(Detail, Option<BatchId<'a>>), DecodeError> {
    match reader.byte()? {
        LAYOUT => {}
        other => return Err(DecodeError::UnknownLayout(other.into())),
    }
    reader.varint("clock", MAX_TIMESTAMP_MS)?;
    let detail = Detail::from_code(reader.byte()?).ok_or(DecodeError::Invalid("resolution"))?;
    let producer = reader.bytes("producer", MAX_PRODUCER_BYTES)?;
    if producer.is_empty() {
        return Ok((detail, None));
    }
    Ok((detail, Some(BatchId { producer, seq: reader.varint("seq", i64::MAX as u64)? })))
}

/// The next thing decided, `None` at the end of them.
fn read_decided(reader: &mut Reader<'_>) -> Result<Option<Decided>, DecodeError> {
    let head = reader.byte()?;
    match head {
        END => Ok(None),
        QUOTE => read_quote(reader).map(Some),
        ROWS => read_rows(reader).map(Some),
        _ if head < QUOTE => {
            let is_told = |status: &Status| status.changes() || *status == Status::Duplicate;
            let status = Status::ALL.get(usize::from(head & 7)).copied().filter(is_told);
            let status = status.ok_or(DecodeError::Invalid("status"))?;
            let held = ticks::read(reader, 0)?;
            let (gap, is_priced) = (head & WITH_GAP != 0, head & WITHOUT_PRICE == 0);
            Ok(Some(Decided::Tick { held, status, gap, is_priced }))
        }
        _ => Err(DecodeError::Invalid("decision")),
    }
}

fn read_quote(reader: &mut Reader<'_>) -> Result<Decided, DecodeError> {
    let bits = reader.byte()?;
    let ts_ms = reader.varint("timestamp", MAX_TIMESTAMP_MS)?;
    let mut sources = [None; 4];
    let mut prices = [None; 4];
    for (place, (source, slot)) in sources.iter_mut().zip(&mut prices).enumerate() {
        *source = match bits >> (2 * place) & 3 {
            0 => continue,
            1 => Some(Status::Accepted),
            2 => Some(Status::Late),
            _ => Some(Status::Suspect),
        };
        let price = read_decimal(reader, "price", &PRICE_RANGE)?;
        *slot = Some((price, read_decimal(reader, "qty", &QTY_RANGE)?));
    }
    let [bid, ask, mark, index] = prices;
    let quote = Quote { ts_ms, bid, ask, mark: mark.map(|mark| mark.0), index: index.map(|index| index.0) };
    let is_accepted = bits == 0 || sources.contains(&Some(Status::Accepted));
    let status = if is_accepted { Status::Accepted } else { Status::Suspect };
    let verdict = QuoteVerdict::loaded(sources, status).ok_or(DecodeError::Invalid("quote"))?;
    Ok(Decided::Quote(quote, verdict))
}

fn read_rows(reader: &mut Reader<'_>) -> Result<Decided, DecodeError> {
    let unit = UNITS.get(usize::from(reader.byte()?)).copied().ok_or(DecodeError::Invalid("level"))?;
    let whole = match reader.byte()? {
        0 => Whole::No,
        1 => Whole::Between,
        2 => Whole::Before(reader.varint("whole", MAX_TIMESTAMP_MS)?),
        _ => return Err(DecodeError::Invalid("whole")),
    };
    // A row takes at least 12 bytes.
    let count = reader.length("number of rows", MAX_ROWS, 12)?;
    let mut rows: Vec<VenueRow> = Vec::with_capacity(count);
    for _ in 0..count {
        let row = read_row(reader)?;
        if !row.is_sound() || rows.last().is_some_and(|before| before.start_ms >= row.start_ms) {
            return Err(DecodeError::Invalid("row"));
        }
        rows.push(row);
    }
    Ok(Decided::Rows { unit, whole, rows })
}

/// As many as any parameter allows.
const MAX_ROWS: usize = 1 << 20;

fn read_row(reader: &mut Reader<'_>) -> Result<VenueRow, DecodeError> {
    let start_ms = reader.varint("start", MAX_TIMESTAMP_MS)?;
    let mut price = || read_decimal(reader, "price", &PRICE_RANGE);
    let prices = [price()?, price()?, price()?, price()?];
    let volume = read_decimal(reader, "volume", &VOLUME_RANGE)?;
    let told = reader.byte()?;
    let told_volume = |bit: u8, reader: &mut Reader<'_>| match told & bit {
        0 => Ok(None),
        _ => read_decimal(reader, "volume", &VOLUME_RANGE).map(Some),
    };
    let quote = told_volume(1, reader)?;
    let trades = if told & 2 == 0 { None } else { Some(reader.varint("trades", MAX_INTEGER)?) };
    let (taker_volume, taker_quote) = (told_volume(4, reader)?, told_volume(8, reader)?);
    if told > 15 {
        return Err(DecodeError::Invalid("row"));
    }
    Ok(VenueRow { start_ms, prices, volume, quote, trades, taker_volume, taker_quote })
}
