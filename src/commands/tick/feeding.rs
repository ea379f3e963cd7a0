//! What TICK.ADD, TICK.MADD and TICK.QUOTE share: opening or making the market, and telling everyone what was decided.

use std::sync::{Mutex, PoisonError};

use liq_core::batches::BatchId;
use liq_core::grammar::RequestError;
use liq_core::market::format::decided;
use liq_core::market::reply::{AddReply, MaddReply};
use liq_core::market::request::Madd;
use liq_core::market::store::{Changes, Judging, Market, Quote, Report, Status, Tally, Time};
use liq_core::market::tape::{Id, Order};
use liq_core::memory::Mode;

use crate::commands::clock::check_at;
use crate::commands::fires::{self, Teller, Telling};
use crate::commands::{closes, expiry};
use crate::commit::{Record, commit};
use crate::ffi::{Context, KeyName, Persisted};
use crate::keyspace::{self, Writable};
use crate::refusal::Refusal;
use crate::totals::TOTALS;
use crate::types::tickstore::TickStore;
use crate::{config, memory, reply};

/// A market open for feeding, and what was decided so far.
pub struct Feeding<'call> {
    context: &'call Context<'call>,
    open: Writable<'call, TickStore>,
    /// Whether the market is to be made: it is, once something belongs to it.
    is_new: bool,
    /// The server's clock, whatever replaces it.
    now_ms: u64,
    time: Time,
    max_future_ms: u64,
    /// How short memory was when the command began.
    mode: Mode,
    tally: Tally,
    changes: Changes,
    /// What is replicated; none where nobody would hear of it, nor of a new market, which is replicated as a whole.
    decided: Option<Vec<u8>>,
}

impl<'call> Feeding<'call> {
    /// Opens the market, one with the module's defaults when the key is missing. `at_ms` replaces the server's clock.
    pub fn open(
        context: &'call Context<'call>,
        key: KeyName<'call>,
        at_ms: Option<u64>,
    ) -> Result<Feeding<'call>, Refusal> {
        let now_ms = context.now_ms();
        let max_future_ms = config::tick_max_future_ms();
        check_at(now_ms, at_ms, max_future_ms)?;
        let time = Time::new(now_ms, max_future_ms).at(at_ms);
        // Before the key is open: a change of the mode is published, and subscribers may do anything.
        let mode = memory::mode_now(context);
        let mut open = keyspace::write::<TickStore>(context, key)?;
        let is_new = open.value().is_none();
        if is_new {
            open.put(TickStore::new(Market::new(config::default_market_options())));
        }
        let decided = (!is_new && !context.is_unheard()).then(take_buffer);
        let changes = Changes::judging(Judging { time, max_age_ms: config::trigger_max_age_ms() });
        let tally = Tally::default();
        Ok(Self { context, open, is_new, now_ms, time, max_future_ms, mode, tally, changes, decided })
    }

    /// The clock that stands in for `*`.
    pub const fn clock_ms(&self) -> u64 {
        self.time.server_ms
    }

    /// Takes the ID for what it means to this market. With `ORDER ID` a tick without a number is refused.
    pub fn check_id(&mut self, report: &mut Report<'_>) -> Result<(), RequestError> {
        let Some(order) = self.open.value().map(|stored| stored.market.options().order) else { return Ok(()) };
        report.id = report.id.ordered_by(order);
        match report.id {
            Id::Numbers { .. } => Ok(()),
            _ if order != Order::Id => Ok(()),
            id => {
                let problem = "must be an integer or first-last, as this market orders by ID";
                Err(RequestError::argument("ID", problem, id.text(&mut Vec::new())))
            }
        }
    }

    /// Begins to note what is decided. The market keeps what there is memory for, and triggers whose time is over go first.
    pub fn begin(&mut self, batch: Option<BatchId<'_>>) {
        let Some(stored) = self.open.value() else { return };
        let detail = stored.market.change_resolution(self.mode.into());
        if let Some(decided) = &mut self.decided {
            decided::begin(decided, self.time.server_ms, detail, batch);
        }
        stored.market.expire_triggers(self.time, &mut self.changes);
    }

    /// Feeds one tick.
    #[inline]
    pub fn add(&mut self, report: &Report<'_>) -> Result<Status, Refusal> {
        let market = &mut self.open.existing()?.market;
        let status = market.add(report, self.time, self.max_future_ms, &mut self.changes);
        self.tally.count(status);
        if let Some(decided) = &mut self.decided {
            note(decided, report, status, &mut self.changes);
        }
        Ok(status)
    }

    /// Feeds one quote.
    pub fn quote(&mut self, quote: &Quote) -> Result<Status, Refusal> {
        let market = &mut self.open.existing()?.market;
        let verdict = market.quote(quote, self.time, self.max_future_ms, &mut self.changes);
        self.tally.count(verdict.status);
        if let Some(decided) = self.decided.as_mut().filter(|_| verdict.changes()) {
            decided::push_quote(decided, quote, &verdict);
        }
        Ok(verdict.status)
    }

    /// Feeds the ticks of a batch one by one, and says what became of them. A batch delivered before changes nothing.
    pub fn add_batch(mut self, request: &Madd<'_>) -> Result<MaddReply, Refusal> {
        if self.open.existing()?.market.has_seen(request.batch) {
            let mut repeated = Tally::default();
            repeated.count_many(Status::Duplicate, request.ticks.len() as u64);
            return Ok(MaddReply::from(&repeated));
        }
        let clock_ms = self.time.server_ms;
        let order = self.open.existing()?.market.options().order;
        if order == Order::Id {
            for (place, tick) in request.ticks.iter().enumerate() {
                self.check_id(&mut tick.resolve(clock_ms, false)).map_err(|error| error.in_item(place + 1))?;
            }
        }
        self.begin(request.batch);
        let mut gap = request.gap;
        self.changes.put_off();
        let market = &mut self.open.existing()?.market;
        for tick in &request.ticks {
            let mut report = tick.resolve(clock_ms, gap);
            report.id = report.id.ordered_by(order);
            let status = market.add(&report, self.time, self.max_future_ms, &mut self.changes);
            self.tally.count(status);
            if let Some(decided) = &mut self.decided {
                note(decided, &report, status, &mut self.changes);
            }
            // What comes from another time says nothing of where trades are missing.
            gap &= matches!(status, Status::Future | Status::Late);
        }
        let market = &mut self.open.existing()?.market;
        market.settle(&mut self.changes);
        market.end_batch(request.batch);
        let (tally, _, telling) = self.finish(Teller::Batch)?;
        let mut reply = MaddReply::from(&tally);
        reply.fired = telling.counted;
        Ok(reply)
    }

    /// Ends a command of one tick or quote with its reply.
    pub fn finish_one(self, status: Status) -> Result<(), Refusal> {
        let context = self.context;
        let (_, changes, telling) = self.finish(Teller::Feeding)?;
        reply::send(context, &AddReply::of(status, &changes, telling.fired));
        Ok(())
    }

    /// Commits what was decided, and tells of candles and triggers. A market that nothing belongs to is not made.
    fn finish(mut self, teller: Teller) -> Result<(Tally, Changes, Telling), Refusal> {
        self.tally.closes = self.changes.closed().count() as u64;
        let is_changed = Status::ALL.iter().any(|status| status.changes() && self.tally.of(*status) > 0);
        if self.is_new {
            if !is_changed {
                TOTALS.ticks.add(self.tally.all());
                return Ok((self.tally, self.changes, Telling::default()));
            }
            memory::check_new(self.context)?;
        }
        let stored = self.open.existing()?;
        stored.market.count(&self.tally);
        if let Some(decided) = &mut self.decided {
            decided::end(decided, &self.tally);
        }
        let telling = fires::take(&mut stored.market, &self.changes, teller, self.decided.as_mut());
        let expiry = expiry::of_market(stored, is_changed, self.now_ms);
        // Asked for before the key is closed; hardly any command closes a candle.
        let stream = if self.changes.is_empty() { None } else { stored.market.options().closes.clone() };
        let closed = if self.is_new {
            // As bytes, since defaults differ where it is replicated to.
            let blob = stored.encode_versioned();
            commit(self.context, self.open, Record::Command(TickStore::LOAD_COMMAND, &[&blob]), expiry)
        } else if let Some(decided) = self.decided {
            let closed = commit(self.context, self.open, Record::Command(c"TICK.APPLY", &[&decided]), expiry);
            give_back(decided);
            closed
        } else {
            commit(self.context, self.open, Record::Counted, expiry)
        };
        TOTALS.ticks.add(self.tally.all());
        telling.tell_expired(&closed);
        if is_changed {
            closed.notify(c"tick.add");
        }
        closes::tell(self.context, &closed, stream.as_ref(), &self.changes);
        fires::deliver(self.context, &closed, &telling);
        Ok((self.tally, self.changes, telling))
    }
}

/// Notes what was decided of a tick, where that changed anything.
#[inline]
fn note(decided: &mut Vec<u8>, report: &Report<'_>, status: Status, changes: &mut Changes) {
    let was_missing = changes.take_seen();
    if status.changes() || was_missing {
        decided::push_tick(decided, report, status);
    }
}

/// The bytes of a decided write, kept from one command to the next so that feeding need not allocate.
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
