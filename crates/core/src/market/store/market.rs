//! The market itself: its state, its options, what is asked of it from inside the family.

use super::clock::Time;
use super::detail::fine_ms;
use super::options::{Options, OptionsError, OptionsPatch};
use super::prices::{Jump, Prices, Source};
use super::totals::{Tally, Totals};
use crate::batches::{BatchId, Producers};
use crate::heap::Measure;
use crate::market::candle::{Interval, Levels, Span};
use crate::market::tape::{Gaps, Moment, Tail};
use crate::market::triggers::Triggers;
use crate::memory::Resolution;
use crate::relocation::Mover;

/// One instrument at one venue: prices, newest ticks, candles.
#[derive(Debug, Clone)]
pub struct Market {
    pub(crate) options: Options,
    pub(crate) resolution: Resolution,
    pub(crate) prices: Prices,
    /// Prices that are not yet believed, by source.
    pub(crate) jumps: [Jump; Source::ALL.len()],
    /// Market time, Unix ms; 0 before anything was seen.
    pub(crate) time_ms: u64,
    /// Before this time no announced candle ends that is open, Unix ms; 0 where that is not known. Derived.
    pub(crate) quiet_ms: u64,
    /// Market time when each of the announced intervals came to be announced, Unix ms, by their places: of what had ended by
    /// then nobody was told. Empty where that is the beginning for all.
    pub(crate) announced_ms: Vec<u64>,
    /// The latest quote or heartbeat, Unix ms.
    pub(crate) heard_ms: Option<u64>,
    /// The greatest number seen, and when that trade was, with `ORDER ID`.
    pub(crate) top: Option<Moment>,
    /// When the newest tick was that was seen at all, Unix ms: a gap begins there.
    pub(crate) seen_ms: Option<u64>,
    pub(crate) gaps: Gaps,
    pub(crate) tail: Tail,
    pub(crate) levels: Levels,
    pub(crate) producers: Producers,
    pub(crate) totals: Totals,
    /// None as long as none was ever set: most markets have none.
    pub(crate) triggers: Option<Box<Triggers>>,
}

/// Why options cannot be altered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AlterError {
    /// This one cannot change while ticks or candles are held.
    Held(&'static str),
    /// They do not go together.
    Options(OptionsError),
}

impl From<OptionsError> for AlterError {
    fn from(error: OptionsError) -> Self {
        Self::Options(error)
    }
}

impl Market {
    /// An empty market.
    pub fn new(options: Options) -> Self {
        let levels = Levels::new(options.keep, options.zone);
        Self {
            options,
            resolution: Resolution::Full,
            prices: Prices::default(),
            jumps: [Jump::default(); Source::ALL.len()],
            time_ms: 0,
            quiet_ms: 0,
            announced_ms: Vec::new(),
            heard_ms: None,
            top: None,
            seen_ms: None,
            gaps: Gaps::default(),
            tail: Tail::default(),
            levels,
            producers: Producers::default(),
            totals: Totals::default(),
            triggers: None,
        }
    }

    /// The settings.
    pub const fn options(&self) -> &Options {
        &self.options
    }

    /// The last prices.
    pub const fn prices(&self) -> &Prices {
        &self.prices
    }

    /// Candles of all levels.
    pub const fn levels(&self) -> &Levels {
        &self.levels
    }

    /// The newest ticks.
    pub const fn tail(&self) -> &Tail {
        &self.tail
    }

    /// Where trades may be missing.
    pub const fn gaps(&self) -> &Gaps {
        &self.gaps
    }

    /// Standing orders on its prices.
    pub fn triggers(&self) -> &Triggers {
        static NONE: Triggers = Triggers::new();
        self.triggers.as_deref().unwrap_or(&NONE)
    }

    /// The same, to be changed.
    pub(crate) fn triggers_mut(&mut self) -> &mut Triggers {
        self.triggers.get_or_insert_default()
    }

    /// What became of everything that came.
    pub const fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Market time, Unix ms.
    pub const fn time_ms(&self) -> u64 {
        self.time_ms
    }

    /// When anything was last seen, Unix ms.
    pub fn newest_ms(&self) -> Option<u64> {
        self.prices.newest_ms().max(self.heard_ms)
    }

    /// Now, for this market.
    pub fn now_ms(&self, time: Time) -> u64 {
        time.now_ms(self.options.clock, self.newest_ms())
    }

    /// Applies `patch` to the options.
    pub fn alter(&mut self, patch: &OptionsPatch) -> Result<(), AlterError> {
        let options = self.options.altered(patch)?;
        // Quotes and heartbeats have no order, and enter no candle.
        let is_held = !self.levels.is_empty() || self.prices.last.is_some() || self.seen_ms.is_some();
        let changed = [
            ("TZ", options.zone != self.options.zone),
            ("ORDER", options.order != self.options.order),
            ("CLOCK", options.clock != self.options.clock),
        ];
        if let Some((name, _)) = changed.into_iter().find(|(_, is_changed)| *is_changed && is_held) {
            return Err(AlterError::Held(name));
        }
        if !is_held {
            self.levels = Levels::new(options.keep, options.zone);
            self.levels.keep_fine(fine_ms(self.resolution));
        } else if options.keep != self.options.keep {
            let newest_ms = self.prices.last.as_ref().map_or(0, |last| last.ts_ms);
            self.levels.alter(options.keep, newest_ms);
        }
        self.tail.shrink_to(options.tail as usize, options.order);
        if let Some(triggers) = self.triggers.as_deref_mut().filter(|_| options.stale_ms != self.options.stale_ms) {
            triggers.doze();
        }
        let announced_ms = options.announce.iter().map(|interval| {
            let before = self.options.announce.iter().position(|before| before == interval);
            before.map_or(self.time_ms, |place| self.announced_ms(place))
        });
        let announced_ms: Vec<u64> = announced_ms.collect();
        self.be_announced_from(announced_ms);
        self.options = options;
        self.quiet_ms = 0;
        self.forget_what_left();
        Ok(())
    }

    /// Counts what a command did.
    pub fn count(&mut self, tally: &Tally) {
        self.totals.add(tally);
    }

    /// Whether the batch was delivered before.
    pub fn has_seen(&self, batch: Option<BatchId<'_>>) -> bool {
        batch.is_some_and(|batch| self.producers.has_seen(batch.producer, batch.seq))
    }

    /// Remembers that the batch was delivered.
    pub fn end_batch(&mut self, batch: Option<BatchId<'_>>) {
        if let Some(batch) = batch {
            self.producers.saw(batch.producer, batch.seq);
        }
    }

    /// Market time when the interval at that place among the announced came to be announced, Unix ms.
    pub(crate) fn announced_ms(&self, place: usize) -> u64 {
        self.announced_ms.get(place).copied().unwrap_or(0)
    }

    /// Sets that for each of them.
    pub(crate) fn be_announced_from(&mut self, announced_ms: Vec<u64>) {
        let is_ever = announced_ms.iter().all(|from_ms| *from_ms == 0);
        self.announced_ms = if is_ever { Vec::new() } else { announced_ms };
    }

    /// Whether a candle is closed by market time.
    pub(crate) const fn is_closed(&self, span: Span) -> bool {
        span.end_ms <= self.time_ms
    }

    /// Forgets gaps where nothing is held any more.
    pub(crate) fn forget_what_left(&mut self) {
        self.gaps.forget_before(self.levels.oldest_reach_ms());
    }

    /// Tells every buffer: where its allocation starts, null where that is not known, and its capacity in bytes.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        crate::heap::vec(&self.options.announce, measure);
        crate::heap::vec(&self.announced_ms, measure);
        for stream in [&self.options.closes, &self.options.fires].into_iter().flatten() {
            measure(stream.key.as_ptr(), stream.key.len());
        }
        if let Some(last) = &self.prices.last {
            last.measure(measure);
        }
        self.gaps.measure(measure);
        self.tail.measure(measure);
        self.levels.measure(measure);
        self.producers.measure(measure);
        if let Some(triggers) = &self.triggers {
            crate::heap::boxed(&**triggers, measure);
            triggers.measure(measure);
        }
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.options.announce);
        mover.vec(&mut self.announced_ms);
        for stream in [&mut self.options.closes, &mut self.options.fires].into_iter().flatten() {
            mover.slice(&mut stream.key);
        }
        if let Some(last) = &mut self.prices.last {
            mover.vec(last.id_buffer());
        }
        mover.vec(self.gaps.buffer());
        self.tail.relocate(mover);
        self.levels.relocate(mover);
        self.producers.relocate(mover);
        if let Some(triggers) = &mut self.triggers {
            mover.boxed(triggers);
            triggers.relocate(mover);
        }
    }

    /// About how many allocations freeing takes.
    pub fn free_effort(&self) -> usize {
        1 + self.tail.free_effort() + self.levels.free_effort() + self.triggers().free_effort()
    }

    /// Asserts the invariants.
    pub fn check(&self) {
        self.levels.check();
        self.tail.check(self.options.order);
        self.triggers().check();
        let end_ms = |interval: &Interval| interval.span(self.time_ms, self.options.zone).end_ms;
        assert!(
            self.options.announce.iter().all(|interval| self.quiet_ms <= end_ms(interval)),
            "M7 no close is missed"
        );
        let places = [0, self.options.announce.len()];
        let is_past = self.announced_ms.iter().all(|from_ms| *from_ms <= self.time_ms);
        assert!(places.contains(&self.announced_ms.len()) && is_past, "M8 each announced interval is so since a time");
        let newest_ms = self.prices.last.as_ref().map(|last| last.ts_ms);
        assert!(newest_ms.is_none_or(|newest_ms| newest_ms <= self.time_ms), "M1 market time is not before the newest");
        assert!(self.tail.last_ms() <= newest_ms, "M2 no trade held is later than the newest");
        if let Some(top) = self.top {
            assert!(!self.gaps.lacks(&(top.id..=top.id)), "M3 the greatest number seen is not missing");
        }
        assert!(self.tail.len() <= self.options.tail as usize, "M4 the tail holds at most TAIL");
        assert!(self.gaps.list().iter().all(|gap| Some(gap.to_ms) <= self.seen_ms), "M5 gaps end with what was seen");
        assert_eq!(self.levels.fine_ms(), self.fine_now_ms(), "M6 minutes are kept as the resolution says");
    }
}
