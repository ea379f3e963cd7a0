//! `LIQ.ADD key ts side price size [EXCHANGE name] [ID id] [AT now]`

use std::borrow::Cow;

use super::scope::side;
use crate::grammar::{Args, RequestError, format_real, push_option, real, set_once, timestamp_ms};
use crate::liq::series::{Event, MAX_EXCHANGE_BYTES, MAX_ID_BYTES, PRICE_RANGE, SIZE_RANGE, Side, hash_id};

/// One liquidation as a client names it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct NewEvent<'a> {
    /// Unix milliseconds; `None` for the server's clock (`*`).
    pub ts_ms: Option<u64>,
    /// Side of the forced order.
    pub side: Side,
    /// Quote per base, 1e-12 … 1e15.
    pub price: f64,
    /// Notional in the quote currency, 1e-9 … 1e15.
    pub size: f64,
    /// Where it happened.
    pub exchange: Option<&'a [u8]>,
    /// What tells it from others like it.
    pub id: Option<EventId<'a>>,
}

/// What tells an event from others like it: text, or the number that stands for its decimal text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventId<'a> {
    /// 1 … 64 bytes.
    Text(&'a [u8]),
    /// An integer, as MessagePack can carry it.
    Number(i128),
}

impl<'a> EventId<'a> {
    /// The id as text.
    pub fn to_text(self) -> Cow<'a, [u8]> {
        match self {
            Self::Text(text) => text.into(),
            Self::Number(number) => number.to_string().into_bytes().into(),
        }
    }

    /// The 64-bit digest under which the id is remembered.
    pub fn hash(self) -> u64 {
        match self {
            Self::Text(text) => hash_id(text),
            Self::Number(number) => hash_id(itoa::Buffer::new().format(number).as_bytes()),
        }
    }
}

impl<'a> NewEvent<'a> {
    /// Takes `ts side price size`.
    pub(super) fn take(args: &mut Args<'a>) -> Result<Self, RequestError> {
        let ts_ms = match args.required()? {
            b"*" => None,
            text => Some(timestamp_ms("ts", text)?),
        };
        let side = side("side", args.required()?)?;
        let price = real("price", args.required()?, &PRICE_RANGE)?;
        let size = real("size", args.required()?, &SIZE_RANGE)?;
        Ok(Self { ts_ms, side, price, size, exchange: None, id: None })
    }

    pub(super) fn push_args(&self, out: &mut Vec<Vec<u8>>) {
        out.push(self.ts_ms.map_or_else(|| b"*".to_vec(), |ts_ms| ts_ms.to_string().into_bytes()));
        out.push(self.side.name().into());
        out.push(format_real(self.price).into_bytes());
        out.push(format_real(self.size).into_bytes());
    }

    /// The event with its time resolved: `clock_ms` stands in for `*`.
    pub fn resolve(&self, clock_ms: u64) -> Event<'a> {
        Event {
            ts_ms: self.ts_ms.unwrap_or(clock_ms),
            side: self.side,
            price: self.price,
            size: self.size,
            exchange: self.exchange,
            id_hash: self.id.map_or(0, EventId::hash),
        }
    }
}

/// The arguments of `LIQ.ADD`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Add<'a> {
    /// The event.
    pub event: NewEvent<'a>,
    /// What replaces the server's clock.
    pub at_ms: Option<u64>,
}

impl<'a> Add<'a> {
    /// Reads the arguments behind the key.
    pub fn parse(mut args: Args<'a>) -> Result<Self, RequestError> {
        let mut event = NewEvent::take(&mut args)?;
        let (mut at_ms, mut id_text) = (None, None);
        while let Some(arg) = args.peek() {
            if args.take_keyword("EXCHANGE") {
                take_bytes(&mut event.exchange, "EXCHANGE", &mut args, exchange)?;
            } else if args.take_keyword("ID") {
                take_bytes(&mut id_text, "ID", &mut args, |_, text| Ok(text))?;
            } else if args.take_keyword("AT") {
                set_once(&mut at_ms, "AT", &mut args, timestamp_ms)?;
            } else {
                return Err(unknown_option(arg, event.exchange));
            }
        }
        event.id = id("ID", id_text.unwrap_or_default())?;
        Ok(Self { event, at_ms })
    }

    /// The inverse of [`Add::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        self.event.push_args(&mut out);
        push_bytes(&mut out, "EXCHANGE", self.event.exchange);
        push_bytes(&mut out, "ID", self.event.id.map(EventId::to_text).as_deref());
        push_option(&mut out, "AT", self.at_ms);
        out
    }
}

/// An argument that no option answers to. Often `EXCHANGE` came without its value and took the next option for one.
#[cold]
pub(super) fn unknown_option(arg: &[u8], exchange: Option<&[u8]>) -> RequestError {
    let options =
        ["AT", "BATCH", "BUCKET", "BY", "COUNT", "EVENTS", "EXCHANGE", "ID", "IDS", "MINSIZE", "SIDE", "WINDOW"];
    match exchange {
        Some(name) if options.iter().any(|option| option.as_bytes().eq_ignore_ascii_case(name)) => {
            RequestError::argument("EXCHANGE", "needs a value", name)
        }
        _ => RequestError::unknown_option(arg),
    }
}

/// Like [`set_once`], for values that stay the client's bytes.
pub(super) fn take_bytes<'a>(
    slot: &mut Option<&'a [u8]>,
    name: &'static str,
    args: &mut Args<'a>,
    check: impl FnOnce(&'static str, &'a [u8]) -> Result<&'a [u8], RequestError>,
) -> Result<(), RequestError> {
    let text = args.value_of(name)?;
    if slot.is_some() {
        return Err(RequestError::repeated(name, text));
    }
    *slot = Some(check(name, text)?);
    Ok(())
}

pub(super) fn push_bytes(out: &mut Vec<Vec<u8>>, name: &str, value: Option<&[u8]>) {
    if let Some(value) = value {
        out.extend([name.as_bytes().to_vec(), value.to_vec()]);
    }
}

/// An exchange's name: 1 … 32 printable bytes. Bytes above ASCII are taken for text in the client's encoding.
pub(super) fn exchange<'a>(name: &'static str, text: &'a [u8]) -> Result<&'a [u8], RequestError> {
    let printable = text.iter().all(|byte| *byte >= b' ' && *byte != 0x7f);
    if printable && (1..=MAX_EXCHANGE_BYTES).contains(&text.len()) {
        return Ok(text);
    }
    Err(RequestError::argument(name, "must be 1 to 32 printable bytes", text))
}

/// An event's id: at most 64 bytes; the empty one is none.
pub(super) fn id<'a>(name: &'static str, text: &'a [u8]) -> Result<Option<EventId<'a>>, RequestError> {
    if text.len() > MAX_ID_BYTES {
        return Err(RequestError::argument(name, "longer than 64 bytes", text));
    }
    Ok(if text.is_empty() { None } else { Some(EventId::Text(text)) })
}
