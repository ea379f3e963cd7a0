//! A series: its settings, its events, what it counted; judging and recording.

use super::cursors::Cursors;
use super::events::Events;
use super::heap::Measure;
use super::judgement::{Judgement, Signal, Status, Tally};
use super::names::{Exchanges, Producers};
use super::raw_event::RawEvent;
use super::tail::Tail;
use super::{ClockMode, Event, Options, OptionsError, Scale, Side};
use crate::liq::series::{BatchId, OptionsPatch};

/// What time it is, and how far events may be from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Clock {
    /// The server's clock, or what replaces it; Unix ms.
    pub server_ms: u64,
    /// How far ahead of it events may be, ms.
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
    pub fn now_ms(&self, server_ms: u64) -> u64 {
        let newest_ms = self.newest_ms.unwrap_or(0);
        match self.options.clock {
            ClockMode::Server => newest_ms.max(server_ms),
            ClockMode::Event => newest_ms,
        }
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
        self.change_precision(options.precision);
        self.events.archive.change_pane_ms(options.pane_ms());
        self.cursors.forget();
        self.shrink_tail(options.tail as usize);
        self.options = options;
        Ok(())
    }

    fn change_precision(&mut self, precision: u8) {
        for _ in precision..self.options.precision {
            self.events.archive.halve_precision();
        }
        self.events.scale = Scale::new(precision);
    }

    fn shrink_tail(&mut self, capacity: usize) {
        if self.events.tail.len() <= capacity {
            return;
        }
        while self.events.tail.len() > capacity {
            self.events.spill(&mut self.cursors);
        }
        let mut smaller = Tail::starting_at(self.events.tail.left());
        for place in 0..self.events.tail.len() {
            smaller.insert(&self.events.tail.event(place), capacity);
        }
        self.events.tail = smaller;
    }

    /// Forgets events, counts, exchanges and producers; the settings stay.
    pub fn reset(&mut self) {
        *self = Self::new(self.options.clone());
    }

    /// Judges an event, with all that `LIQ.ADD` answers, and records it.
    pub fn add(&mut self, clock: &Clock, event: &Event<'_>) -> Judgement {
        let judgement = self.judge::<true>(clock, event);
        self.settle(clock, event, &judgement);
        judgement
    }

    /// Judges an event of a batch: status and signal, without the numbers nobody sees. [`Series::end_batch`] follows.
    pub fn add_in_batch(&mut self, clock: &Clock, event: &Event<'_>) -> Judgement {
        let judgement = self.judge::<false>(clock, event);
        self.settle_one(clock, event, &judgement);
        judgement
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

    fn settle(&mut self, clock: &Clock, event: &Event<'_>, judgement: &Judgement) {
        self.settle_one(clock, event, judgement);
        self.events.archive.pack_late();
    }

    fn settle_one(&mut self, clock: &Clock, event: &Event<'_>, judgement: &Judgement) {
        self.tally.count(judgement);
        if judgement.status.is_recorded() {
            self.record(clock.server_ms, event);
        }
    }

    /// The moment an event is judged at.
    fn judging_ms(&self, clock: &Clock, event: &Event<'_>) -> u64 {
        let now_ms = self.now_ms(clock.server_ms);
        if self.options.clock == ClockMode::Event { now_ms.max(event.ts_ms) } else { now_ms }
    }

    fn judge<const FULL: bool>(&mut self, clock: &Clock, event: &Event<'_>) -> Judgement {
        if event.ts_ms > clock.server_ms.saturating_add(clock.max_future_ms) {
            return Judgement::only(Status::Future);
        }
        let now_ms = self.judging_ms(clock, event);
        if event.ts_ms as i64 <= now_ms as i64 - self.options.retention_ms as i64 {
            return Judgement::only(Status::Late);
        }
        let small = event.size < self.options.min_size;
        if !small && self.is_duplicate(event) {
            return Judgement::only(Status::Duplicate);
        }
        let mut judgement = Judgement::only(if small { Status::Small } else { Status::Accepted });
        if FULL || !small {
            self.weigh_size::<FULL>(now_ms, event, &mut judgement);
        }
        if FULL || judgement.status == Status::Accepted {
            self.weigh_price(clock, now_ms, event, &mut judgement);
        }
        judgement
    }

    fn is_duplicate(&self, event: &Event<'_>) -> bool {
        let tail = &self.events.tail;
        if tail.last_ms().is_none_or(|last| last < event.ts_ms) {
            return false;
        }
        let number = self.exchanges.number(event.exchange);
        number.is_some_and(|venue| tail.contains(&raw(event, venue)))
    }

    /// Rank and threshold; a status that was `Accepted` so far may become `Filtered`.
    fn weigh_size<const FULL: bool>(&mut self, now_ms: u64, event: &Event<'_>, judgement: &mut Judgement) {
        let (options, scale) = (&self.options, self.events.scale);
        let filter = self.cursors.filter(&mut self.events, options.filter_window_ms(), now_ms);
        let count = filter.count();
        if FULL && count > 0 {
            judgement.rank = Some(100.0 * filter.at_or_below(event.size, scale) as f64 / count as f64);
        }
        // Below MINEVENTS everything passes: the filter is off, and there is no threshold.
        if options.percentile.millionths() > 0 && count >= options.min_events {
            judgement.threshold = filter.threshold(options.percentile, scale);
        }
        let below = judgement.threshold.is_some_and(|threshold| event.size < threshold);
        if judgement.status == Status::Accepted && below {
            judgement.status = Status::Filtered;
        }
    }

    /// VWAP, deviation and signal.
    fn weigh_price(&mut self, clock: &Clock, now_ms: u64, event: &Event<'_>, judgement: &mut Judgement) {
        let Some(vwap) = self.cursors.weight(&self.events, self.options.vwap_window_ms, now_ms).vwap() else { return };
        let deviation_pct = deviation_pct(event.price, vwap);
        judgement.vwap = Some(vwap);
        judgement.deviation_pct = Some(deviation_pct);
        if judgement.status != Status::Accepted {
            return;
        }
        let (long, short) = (self.options.long_offset_pct, self.options.short_offset_pct);
        let action = match event.side {
            Side::Sell if long > 0.0 && deviation_pct <= -long => Side::Buy,
            Side::Buy if short > 0.0 && deviation_pct >= short => Side::Sell,
            Side::Buy | Side::Sell => return,
        };
        if now_ms.saturating_sub(event.ts_ms) > clock.signal_max_age_ms {
            judgement.stale_signal = true;
        } else {
            judgement.signal = Some(Signal { action, vwap, deviation_pct });
        }
    }

    /// Records an event that was decided to be recorded, with the server's clock as it was then.
    pub(crate) fn record(&mut self, server_ms: u64, event: &Event<'_>) {
        let now_ms = self.now_ms(server_ms).max(event.ts_ms);
        let cutoff_ms = now_ms as i64 - self.options.retention_ms as i64;
        self.events.roll(now_ms, cutoff_ms, &mut self.cursors);
        if self.events.archive.pane_ms() != self.options.pane_ms() && self.events.archive.panes() == 0 {
            self.events.archive.change_pane_ms(self.options.pane_ms());
        }
        if event.ts_ms as i64 <= cutoff_ms {
            return;
        }
        let venue = self.exchanges.admit(event.exchange);
        self.events.insert(&raw(event, venue), self.options.tail as usize, &mut self.cursors);
        self.newest_ms = self.newest_ms.max(Some(event.ts_ms));
    }

    /// How many allocations freeing the series takes, about.
    pub fn free_effort(&self) -> usize {
        1 + self.events.archive.panes()
    }

    /// Measures every buffer, and the series itself but for the place it lies in.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        self.events.tail.measure(measure);
        self.events.archive.measure(measure);
        self.exchanges.measure(measure);
        self.producers.measure(measure);
        self.cursors.measure(measure);
        if let Some(stream) = &self.options.signals {
            measure(stream.key.as_ptr(), stream.key.len());
        }
    }
}

/// (price − vwap) / vwap in percent.
pub(crate) fn deviation_pct(price: f64, vwap: f64) -> f64 {
    (price - vwap) / vwap * 100.0
}

fn raw(event: &Event<'_>, venue: u8) -> RawEvent {
    let Event { ts_ms, side, price, size, id_hash, .. } = *event;
    RawEvent { ts_ms, side, price, size, venue, id_hash }
}
