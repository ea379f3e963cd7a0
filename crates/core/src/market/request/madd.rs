//! `TICK.MADD key [BATCH producer seq] [GAP] [AT now] ([IDS] TICKS ts side price qty [id] … | PACK payload)`

use super::add::{NewTick, id};
use super::pack::decode_ticks;
use crate::batches::{BatchId, MAX_PRODUCER_BYTES};
use crate::grammar::{Args, RequestError, integer, push_option, set_once, take_flag, timestamp_ms};

/// The arguments of `TICK.MADD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Madd<'a> {
    /// Makes the delivery exactly-once.
    pub batch: Option<BatchId<'a>>,
    /// Trades may be missing before the first tick.
    pub gap: bool,
    /// What replaces the server's clock.
    pub at_ms: Option<u64>,
    /// The ticks, in the order in which they are taken.
    pub ticks: Vec<NewTick<'a>>,
}

impl<'a> Madd<'a> {
    /// Reads the arguments behind the key; at most `max_ticks` ticks.
    pub fn parse(mut args: Args<'a>, max_ticks: usize) -> Result<Self, RequestError> {
        let (mut batch, mut at_ms, mut gap, mut with_ids) = (None, None, false, false);
        let ticks = loop {
            let Some(arg) = args.peek() else {
                return Err(RequestError::argument("TICKS", "missing, and PACK as well", b""));
            };
            if args.take_keyword("TICKS") {
                break take_ticks(&mut args, with_ids, max_ticks)?;
            } else if args.take_keyword("PACK") {
                if with_ids {
                    return Err(RequestError::argument("IDS", "has no meaning before PACK", b"IDS"));
                }
                let ticks = decode_ticks(args.value_of("PACK")?, max_ticks)?;
                if let Some(arg) = args.next() {
                    return Err(RequestError::argument("option", "must stand before PACK", arg));
                }
                break ticks;
            } else if args.take_keyword("BATCH") {
                take_batch(&mut batch, &mut args)?;
            } else if args.take_keyword("AT") {
                set_once(&mut at_ms, "AT", &mut args, timestamp_ms)?;
            } else if !take_flag(&mut gap, "GAP", &mut args)? && !take_flag(&mut with_ids, "IDS", &mut args)? {
                return Err(RequestError::unknown_option(arg));
            }
        };
        Ok(Self { batch, gap, at_ms, ticks })
    }

    /// The inverse of [`Madd::parse`].
    pub fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        if let Some(batch) = self.batch {
            out.extend([b"BATCH".to_vec(), batch.producer.to_vec(), batch.seq.to_string().into_bytes()]);
        }
        if self.gap {
            out.push(b"GAP".to_vec());
        }
        push_option(&mut out, "AT", self.at_ms);
        out.extend([b"IDS".to_vec(), b"TICKS".to_vec()]);
        for tick in &self.ticks {
            tick.push_args(&mut out);
            out.push(tick.id.text(&mut Vec::new()).to_vec());
        }
        out
    }
}

/// Reads `producer seq` behind the keyword `BATCH`, just taken.
fn take_batch<'a>(slot: &mut Option<BatchId<'a>>, args: &mut Args<'a>) -> Result<(), RequestError> {
    let producer = args.value_of("BATCH")?;
    if slot.is_some() {
        return Err(RequestError::repeated("BATCH", producer));
    }
    if !(1..=MAX_PRODUCER_BYTES).contains(&producer.len()) {
        return Err(RequestError::argument("producer", "must be 1 to 64 bytes", producer));
    }
    let seq = integer("seq", args.value_of("seq")?, 0..=i64::MAX)? as u64;
    *slot = Some(BatchId { producer, seq });
    Ok(())
}

fn take_ticks<'a>(args: &mut Args<'a>, with_ids: bool, max_ticks: usize) -> Result<Vec<NewTick<'a>>, RequestError> {
    let width = if with_ids { 5 } else { 4 };
    if args.is_empty() || !args.len().is_multiple_of(width) {
        return Err(RequestError::Arity);
    }
    let count = args.len() / width;
    check_batch_size("TICKS", count, max_ticks)?;
    let mut ticks = Vec::with_capacity(count);
    for place in 1..=count {
        ticks.push(take_tick(args, with_ids).map_err(|error| error.in_item(place))?);
    }
    Ok(ticks)
}

fn take_tick<'a>(args: &mut Args<'a>, with_id: bool) -> Result<NewTick<'a>, RequestError> {
    let mut tick = NewTick::take(args)?;
    if with_id {
        tick.id = id("id", args.required()?)?;
    }
    Ok(tick)
}

/// Refuses a batch of more than `max_ticks`.
pub(super) fn check_batch_size(name: &'static str, count: usize, max_ticks: usize) -> Result<(), RequestError> {
    if count <= max_ticks {
        return Ok(());
    }
    let problem = format!("more than {max_ticks} (liq.max-batch)");
    Err(RequestError::argument(name, problem, count.to_string().as_bytes()))
}
