//! `LIQ.MADD key [EXCHANGE name] [BATCH producer seq] [AT now] [IDS] EVENTS ts side price size [id] …`

use super::add::{NewEvent, exchange, id, push_bytes, take_bytes, unknown_option};
use crate::grammar::{Args, RequestError, integer, push_option, set_once, timestamp_ms};
use crate::liq::series::{BatchId, MAX_PRODUCER_BYTES};

impl<'a> BatchId<'a> {
    /// Reads `producer seq` behind the keyword `BATCH`, just taken.
    pub(super) fn take(slot: &mut Option<Self>, args: &mut Args<'a>) -> Result<(), RequestError> {
        let producer = args.value_of("BATCH")?;
        if slot.is_some() {
            return Err(RequestError::repeated("BATCH", producer));
        }
        if !(1..=MAX_PRODUCER_BYTES).contains(&producer.len()) {
            return Err(RequestError::argument("producer", "must be 1 to 64 bytes", producer));
        }
        let seq = integer("seq", args.value_of("seq")?, 0..=i64::MAX)? as u64;
        *slot = Some(Self { producer, seq });
        Ok(())
    }

    pub(super) fn push_args(slot: Option<Self>, out: &mut Vec<Vec<u8>>) {
        if let Some(batch) = slot {
            push_bytes(out, "BATCH", Some(batch.producer));
            out.push(batch.seq.to_string().into_bytes());
        }
    }
}

/// The arguments of `LIQ.MADD` and, decoded, of `LIQ.MADDPACK`.
#[derive(Debug, Clone, PartialEq)]
pub struct Madd<'a> {
    /// Makes the delivery exactly-once.
    pub batch: Option<BatchId<'a>>,
    /// What replaces the server's clock.
    pub at_ms: Option<u64>,
    /// The events in the order in which they are judged.
    pub events: Vec<NewEvent<'a>>,
}

impl<'a> Madd<'a> {
    /// Reads the arguments behind the key; at most `max_events` events.
    pub fn parse(mut args: Args<'a>, max_events: usize) -> Result<Self, RequestError> {
        let (mut batch, mut at_ms, mut venue, mut with_ids) = (None, None, None, None);
        loop {
            let Some(arg) = args.peek() else { return Err(no_events(venue)) };
            if args.take_keyword("EVENTS") {
                break;
            } else if args.take_keyword("EXCHANGE") {
                take_bytes(&mut venue, "EXCHANGE", &mut args, exchange)?;
            } else if args.take_keyword("BATCH") {
                BatchId::take(&mut batch, &mut args)?;
            } else if args.take_keyword("AT") {
                set_once(&mut at_ms, "AT", &mut args, timestamp_ms)?;
            } else if args.take_keyword("IDS") {
                if with_ids.replace(()).is_some() {
                    return Err(RequestError::repeated("IDS", arg));
                }
            } else {
                return Err(unknown_option(arg, venue));
            }
        }
        let events = take_events(&mut args, venue, with_ids.is_some(), max_events)?;
        Ok(Self { batch, at_ms, events })
    }

    /// The inverse of [`Madd::parse`], for events of one exchange.
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        push_bytes(&mut out, "EXCHANGE", self.events.first().and_then(|event| event.exchange));
        BatchId::push_args(self.batch, &mut out);
        push_option(&mut out, "AT", self.at_ms);
        let with_ids = self.events.iter().any(|event| event.id.is_some());
        if with_ids {
            out.push(b"IDS".to_vec());
        }
        out.push(b"EVENTS".to_vec());
        for event in &self.events {
            event.push_args(&mut out);
            if with_ids {
                out.push(event.id.map(|id| id.to_text().into_owned()).unwrap_or_default());
            }
        }
        out
    }
}

fn take_events<'a>(
    args: &mut Args<'a>,
    venue: Option<&'a [u8]>,
    with_ids: bool,
    max_events: usize,
) -> Result<Vec<NewEvent<'a>>, RequestError> {
    let width = if with_ids { 5 } else { 4 };
    if args.is_empty() || !args.len().is_multiple_of(width) {
        return Err(incomplete(args.clone()));
    }
    let count = args.len() / width;
    check_batch_size("EVENTS", count, max_events)?;
    let mut events = Vec::with_capacity(count);
    for place in 1..=count {
        let event = take_event(args, venue, with_ids).map_err(|error| error.in_item(place))?;
        events.push(event);
    }
    Ok(events)
}

/// Every option was read, and no events came.
#[cold]
fn no_events(exchange: Option<&[u8]>) -> RequestError {
    let missing = RequestError::argument("EVENTS", "missing", b"");
    match exchange {
        Some(name) if name.eq_ignore_ascii_case(b"EVENTS") => unknown_option(name, exchange),
        _ => missing,
    }
}

/// The last event lacks a part, unless an option came too late and was taken for parts of events.
#[cold]
fn incomplete(mut args: Args<'_>) -> RequestError {
    let options = ["EXCHANGE", "BATCH", "AT", "IDS", "EVENTS"];
    while let Some(arg) = args.next() {
        if options.iter().any(|option| option.as_bytes().eq_ignore_ascii_case(arg)) {
            return RequestError::argument("option", "must stand before EVENTS", arg);
        }
    }
    RequestError::Arity
}

fn take_event<'a>(args: &mut Args<'a>, venue: Option<&'a [u8]>, with_id: bool) -> Result<NewEvent<'a>, RequestError> {
    let mut event = NewEvent::take(args)?;
    event.exchange = venue;
    if with_id {
        event.id = id("id", args.required()?)?;
    }
    Ok(event)
}

/// Refuses a batch of more than `max_events`.
pub(super) fn check_batch_size(name: &'static str, count: usize, max_events: usize) -> Result<(), RequestError> {
    if count <= max_events {
        return Ok(());
    }
    let problem = format!("more than {max_events} events (liq.max-batch)");
    Err(RequestError::argument(name, problem, count.to_string().as_bytes()))
}
