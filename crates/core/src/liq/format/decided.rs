//! Decided writes: what the primary tells its replicas and its AOF about a change it made, layout 1.
//!
//! Everything is resolved: the clock, how much detail is kept, the events that were recorded, the counts of those that
//! were not, the number of the batch. Applying it judges nothing.
//!
//! ```text
//! layout:1 (= 1)  clock  trusted  detail:1 (resolution, +64 a step towards it, +128 brought)  producer:length+bytes (empty for none)  seq (only with a producer)
//! per recorded event: flags:1 (bit 0 sell, bit 1 exchange, bit 2 id)  ts  price:8  size:8  exchange?  id:8?
//! end:1 (= 255)  totals × 8
//! ```

use crate::grammar::MAX_TIMESTAMP_MS;
use crate::liq::series::{
    BatchId, Detail, Event, MAX_EXCHANGE_BYTES, MAX_PRODUCER_BYTES, MAX_TOTAL, PRICE_RANGE, SIZE_RANGE, Series, Side,
    Tally, Time,
};
use crate::wire::{DecodeError, Reader, put_bytes, put_double, put_varint};

const LAYOUT: u8 = 1;
const SELL: u8 = 1;
const WITH_EXCHANGE: u8 = 2;
const WITH_ID: u8 = 4;
const END: u8 = 255;
/// In the byte of the resolution: the series was brought to the clock although no event came.
const BROUGHT: u8 = 128;

/// Begins a decided write in `out`, which is cleared; `time` is what the events were judged by, `detail` what was
/// done first about how much is kept: the series' resolution, where that was nothing.
pub fn begin(out: &mut Vec<u8>, time: Time, detail: impl Into<Detail>, batch: Option<BatchId<'_>>) {
    put_head(out, time, detail.into().code(), batch);
}

fn put_head(out: &mut Vec<u8>, time: Time, detail: u8, batch: Option<BatchId<'_>>) {
    out.clear();
    out.push(LAYOUT);
    put_varint(out, time.server_ms);
    put_varint(out, time.trusted_ms);
    out.push(detail);
    put_bytes(out, batch.map_or(b"", |batch| batch.producer));
    if let Some(batch) = batch {
        put_varint(out, batch.seq);
    }
}

/// Writes into `out` that the series was [brought to the clock](Series::bring_to), and nothing else.
pub fn brought(out: &mut Vec<u8>, time: Time, detail: Detail) {
    put_head(out, time, detail.code() | BROUGHT, None);
    end(out, &Tally::default());
}

/// Appends an event that was recorded.
pub fn push(out: &mut Vec<u8>, event: &Event<'_>) {
    let with_exchange = if event.exchange.is_some() { WITH_EXCHANGE } else { 0 };
    let with_id = if event.id_hash != 0 { WITH_ID } else { 0 };
    out.push(event.side as u8 | with_exchange | with_id);
    put_varint(out, event.ts_ms);
    put_double(out, event.price);
    put_double(out, event.size);
    if let Some(exchange) = event.exchange {
        put_bytes(out, exchange);
    }
    if event.id_hash != 0 {
        out.extend_from_slice(&event.id_hash.to_le_bytes());
    }
}

/// Ends a decided write with what it counted.
pub fn end(out: &mut Vec<u8>, tally: &Tally) {
    out.push(END);
    for count in tally.statuses.iter().chain([&tally.signals, &tally.stale_signals]) {
        put_varint(out, *count);
    }
}

impl Series {
    /// Does what `payload` says was decided; nothing, when it is not sound to the last byte, nor of a batch that is there.
    /// No primary decides one twice, but a server may read twice what it wrote of one: of a transaction that a crash cut
    /// short in its append-only file it executes the beginning later, when what was sent again stands behind it.
    pub fn apply(&mut self, payload: &[u8]) -> Result<(), DecodeError> {
        let mut reader = Reader::new(payload);
        let Head { time, detail, is_brought, batch } = read_head(&mut reader)?;
        let body = reader.clone();
        while read_event(&mut reader)?.is_some() {}
        let tally = read_tally(&mut reader)?;
        reader.finish()?;
        if self.has_seen(batch) {
            return Ok(());
        }
        self.follow(detail);
        if is_brought {
            self.roll_to(time);
        }
        let mut reader = body;
        while let Some(event) = read_event(&mut reader)? {
            self.record(time, &event);
        }
        self.tally.add(&tally);
        self.end_batch(batch);
        Ok(())
    }
}

struct Head<'a> {
    time: Time,
    detail: Detail,
    is_brought: bool,
    batch: Option<BatchId<'a>>,
}

fn read_head<'a>(reader: &mut Reader<'a>) -> Result<Head<'a>, DecodeError> {
    match reader.byte()? {
        LAYOUT => {}
        other => return Err(DecodeError::UnknownLayout(other.into())),
    }
    let server_ms = reader.varint("clock", MAX_TIMESTAMP_MS)?;
    let time = Time { server_ms, trusted_ms: reader.varint("trusted clock", u64::MAX)? };
    let code = reader.byte()?;
    let detail = Detail::from_code(code & !BROUGHT).ok_or(DecodeError::Invalid("resolution"))?;
    let producer = reader.bytes("producer", MAX_PRODUCER_BYTES)?;
    let batch = match producer.is_empty() {
        true => None,
        false => Some(BatchId { producer, seq: reader.varint("seq", i64::MAX as u64)? }),
    };
    Ok(Head { time, detail, is_brought: code & BROUGHT != 0, batch })
}

/// The next event, `None` at the end of them.
fn read_event<'a>(reader: &mut Reader<'a>) -> Result<Option<Event<'a>>, DecodeError> {
    let flags = reader.byte()?;
    if flags == END {
        return Ok(None);
    }
    if flags > SELL | WITH_EXCHANGE | WITH_ID {
        return Err(DecodeError::Invalid("flags"));
    }
    let mut event = Event {
        ts_ms: reader.varint("timestamp", MAX_TIMESTAMP_MS)?,
        side: if flags & SELL == 0 { Side::Buy } else { Side::Sell },
        price: reader.double("price", &PRICE_RANGE)?,
        size: reader.double("size", &SIZE_RANGE)?,
        exchange: None,
        id_hash: 0,
    };
    if flags & WITH_EXCHANGE != 0 {
        let name = reader.bytes("exchange", MAX_EXCHANGE_BYTES)?;
        event.exchange = Some(name).filter(|name| !name.is_empty());
    }
    if flags & WITH_ID != 0 {
        event.id_hash = reader.word()?;
    }
    Ok(Some(event))
}

fn read_tally(reader: &mut Reader<'_>) -> Result<Tally, DecodeError> {
    let mut tally = Tally::default();
    for slot in tally.statuses.iter_mut().chain([&mut tally.signals, &mut tally.stale_signals]) {
        *slot = reader.varint("total", MAX_TOTAL)?;
    }
    Ok(tally)
}
