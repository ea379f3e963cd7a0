//! `LIQ.MADDPACK key payload [BATCH producer seq] [AT now]`, and the MessagePack it carries.
//!
//! The payload is an array of `[ts, side, price, size, exchange?, id?]`. Lengths are believed only as far as the
//! bytes are there: nothing is allocated by what a header says.

use super::Madd;
use super::add::{EventId, NewEvent, exchange, id};
use super::madd::check_batch_size;
use crate::grammar::{Args, MAX_TIMESTAMP_MS, PackReader, RequestError, Scalar, push_option, set_once, timestamp_ms};
use crate::liq::series::{BatchId, PRICE_RANGE, SIZE_RANGE, Side};

/// The arguments of `LIQ.MADDPACK`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MaddPack<'a> {
    /// MessagePack, still undecoded.
    pub payload: &'a [u8],
    /// Makes the delivery exactly-once.
    pub batch: Option<BatchId<'a>>,
    /// What replaces the server's clock.
    pub at_ms: Option<u64>,
}

impl<'a> MaddPack<'a> {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'a>) -> Result<Self, RequestError> {
        let payload = args.required()?;
        let (mut batch, mut at_ms) = (None, None);
        while let Some(arg) = args.peek() {
            if args.take_keyword("BATCH") {
                BatchId::take(&mut batch, &mut args)?;
            } else if args.take_keyword("AT") {
                set_once(&mut at_ms, "AT", &mut args, timestamp_ms)?;
            } else {
                return Err(RequestError::unknown_option(arg));
            }
        }
        Ok(Self { payload, batch, at_ms })
    }

    /// The inverse of [`MaddPack::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = vec![self.payload.to_vec()];
        BatchId::push_args(self.batch, &mut out);
        push_option(&mut out, "AT", self.at_ms);
        out
    }

    /// The batch with its payload decoded; at most `max_events` events.
    pub fn decode(&self, max_events: usize) -> Result<Madd<'a>, RequestError> {
        let events = decode_events(self.payload, max_events)?;
        Ok(Madd { batch: self.batch, at_ms: self.at_ms, events })
    }
}

/// Decodes a payload of at most `max_events` events; the whole of it must be used.
pub fn decode_events(payload: &[u8], max_events: usize) -> Result<Vec<NewEvent<'_>>, RequestError> {
    let mut reader = Events { reader: PackReader::new(payload) };
    let count = reader.reader.array_len().ok_or_else(|| malformed("not a MessagePack array of events", payload))?;
    check_batch_size("payload", count, max_events)?;
    if count == 0 {
        return Err(malformed("holds no events", payload));
    }
    // An event takes at least 5 bytes, so the bytes present bound the room made for what the header claims.
    let mut events = Vec::with_capacity(count.min(payload.len() / 5));
    for place in 1..=count {
        events.push(reader.event().map_err(|error| error.in_item(place))?);
    }
    let rest = reader.reader.rest();
    if rest.is_empty() { Ok(events) } else { Err(malformed("has bytes behind the events", rest)) }
}

/// The inverse of [`decode_events`].
pub fn encode_events(events: &[NewEvent<'_>]) -> Vec<u8> {
    let mut out = Vec::new();
    // Writing to a Vec cannot fail, so the results carry nothing.
    let _ = rmp::encode::write_array_len(&mut out, events.len() as u32);
    for event in events {
        let _ = rmp::encode::write_array_len(&mut out, 6);
        match event.ts_ms {
            Some(ts_ms) => drop(rmp::encode::write_uint(&mut out, ts_ms)),
            None => drop(rmp::encode::write_nil(&mut out)),
        }
        let _ = rmp::encode::write_uint(&mut out, event.side.index() as u64);
        let _ = rmp::encode::write_f64(&mut out, event.price);
        let _ = rmp::encode::write_f64(&mut out, event.size);
        let id = event.id.map(|id| id.to_text());
        for bytes in [event.exchange, id.as_deref()] {
            match bytes {
                Some(bytes) => drop(rmp::encode::write_bin(&mut out, bytes)),
                None => drop(rmp::encode::write_nil(&mut out)),
            }
        }
    }
    out
}

#[cold]
fn malformed(problem: &'static str, got: &[u8]) -> RequestError {
    RequestError::argument("payload", problem, got)
}

/// How encoders write the first four elements of an event: the array's marker, a 64-bit time, 0 or 1, two doubles.
const USUAL_HEAD: usize = 1 + 9 + 1 + 9 + 9;

/// Walks through the events of a payload.
struct Events<'a> {
    reader: PackReader<'a>,
}

impl<'a> Events<'a> {
    fn event(&mut self) -> Result<NewEvent<'a>, RequestError> {
        match self.usual_event() {
            Some((fields, event)) => self.with_names(fields, event),
            None => self.any_event(),
        }
    }

    /// Number of elements and the first four of them, where they are in range and written in the usual form; otherwise
    /// nothing is read. Element by element takes thrice as long, and is a fifth of what a batch costs.
    #[inline]
    fn usual_event(&mut self) -> Option<(usize, NewEvent<'a>)> {
        let (head, rest) = self.reader.rest().split_first_chunk::<USUAL_HEAD>()?;
        let ([array, time, ts @ ..], side) = (head.first_chunk::<10>()?, head.get(10)?);
        let ([real, price @ ..], [other, size @ ..]) = (head.get(11..)?.first_chunk::<9>()?, head.last_chunk::<9>()?);
        let ts_ms = u64::from_be_bytes(*ts);
        let (price, size) = (f64::from_be_bytes(*price), f64::from_be_bytes(*size));
        let is_usual = (0x94..=0x96).contains(array) && *time == 0xcf && *real == 0xcb && *other == 0xcb;
        let fits = ts_ms <= MAX_TIMESTAMP_MS && PRICE_RANGE.contains(&price) && SIZE_RANGE.contains(&size);
        let side = match side {
            0 => Side::Buy,
            1 => Side::Sell,
            _ => return None,
        };
        if !is_usual || !fits {
            return None;
        }
        self.reader.go_on_at(rest);
        let event = NewEvent { ts_ms: Some(ts_ms), side, price, size, exchange: None, id: None };
        Some(((array & 0x0f).into(), event))
    }

    /// The event with what stands behind its first four elements.
    #[inline]
    fn with_names(&mut self, fields: usize, event: NewEvent<'a>) -> Result<NewEvent<'a>, RequestError> {
        let exchange = if fields > 4 { self.exchange()? } else { None };
        let id = if fields > 5 { self.id()? } else { None };
        Ok(NewEvent { exchange, id, ..event })
    }

    fn any_event(&mut self) -> Result<NewEvent<'a>, RequestError> {
        let start = self.reader.rest();
        let fields = match self.reader.array_len() {
            Some(fields @ 4..=6) => fields,
            _ => return Err(malformed("an event is not an array of 4 to 6 elements", start)),
        };
        let ts_ms = match self.reader.scalar("ts")? {
            Scalar::Nil => None,
            Scalar::Integer(ts @ 0..) if ts as u64 <= MAX_TIMESTAMP_MS => Some(ts as u64),
            other => return Err(other.refused("ts", "not an integer from 0 to 2^53 or nil")),
        };
        let side = match self.reader.scalar("side")? {
            Scalar::Integer(0) => Side::Buy,
            Scalar::Integer(1) => Side::Sell,
            Scalar::Bytes(text) => super::scope::side("side", text)?,
            other => return Err(other.refused("side", "must be buy, sell, 0 or 1")),
        };
        let price = self.real("price", &PRICE_RANGE)?;
        let size = self.real("size", &SIZE_RANGE)?;
        self.with_names(fields, NewEvent { ts_ms, side, price, size, exchange: None, id: None })
    }

    fn real(&mut self, name: &'static str, range: &std::ops::RangeInclusive<f64>) -> Result<f64, RequestError> {
        let scalar = self.reader.scalar(name)?;
        let value = match scalar {
            Scalar::Float(value) => value,
            Scalar::Single(value) => value.into(),
            Scalar::Integer(value) => value as f64,
            Scalar::Huge(value) => value as f64,
            Scalar::Nil | Scalar::Bytes(_) => return Err(scalar.refused(name, "not a number")),
        };
        if range.contains(&value) {
            return Ok(value);
        }
        Err(scalar.refused(name, format!("must be {} to {}", range.start(), range.end())))
    }

    fn exchange(&mut self) -> Result<Option<&'a [u8]>, RequestError> {
        match self.reader.scalar("exchange")? {
            Scalar::Nil => Ok(None),
            Scalar::Bytes(text) => exchange("exchange", text).map(Some),
            other => Err(other.refused("exchange", "not a string or nil")),
        }
    }

    fn id(&mut self) -> Result<Option<EventId<'a>>, RequestError> {
        match self.reader.scalar("id")? {
            Scalar::Nil => Ok(None),
            Scalar::Bytes(text) => id("id", text),
            Scalar::Integer(number) => Ok(Some(EventId::Number(number.into()))),
            Scalar::Huge(number) => Ok(Some(EventId::Number(number.into()))),
            other => Err(other.refused("id", "not a string, binary, integer or nil")),
        }
    }
}
