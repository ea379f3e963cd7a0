//! What TRIG.SET and TRIG.DEL share: a market open for changing its triggers, and telling everyone what was decided.

use std::ffi::CStr;

use liq_core::market::format::decided;
use liq_core::market::format::triggers::{Decision, put_decision};
use liq_core::market::store::{Changes, Judging, Market, Tally, Time};
use liq_core::market::triggers::{Armed, Order, SetError, Standing};

use crate::commands::expiry;
use crate::commands::fires::{self, Teller};
use crate::commit::{Record, close, commit};
use crate::config;
use crate::ffi::Context;
use crate::keyspace::Writable;
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;

/// A market whose triggers change, and what was decided so far.
pub struct Writing<'call> {
    context: &'call Context<'call>,
    open: Writable<'call, TickStore>,
    now_ms: u64,
    time: Time,
    changes: Changes,
    /// How many of the fires are noted.
    noted: usize,
    is_changed: bool,
    /// What replicas and the append-only file are told; none while nobody listens.
    decided: Option<Vec<u8>>,
}

/// What setting a trigger with an id and a payload of some length takes.
const DECIDED_BYTES: usize = 128;

impl<'call> Writing<'call> {
    /// Begins with a market that is there, in which what is over goes first.
    pub fn begin(
        context: &'call Context<'call>,
        mut open: Writable<'call, TickStore>,
        time: Time,
    ) -> Result<Self, Refusal> {
        let mut changes = Changes::judging(Judging { time, max_age_ms: config::trigger_max_age_ms() });
        let market = &mut open.existing()?.market;
        let mut decided = (!context.is_unheard()).then(|| Vec::with_capacity(DECIDED_BYTES));
        if let Some(decided) = &mut decided {
            decided::begin(decided, time.server_ms, market.resolution(), None);
            decided::end(decided, &Tally::default());
        }
        market.expire_triggers(time, &mut changes);
        // What is over goes first, also where the id is set anew.
        if let Some(decided) = &mut decided {
            fires::note(market, &changes, 0, decided);
        }
        let noted = changes.fired();
        Ok(Self { context, open, now_ms: context.now_ms(), time, changes, noted, is_changed: noted > 0, decided })
    }

    /// The market.
    pub fn market(&mut self) -> Result<&mut Market, Refusal> {
        Ok(&mut self.open.existing()?.market)
    }

    /// Sets a trigger, and notes that.
    pub fn set(&mut self, order: &Order<'_>, most: usize) -> Result<Option<Standing>, SetError> {
        let Some(stored) = self.open.value() else { return Ok(None) };
        let market = &mut stored.market;
        let Some(standing) = market.set_trigger(order, most, self.time, &mut self.changes)? else { return Ok(None) };
        self.is_changed = true;
        if let Some(decided) = &mut self.decided {
            let Order { id, expires_ms, payload, .. } = *order;
            let (armed_at_ms, terms) = (market.now_ms(self.time), order.terms.with_extreme(standing.extreme));
            let armed = Armed { id, arming: standing.arming, armed_at_ms, expires_ms, payload, terms };
            put_decision(decided, &Decision::Armed(armed));
            fires::note(market, &self.changes, self.noted, decided);
        }
        Ok(Some(standing))
    }

    /// Notes that triggers were deleted.
    pub fn deleted(&mut self, armings: &[u64]) {
        if let Some(decided) = &mut self.decided {
            armings.iter().for_each(|arming| put_decision(decided, &Decision::Deleted(*arming)));
        }
        self.is_changed |= !armings.is_empty();
    }

    /// Commits what was decided, tells watchers of `event` and appends fires. Without a change nobody hears of anything, but
    /// what waits for its stream is tried again.
    pub fn finish(mut self, event: Option<&CStr>) -> Result<(), Refusal> {
        let stored = self.open.existing()?;
        let telling = fires::take(&mut stored.market, &self.changes, Teller::Triggers, self.decided.as_mut());
        let closed = if self.is_changed {
            let expiry = expiry::of_market(stored, true, self.now_ms);
            match &self.decided {
                Some(decided) => commit(self.context, self.open, Record::Command(c"TICK.APPLY", &[decided]), expiry),
                None => commit(self.context, self.open, Record::Counted, expiry),
            }
        } else {
            close(self.context, self.open)
        };
        telling.tell_expired(&closed);
        if let Some(event) = event {
            closed.notify(event);
        }
        fires::deliver(self.context, &closed, &telling);
        Ok(())
    }
}
