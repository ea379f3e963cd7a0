//! What LIQ.ADD, LIQ.MADD and LIQ.MADDPACK share: opening or making the series, and telling everyone what was decided.

use std::sync::{Mutex, PoisonError};

use liq_core::grammar::{RequestError, format_duration};
use liq_core::liq::format::decided;
use liq_core::liq::reply::BatchReply;
use liq_core::liq::request::Madd;
use liq_core::liq::series::{BatchId, Clock, Event, Judgement, MAX_EVENTS, Series, Signal, Status, Tally, Time};
use liq_core::market::candle::Remembered;
use liq_core::memory::Mode;

use crate::commands::expiry;
use crate::commit::{Expiry, Record, commit};
use crate::ffi::{Context, KeyName, Persisted};
use crate::keyspace::{self, Beside, Writable};
use crate::refusal::Refusal;
use crate::signals::Streams;
use crate::totals::TOTALS;
use crate::types::liqseries::LiqSeries;
use crate::types::tickstore::TickStore;
use crate::{config, markets, memory};

/// A series open for adding, and what was decided so far.
pub struct Recording<'call> {
    context: &'call Context<'call>,
    open: Writable<'call, LiqSeries>,
    /// The market that prices are judged by, where the series names one and the caller may read it.
    market: Option<Beside<'call, TickStore>>,
    /// Whether the series is to be made: it is, once an event belongs to it.
    is_new: bool,
    /// The server's clock, whatever replaces it for the events.
    now_ms: u64,
    clock: Clock,
    /// How short memory is: what the series keeps depends on it.
    mode: Mode,
    tally: Tally,
    /// Accepted events that are told of, with the signals they gave.
    told: Vec<(Event<'call>, Option<Signal>)>,
    /// Whether every accepted event is, or only those that gave a signal.
    tells_all: bool,
    /// What is replicated; none where nobody would hear of it, nor of a new series, which is replicated as a whole.
    decided: Option<Vec<u8>>,
}

impl<'call> Recording<'call> {
    /// Opens the series, one with the module's defaults when the key is missing. `at_ms` replaces the server's clock.
    pub fn open(
        context: &'call Context<'call>,
        key: KeyName<'call>,
        at_ms: Option<u64>,
    ) -> Result<Recording<'call>, Refusal> {
        let now_ms = context.now_ms();
        let clock = clock(now_ms, at_ms)?;
        // Before the key is open: a change of the mode is published, and subscribers may do anything.
        let mode = memory::mode_now(context);
        let (mut open, market) = open_beside_market(context, key)?;
        let is_new = open.value().is_none();
        let tells_all = open.value().is_some_and(|stored| stored.series.options().accepted.is_some());
        if is_new {
            open.put(LiqSeries::new(Series::new(config::default_options())));
        }
        let decided = (!is_new && !context.is_unheard()).then(take_buffer);
        let tally = Tally::default();
        Ok(Self { context, open, market, is_new, now_ms, clock, mode, tally, told: Vec::new(), tells_all, decided })
    }

    /// The clock that stands in for `*`.
    pub const fn clock_ms(&self) -> u64 {
        self.clock.time.server_ms
    }

    /// Adds one event, alone, with the whole judgement.
    pub fn add(&mut self, event: &Event<'call>) -> Result<Judgement, Refusal> {
        self.check_room(1)?;
        self.begin(None)?;
        let Self { open, market, clock, .. } = self;
        let LiqSeries { series, traded, .. } = open.existing()?;
        let judgement = series.add_beside(&mut vwap_of(market.as_mut(), traded), clock, event);
        self.note(event, &judgement);
        Ok(judgement)
    }

    /// Adds the events of a batch one by one, and says what became of them. A batch delivered before changes nothing.
    pub fn add_batch(mut self, request: &Madd<'call>) -> Result<BatchReply, Refusal> {
        if self.open.existing()?.series.has_seen(request.batch) {
            let mut repeated = Tally::default();
            repeated.count_status(Status::Duplicate, request.events.len() as u64);
            return Ok(BatchReply::from(&repeated));
        }
        self.check_room(request.events.len())?;
        self.begin(request.batch)?;
        for new in &request.events {
            let event = new.resolve(self.clock.time.server_ms);
            let Self { open, market, clock, .. } = &mut self;
            let LiqSeries { series, traded, .. } = open.existing()?;
            let judgement = series.add_in_batch_beside(&mut vwap_of(market.as_mut(), traded), clock, &event);
            self.note(&event, &judgement);
        }
        self.open.existing()?.series.end_batch(request.batch);
        let reply = BatchReply::from(&self.tally);
        self.finish()?;
        Ok(reply)
    }

    /// Refuses events beyond what a series can count.
    fn check_room(&mut self, more: usize) -> Result<(), Refusal> {
        match self.open.existing()?.series.has_room_for(more as u64) {
            true => Ok(()),
            false => Err(Refusal::because(format_args!("key: holds {MAX_EVENTS} events, the most a series can"))),
        }
    }

    fn begin(&mut self, batch: Option<BatchId<'_>>) -> Result<(), Refusal> {
        let series = &mut self.open.existing()?.series;
        let resolution = series.resolution_in(self.mode);
        let detail = series.change_resolution(resolution);
        if let Some(decided) = &mut self.decided {
            decided::begin(decided, self.clock.time, detail, batch);
        }
        Ok(())
    }

    #[inline]
    fn note(&mut self, event: &Event<'call>, judgement: &Judgement) {
        self.tally.count(judgement);
        if let Some(decided) = self.decided.as_mut().filter(|_| judgement.status.is_recorded()) {
            decided::push(decided, event);
        }
        if judgement.signal.is_some() || (self.tells_all && judgement.status == Status::Accepted) {
            self.told.push((*event, judgement.signal));
        }
    }

    /// Commits what was decided, and sends the signals. A series that nothing belongs to is not made.
    pub fn finish(mut self) -> Result<(), Refusal> {
        // Before anybody hears of the write.
        self.market = None;
        let counted = |statuses: &[Status]| statuses.iter().map(|status| self.tally.of(*status)).sum::<u64>();
        let is_stored = counted(&[Status::Accepted, Status::Filtered]) > 0;
        if self.is_new {
            if !is_stored && counted(&[Status::Small, Status::Duplicate]) == 0 {
                TOTALS.count(&self.tally);
                return Ok(());
            }
            memory::check_new(self.context)?;
        }
        let stored = self.open.existing()?;
        let expiry = if is_stored || self.is_new { expiry::renewed(stored, self.now_ms) } else { Expiry::Kept };
        // Asked for before the key is closed; hardly any command has signals.
        let streams = if self.told.is_empty() { None } else { Some(Streams::of(stored.series.options())) };
        let closed = if self.is_new {
            // As bytes, since defaults differ where it is replicated to.
            let blob = stored.encode_versioned();
            commit(self.context, self.open, Record::Command(LiqSeries::LOAD_COMMAND, &[&blob]), expiry)
        } else if let Some(mut decided) = self.decided {
            decided::end(&mut decided, &self.tally);
            let closed = commit(self.context, self.open, Record::Command(c"LIQ.APPLY", &[&decided]), expiry);
            give_back(decided);
            closed
        } else {
            commit(self.context, self.open, Record::Counted, expiry)
        };
        TOTALS.count(&self.tally);
        if is_stored {
            closed.notify(c"liq.add");
        }
        if let Some(streams) = streams {
            for (event, signal) in &self.told {
                streams.tell(self.context, &closed, event, signal.as_ref());
            }
        }
        Ok(())
    }
}

/// The series, and the market that it names.
fn open_beside_market<'call>(
    context: &'call Context<'call>,
    key: KeyName<'call>,
) -> Result<(Writable<'call, LiqSeries>, Option<Beside<'call, TickStore>>), Refusal> {
    let named =
        |open: &mut Writable<'_, LiqSeries>| open.value().and_then(|stored| stored.series.options().market.clone());
    let mut open = keyspace::write::<LiqSeries>(context, key)?;
    let Some(name) = named(&mut open) else { return Ok((open, None)) };
    // Nobody may hear of a key that is open, and opening the market may be heard of.
    drop(open);
    let market = markets::open(context, key, &name);
    let mut open = keyspace::write::<LiqSeries>(context, key)?;
    let is_the_same = named(&mut open).is_some_and(|named| named == name);
    Ok((open, market.filter(|_| is_the_same)))
}

/// The VWAP of `market` as the series asks for it, with what it remembers of the market.
fn vwap_of<'a>(
    mut market: Option<&'a mut Beside<'_, TickStore>>,
    traded: &'a mut Option<Box<Remembered>>,
) -> impl FnMut(u64, u64) -> Option<f64> + 'a {
    move |now_ms, window_ms| {
        let stored = market.as_mut()?.value()?;
        stored.market.vwap(now_ms, window_ms, traded.get_or_insert_default())
    }
}

/// The clock that events are judged by; `at_ms` replaces the server's, and may not be far ahead of it.
fn clock(now_ms: u64, at_ms: Option<u64>) -> Result<Clock, RequestError> {
    let max_future_ms = config::max_future_ms();
    match at_ms {
        Some(at_ms) if at_ms > now_ms.saturating_add(max_future_ms) => {
            let limit = format_duration(max_future_ms);
            let problem = format!("more than {limit} (liq.max-future) ahead of the server's clock");
            Err(RequestError::argument("AT", problem, at_ms.to_string().as_bytes()))
        }
        _ => Ok(Clock {
            time: Time::new(now_ms, max_future_ms).at(at_ms),
            max_future_ms,
            signal_max_age_ms: config::signal_max_age_ms(),
        }),
    }
}

/// The bytes of a decided write, kept from one command to the next so that adding need not allocate.
static BUFFER: Mutex<Vec<u8>> = Mutex::new(Vec::new());

/// What a large batch leaves behind is not worth keeping.
const KEPT_BYTES: usize = 64 * 1024;

fn take_buffer() -> Vec<u8> {
    std::mem::take(&mut *BUFFER.lock().unwrap_or_else(PoisonError::into_inner))
}

fn give_back(buffer: Vec<u8>) {
    if buffer.capacity() <= KEPT_BYTES {
        *BUFFER.lock().unwrap_or_else(PoisonError::into_inner) = buffer;
    }
}
