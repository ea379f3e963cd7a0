//! What is decided of a trigger that fires or expires, and the outbox where it stays until it is told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

use super::legs::{Cause, Side};
use super::price::{PRICE_RANGE, Price, Source};
use super::record::Record;
use super::terms::{MAX_ID_BYTES, MAX_PAYLOAD_BYTES, MAX_TICK_BYTES};
use crate::heap::{self, Measure};
use crate::relocation::Mover;

/// Why a trigger is gone and what the market was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts<'a> {
    /// The leg that was due, or expiry.
    pub cause: Cause,
    /// The source that made it due; none of one that expired, as with `level` and `price`.
    pub by: Option<Source>,
    /// The level that was due.
    pub level: Option<Price>,
    /// The price that reached it.
    pub price: Option<Price>,
    /// When that price was; the time of expiry of what expired. Unix milliseconds.
    pub ts_ms: u64,
    /// The ID of the trade; empty without one.
    pub tick: &'a [u8],
    /// What the trailing leg had seen, if it tracked.
    pub extreme: Option<Price>,
}

impl Facts<'_> {
    /// Whether such facts can be of anything.
    pub(crate) fn are_possible(&self) -> bool {
        let is_price = |price: Option<Price>| price.is_none_or(|price| PRICE_RANGE.contains(&price));
        let expired = self.cause == Cause::Expired;
        is_price(self.level)
            && is_price(self.price)
            && is_price(self.extreme)
            && [self.by.is_none(), self.level.is_none(), self.price.is_none()] == [expired; 3]
            && self.tick.len() <= if expired { 0 } else { MAX_TICK_BYTES }
    }
}

/// A trigger that has fired or expired, and is no longer armed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fire {
    /// The trigger's id.
    pub id: Box<[u8]>,
    /// Its arming: with the id it names the fire.
    pub arming: u64,
    /// Its side.
    pub side: Option<Side>,
    /// When it was armed, Unix milliseconds.
    pub armed_at_ms: u64,
    /// What came with it.
    pub payload: Option<Box<[u8]>>,
    /// The leg that was due, or expiry.
    pub cause: Cause,
    /// As in [`Facts`].
    pub by: Option<Source>,
    /// As in [`Facts`].
    pub level: Option<Price>,
    /// As in [`Facts`].
    pub price: Option<Price>,
    /// As in [`Facts`].
    pub ts_ms: u64,
    /// As in [`Facts`].
    pub tick: Box<[u8]>,
    /// As in [`Facts`].
    pub extreme: Option<Price>,
    /// Counts it as long as it is held.
    pub held: HeldFire,
}

static HELD: AtomicU64 = AtomicU64::new(0);

/// How many fires all markets of the process hold that were not told yet.
pub fn held_fires() -> u64 {
    HELD.load(Ordering::Relaxed)
}

/// Part of every fire, wherever it is kept: it is counted from its making to its end.
#[derive(Debug, PartialEq, Eq)]
pub struct HeldFire(());

impl Default for HeldFire {
    fn default() -> Self {
        HELD.fetch_add(1, Ordering::Relaxed);
        Self(())
    }
}

impl Clone for HeldFire {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl Drop for HeldFire {
    fn drop(&mut self) {
        HELD.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Fire {
    pub(super) fn new(record: Record, facts: &Facts<'_>) -> Self {
        let Facts { cause, by, level, price, ts_ms, tick, extreme } = *facts;
        let Record { id, payload, arming, armed_at_ms, side, has_payload, .. } = record;
        let payload = has_payload.then_some(payload);
        let (tick, held) = (tick.into(), HeldFire::default());
        Self { id, arming, side, armed_at_ms, payload, cause, by, level, price, ts_ms, tick, extreme, held }
    }

    /// Whether it can be one of a trigger that was armed.
    pub(super) fn is_possible(&self) -> bool {
        let payload = self.payload.as_deref().unwrap_or_default();
        self.facts().are_possible()
            && (1..=MAX_ID_BYTES).contains(&self.id.len())
            && payload.len() <= MAX_PAYLOAD_BYTES
            && self.arming > 0
    }

    /// `id:arming`: no other fire of the market has that name.
    pub fn name(&self) -> Vec<u8> {
        [&*self.id, b":", itoa::Buffer::new().format(self.arming).as_bytes()].concat()
    }

    /// What is known of it beside the trigger.
    pub fn facts(&self) -> Facts<'_> {
        let Self { cause, by, level, price, ts_ms, extreme, .. } = *self;
        Facts { cause, by, level, price, ts_ms, tick: &self.tick, extreme }
    }
}

/// Whom a fire is to be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owed {
    /// The stream: the market had one when it was decided.
    Stream,
    /// Whoever writes to the market: it had none.
    Reply,
}

impl Owed {
    /// Both, in the order in which they are saved.
    pub const BOTH: [Self; 2] = [Self::Stream, Self::Reply];
}

/// Fires that were decided and not told yet, oldest first.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outbox {
    stream: VecDeque<Fire>,
    reply: VecDeque<Fire>,
}

impl Outbox {
    pub const fn new() -> Self {
        Self { stream: VecDeque::new(), reply: VecDeque::new() }
    }

    pub const fn of(&self, owed: Owed) -> &VecDeque<Fire> {
        match owed {
            Owed::Stream => &self.stream,
            Owed::Reply => &self.reply,
        }
    }

    pub const fn of_mut(&mut self, owed: Owed) -> &mut VecDeque<Fire> {
        match owed {
            Owed::Stream => &mut self.stream,
            Owed::Reply => &mut self.reply,
        }
    }

    pub fn len(&self) -> usize {
        self.stream.len() + self.reply.len()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Fire> {
        self.stream.iter().chain(&self.reply)
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        heap::deque(&self.stream, measure);
        heap::deque(&self.reply, measure);
        for fire in self.iter() {
            heap::slice(&fire.id, measure);
            heap::slice(fire.payload.as_deref().unwrap_or_default(), measure);
            heap::slice(&fire.tick, measure);
        }
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.deque(&mut self.stream);
        mover.deque(&mut self.reply);
        for fire in self.stream.iter_mut().chain(&mut self.reply) {
            mover.slice(&mut fire.id);
            if let Some(payload) = &mut fire.payload {
                mover.slice(payload);
            }
            mover.slice(&mut fire.tick);
        }
    }
}
