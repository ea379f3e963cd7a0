//! A series: its settings, its events, what it counted; recording. What is said of an event is in `judging`.

use super::cursors::Cursors;
use super::events::Events;
use super::heap::{self, Measure};
use super::judgement::Tally;
use super::names::{Exchanges, OTHER_EXCHANGE};
use super::patch::OptionsPatch;
use super::raw_event::RawEvent;
use super::{Detail, Event, Options, OptionsError, Resolution, Scale};
use crate::batches::{BatchId, Producers};
use crate::relocation::Mover;
use crate::settings::ClockMode;

/// Most events that a series holds, raw and in panes: counts of any stretch of it fit 32 bits.
pub const MAX_EVENTS: u64 = 1 << 31;

/// What time it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// The server's clock, or what a command puts in its place; Unix ms.
    pub server_ms: u64,
    /// The newest event says what time it is unless it lies behind this, Unix ms: a clock that was once days ahead must
    /// not make every later event late. It follows the real clock, whatever a command puts in its place.
    pub trusted_ms: u64,
}

impl Time {
    /// Time by the clock `server_ms`, with events up to `max_future_ms` ahead of it trusted.
    pub const fn new(server_ms: u64, max_future_ms: u64) -> Self {
        Self { server_ms, trusted_ms: server_ms.saturating_add(max_future_ms) }
    }

    /// The same with another clock in the server's place, which is trusted no more than before.
    #[must_use]
    pub const fn at(self, server_ms: Option<u64>) -> Self {
        match server_ms {
            Some(server_ms) => Self { server_ms, ..self },
            None => self,
        }
    }
}

/// What time it is, and how far events may be from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// What time it is.
    pub time: Time,
    /// How far ahead of the server's clock events may be, ms.
    pub max_future_ms: u64,
    /// How old an event may be and still signal, ms.
    pub signal_max_age_ms: u64,
}

/// Why settings cannot be changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterError {
    /// They do not go together.
    Options(OptionsError),
    /// This one cannot change while events are held.
    Held(&'static str),
}

impl std::fmt::Display for AlterError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Options(error) => error.fmt(f),
            Self::Held("CLOCK") => write!(f, "CLOCK: cannot be changed while events are held"),
            Self::Held(option) => write!(f, "{option}: cannot be raised while events are held"),
        }
    }
}

impl std::error::Error for AlterError {}

/// A series of liquidation events.
#[derive(Debug, Clone)]
pub struct Series {
    pub(crate) options: Options,
    pub(super) resolution: Resolution,
    /// Whether no more detail is held than the resolution leaves. Until then it records as the settings say.
    pub(super) is_settled: bool,
    pub(crate) events: Events,
    pub(crate) exchanges: Exchanges,
    pub(crate) producers: Producers,
    pub(crate) tally: Tally,
    /// Timestamp of the newest event ever recorded.
    pub(crate) newest_ms: Option<u64>,
    pub(crate) cursors: Cursors,
}

impl Series {
    /// An empty series.
    pub fn new(options: Options) -> Self {
        let events = Events::new(Scale::new(options.precision), options.pane_ms());
        Self {
            options,
            resolution: Resolution::Full,
            is_settled: true,
            events,
            exchanges: Exchanges::default(),
            producers: Producers::default(),
            tally: Tally::default(),
            newest_ms: None,
            cursors: Cursors::default(),
        }
    }

    /// The settings.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// What was counted since the series began, or was reset.
    pub const fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The moment that windows end at: the newest event, or the server's clock where that is later and counts.
    pub fn now_ms(&self, time: Time) -> u64 {
        let newest_ms = self.newest_ms.unwrap_or(0);
        match self.options.clock {
            ClockMode::Server if newest_ms > time.trusted_ms => time.server_ms,
            ClockMode::Server => newest_ms.max(time.server_ms),
            ClockMode::Event => newest_ms,
        }
    }

    /// Whether `more` events may come to those held.
    pub const fn has_room_for(&self, more: u64) -> bool {
        self.events.count() + more <= MAX_EVENTS
    }

    /// Changes settings; nothing changes when that is refused.
    pub fn alter(&mut self, patch: &OptionsPatch) -> Result<(), AlterError> {
        let options = self.options.altered(patch).map_err(AlterError::Options)?;
        let holds_events = self.newest_ms.is_some() && self.events.newest_ms().is_some();
        if holds_events && options.clock != self.options.clock {
            return Err(AlterError::Held("CLOCK"));
        }
        if holds_events && options.precision > self.options.precision {
            return Err(AlterError::Held("PRECISION"));
        }
        self.options = options;
        self.cursors.forget();
        self.events.archive.change_coarse_ms(self.options.pane_ms(), &mut self.cursors);
        self.take_all_steps();
        Ok(())
    }

    /// Whether [`bring_to`](Self::bring_to) would change anything that persists.
    pub fn is_due(&self, time: Time, resolution: Resolution) -> bool {
        let (now_ms, cutoff_ms) = self.reach(time, None);
        self.has_more_than(resolution) || self.events.is_due(now_ms, cutoff_ms)
    }

    /// Brings the series to `time` without an event: it keeps so much detail from now on and takes a
    /// [step](Self::change_resolution) towards that, and what no window reaches any more goes.
    pub fn bring_to(&mut self, time: Time, resolution: Resolution) -> Detail {
        let detail = self.change_resolution(resolution);
        self.roll_to(time);
        detail
    }

    /// Lets go of what no window reaches any more.
    pub(crate) fn roll_to(&mut self, time: Time) {
        let (now_ms, cutoff_ms) = self.reach(time, None);
        self.events.roll(now_ms, cutoff_ms, &mut self.cursors);
    }

    /// Gives back the memory that holds nothing: room for what may come, and derived answers. No answer changes; those
    /// asked next are worked out anew.
    pub fn free_spare(&mut self) {
        self.cursors.forget();
        self.events.free_spare();
    }

    /// Forgets events, counts, exchanges and producers; the settings stay.
    pub fn reset(&mut self) {
        let fresh = Self::new(self.options.clone());
        *self = Self { resolution: self.resolution, ..fresh };
        self.take_all_steps();
    }

    /// Ends a batch: late events are packed into their panes, each pane once, and its number is remembered.
    pub fn end_batch(&mut self, batch: Option<BatchId<'_>>) {
        self.events.archive.pack_late();
        if let Some(BatchId { producer, seq }) = batch {
            self.producers.saw(producer, seq);
        }
    }

    /// Whether a batch was delivered before.
    pub fn has_seen(&self, batch: Option<BatchId<'_>>) -> bool {
        batch.is_some_and(|BatchId { producer, seq }| self.producers.has_seen(producer, seq))
    }

    /// The present as of `time` and an event, and what lies beyond the retention then, Unix ms.
    fn reach(&self, time: Time, event_ms: Option<u64>) -> (u64, i64) {
        let now_ms = self.now_ms(time).max(event_ms.unwrap_or(0));
        (now_ms, now_ms as i64 - self.options.retention_ms as i64)
    }

    /// Records an event that was decided to be recorded, by the time it was decided at.
    pub(crate) fn record(&mut self, time: Time, event: &Event<'_>) {
        let (now_ms, cutoff_ms) = self.reach(time, Some(event.ts_ms));
        self.events.roll(now_ms, cutoff_ms, &mut self.cursors);
        // What a primary says was recorded may be out of reach of a replica that was told other settings.
        if event.ts_ms as i64 <= cutoff_ms || !self.has_room_for(1) {
            return;
        }
        let venue = self.exchanges.admit(event.exchange);
        let capacity = self.tail_now() as usize;
        self.events.insert(&raw(event, venue), capacity, &mut self.cursors);
        self.newest_ms = self.newest_ms.max(Some(event.ts_ms));
    }

    /// Asserts the invariants that `liq/series/mod.rs` numbers: for tests and fuzzing.
    pub fn check(&mut self) {
        self.check_detail();
        self.cursors.check(&mut self.events);
        let newest_held = self.events.newest_ms();
        assert!(newest_held <= self.newest_ms, "S1: nothing held is newer than the newest recorded");
        assert_eq!(self.events.archive.coarse_ms(), self.options.pane_ms(), "S2: panes have the width of the settings");
        assert!(self.has_room_for(0), "S3: there are no more events than can be counted");
    }

    /// How many allocations freeing the series takes, about.
    pub fn free_effort(&self) -> usize {
        1 + self.events.archive.panes().len() + self.events.tail.leaf_count()
    }

    /// Measures every buffer, and the series itself but for the place it lies in.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        self.events.tail.measure(measure);
        self.events.archive.measure(measure);
        self.exchanges.measure(measure);
        self.producers.measure(measure);
        self.cursors.measure(measure);
        for stream in [&self.options.signals, &self.options.accepted].into_iter().flatten() {
            heap::slice(&stream.key, measure);
        }
        if let Some(market) = &self.options.market {
            heap::slice(market, measure);
        }
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        self.events.tail.relocate(mover);
        self.events.archive.relocate(mover);
        self.exchanges.relocate(mover);
        self.producers.relocate(mover);
        self.cursors.relocate(mover);
        for stream in [&mut self.options.signals, &mut self.options.accepted].into_iter().flatten() {
            mover.slice(&mut stream.key);
        }
        if let Some(market) = &mut self.options.market {
            mover.slice(market);
        }
    }
}

/// An event with its exchange as number `venue`. Of an exchange without a number of its own, the name counts with the id.
pub(super) fn raw(event: &Event<'_>, venue: u8) -> RawEvent {
    let Event { ts_ms, side, price, size, .. } = *event;
    let id_hash = if venue == OTHER_EXCHANGE { event.id_hash_with_exchange() } else { event.id_hash };
    RawEvent { ts_ms, side, price, size, venue, id_hash }
}
