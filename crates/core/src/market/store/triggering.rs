//! The triggers of a market: judged by every price that is accepted, set by the prices held, and told.

use super::changes::Changes;
use super::clock::Time;
use super::market::Market;
use super::prices::{Price, Source};
use crate::grammar::Decimal;
use crate::market::tape::{Id, ShortText};
use crate::market::triggers::{Fire, Held, Order, Owed, Prices, Row, SetError, Standing, Tick, Which};
use crate::settings::ClockMode;

impl Market {
    /// The price of a source before a new one comes, where a trigger may want to know.
    pub(super) fn price_before(&self, source: Source) -> Option<Decimal> {
        if self.triggers().is_idle() { None } else { self.prices.of(source).map(|price| price.price) }
    }

    /// Judges by a price that was accepted, if it is young enough; on a replica it moves extremes and nothing more.
    #[inline]
    pub(super) fn judge_triggers(
        &mut self,
        news: (Source, Price, Id<'_>),
        before: Option<Decimal>,
        changes: Option<&mut Changes>,
    ) {
        if !self.triggers().is_idle() {
            self.judge_armed(news, before, changes);
        }
    }

    fn judge_armed(
        &mut self,
        (source, price, id): (Source, Price, Id<'_>),
        before: Option<Decimal>,
        changes: Option<&mut Changes>,
    ) {
        let femto = price.price.femto();
        // Hardly ever: nobody else pays for it.
        if self.triggers().are_asleep() {
            self.wake_triggers(source, price.ts_ms);
        }
        let judged = changes.and_then(|changes| changes.judging.map(|judging| (changes, judging)));
        let Some((changes, judging)) = judged else { return self.triggers_mut().follow(source, femto) };
        if price.ts_ms < self.now_ms(judging.time).saturating_sub(judging.max_age_ms) {
            self.triggers_mut().leave_unjudged(source, femto);
            changes.unjudged += 1;
            return;
        }
        // The ID is written as text only for those who will read it.
        let mut room = Vec::new();
        let id = if self.triggers().is_due(source, femto) { id.text(&mut room) } else { b"" };
        let before = before.map(Decimal::femto);
        let owed = self.owed();
        changes.fired +=
            self.triggers_mut().judge(&Tick { source, price: femto, before, ts_ms: price.ts_ms, id }, owed);
    }

    /// Before a price of that time is heeded: who was set when it was not stale may start with it.
    fn wake_triggers(&mut self, source: Source, ts_ms: u64) {
        let fresh_ms = ts_ms.saturating_add(self.options.stale_ms);
        let set_first_ms = self.newest_ms().map_or(0, |newest_ms| newest_ms + 1);
        let is_by_events = self.options.clock == ClockMode::Event;
        let triggers = self.triggers_mut();
        triggers.wake(source, 0..=fresh_ms);
        if is_by_events {
            // Set by the server's clock, when no event had told the time yet.
            triggers.wake(source, set_first_ms..=u64::MAX);
        }
    }

    /// Whom fires are owed to that are decided now.
    pub const fn owed(&self) -> Owed {
        if self.options.fires.is_some() { Owed::Stream } else { Owed::Reply }
    }

    /// Lets triggers go whose time is over. The first thing that a write does.
    pub fn expire_triggers(&mut self, time: Time, changes: &mut Changes) {
        if self.may_expire() {
            self.expire_triggers_at(time, self.newest_ms(), changes);
        }
    }

    fn may_expire(&self) -> bool {
        self.triggers.as_ref().is_some_and(|triggers| triggers.next_expiry_ms().is_some())
    }

    /// The same before an event of `ts_ms` is judged by: its time has come, too.
    pub(super) fn expire_triggers_before(&mut self, ts_ms: u64, changes: &mut Changes) {
        if let Some(judging) = changes.judging.filter(|_| self.may_expire()) {
            self.expire_triggers_at(judging.time, self.newest_ms().max(Some(ts_ms)), changes);
        }
    }

    fn expire_triggers_at(&mut self, time: Time, newest_ms: Option<u64>, changes: &mut Changes) {
        let (now_ms, owed) = (time.now_ms(self.options.clock, newest_ms), self.owed());
        changes.fired += self.triggers_mut().expire(now_ms, owed);
    }

    /// Sets a trigger and judges it by the prices that are not stale; `most` may be armed, waiting and pending.
    pub fn set_trigger(
        &mut self,
        order: &Order<'_>,
        most: usize,
        time: Time,
        changes: &mut Changes,
    ) -> Result<Option<Standing>, SetError> {
        let (now_ms, owed) = (self.now_ms(time), self.owed());
        let mut room = ShortText::new();
        let id = self.prices.last.as_ref().map_or(b"".as_slice(), |last| last.id().short_text(&mut room));
        let prices = held(&self.prices, id, now_ms, self.options.stale_ms);
        let triggers = self.triggers.get_or_insert_default();
        let before = triggers.totals().fires;
        let standing = triggers.set(order, most, now_ms, &prices, owed)?;
        changes.fired += (triggers.totals().fires - before) as usize;
        Ok(standing)
    }

    /// Whether a trigger can be set, so that a refusal is known before anything changes.
    pub fn may_set_trigger(&self, order: &Order<'_>, most: usize, time: Time) -> Result<(), SetError> {
        self.triggers().may_set(order, most, self.now_ms(time))
    }

    /// Deletes a trigger; its arming, if one was armed under the id.
    pub fn delete_trigger(&mut self, id: &[u8]) -> Option<u64> {
        self.triggers_mut().delete(id)
    }

    /// Deletes all triggers whose id begins so; their armings.
    pub fn delete_triggers(&mut self, prefix: &[u8]) -> Vec<u64> {
        self.triggers_mut().delete_prefix(prefix)
    }

    /// The oldest fires were told.
    pub fn told(&mut self, owed: Owed, count: usize) {
        self.triggers_mut().told(owed, count);
    }

    /// Triggers by arming, with the level that is nearest to the price now.
    pub fn list_triggers(&self, which: Which<'_>, after: u64, count: usize) -> Vec<Row<'_>> {
        self.triggers().list(which, after, count, &held(&self.prices, b"", 0, 0))
    }

    /// The fires that a command decided, which are the newest owed.
    pub fn fired<'a>(&'a self, changes: &Changes) -> impl Iterator<Item = &'a Fire> {
        let owed = self.triggers().owed(self.owed());
        let before = owed.len().saturating_sub(changes.fired);
        owed.skip(before)
    }
}

/// The prices held, as triggers look at them; `id` is that of the last trade.
fn held<'a>(prices: &super::prices::Prices, id: &'a [u8], now_ms: u64, stale_ms: u64) -> Prices<'a> {
    Source::ALL.map(|source| {
        let Price { price, ts_ms, .. } = prices.of(source)?;
        let is_fresh = now_ms.saturating_sub(ts_ms) <= stale_ms;
        let tick = if source == Source::Last { id } else { b"" };
        Some(Held { price: price.femto(), ts_ms, tick, is_fresh })
    })
}
