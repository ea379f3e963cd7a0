//! All levels of a market, and candles of any interval read from them.

mod alter;

use std::ops::ControlFlow::{self, Break, Continue};

use super::candle::Candle;
use super::interval::{Interval, Span, Zone};
use super::level::Level;
use super::unit::{UNITS, Unit};
use crate::heap::Measure;
use crate::market::tape::{Order, Tick};
use crate::panes::Version;
use crate::relocation::Mover;
use crate::steps;

/// Candles narrower than this are fine, ms: they may be handed on while memory is short.
const FINE_WIDTH_MS: u64 = 300_000;
/// Fine candles that are handed on as one comes: more than one, so that they get fewer.
const HANDED_ON: usize = 2;

/// Most candles of a level.
pub const MAX_KEEP: u32 = 1_000_000;

/// How many candles each level of [`UNITS`] holds; 0 leaves it out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep(pub [u32; UNITS.len()]);

impl Keep {
    /// Whether there is a level, and none is left out between two.
    pub fn is_sound(&self) -> bool {
        let first = self.0.iter().position(|keep| *keep > 0);
        let last = self.0.iter().rposition(|keep| *keep > 0);
        let between = first.zip(last).and_then(|(first, last)| self.0.get(first..=last));
        between.is_some_and(|kept| kept.iter().all(|keep| (1..=MAX_KEEP).contains(keep)))
    }

    /// The levels there are, finest first.
    pub fn units(&self) -> impl DoubleEndedIterator<Item = (Unit, u32)> {
        UNITS.into_iter().zip(self.0).filter(|(_, keep)| *keep > 0)
    }

    /// A level whose candles make none of the next level together, with that one.
    pub fn short(&self) -> impl Iterator<Item = (Unit, Unit)> {
        let next = self.units().skip(1).map(|(unit, _)| unit);
        let pairs = self.units().zip(next);
        pairs.filter_map(|((unit, keep), next)| {
            (u64::from(keep) < next.width_ms / unit.width_ms).then_some((unit, next))
        })
    }

    /// The finest unit.
    pub fn finest(&self) -> Unit {
        let [.., coarsest] = UNITS;
        self.units().next().map_or(coarsest, |(unit, _)| unit)
    }
}

/// The levels, finest first.
#[derive(Debug, Clone)]
pub struct Levels {
    list: Vec<Level>,
    keep: Keep,
    zone: Zone,
    /// How far behind the newest candle fine ones are held, ms; `None` for as far as they are kept.
    fine_ms: Option<u64>,
    /// Names this state but for what the finest level's newest candle holds.
    pub(super) version: Version,
}

impl Levels {
    /// Empty levels.
    pub fn new(keep: Keep, zone: Zone) -> Self {
        Self::loaded(keep.units().map(|(unit, _)| Level::new(unit, zone, 0)).collect(), keep, zone)
    }

    /// Levels as they were saved.
    pub fn loaded(list: Vec<Level>, keep: Keep, zone: Zone) -> Self {
        Self { list, keep, zone, fine_ms: None, version: Version::fresh() }
    }

    /// The levels, finest first.
    pub fn list(&self) -> &[Level] {
        &self.list
    }

    /// Where days begin.
    pub const fn zone(&self) -> Zone {
        self.zone
    }

    /// Whether no candle is held.
    pub fn is_empty(&self) -> bool {
        self.list.iter().all(Level::is_empty)
    }

    /// From when on ticks can be recorded, Unix ms.
    #[inline]
    pub fn reach_ms(&self) -> u64 {
        self.list.first().map_or(0, Level::reach_ms)
    }

    /// From when on anything is held, Unix ms.
    pub fn oldest_reach_ms(&self) -> u64 {
        self.list.last().map_or(0, Level::reach_ms)
    }

    /// The span of the finest level's candle that `ts_ms` lies in.
    #[inline]
    pub fn finest_span(&self, ts_ms: u64) -> Span {
        self.list.first().map_or(Span { start_ms: ts_ms, end_ms: ts_ms + 1 }, |level| level.span(ts_ms))
    }

    /// The finest level's candle that `ts_ms` lies in.
    pub fn finest_at(&self, ts_ms: u64) -> Option<Candle> {
        let level = self.list.first()?;
        level.get(level.span(ts_ms).start_ms)
    }

    /// Whether a tick of that time can be recorded behind the reach of the finest level: where the finest level that
    /// reaches there holds a candle, and no row tells of that time.
    pub fn takes(&self, ts_ms: u64) -> bool {
        let level = self.list.iter().find(|level| ts_ms >= level.reach_ms());
        let candle = level.and_then(|level| level.get(level.span(ts_ms).start_ms));
        candle.is_some_and(|candle| !candle.tells_of(ts_ms))
    }

    /// Adds a tick to its candle.
    #[inline]
    pub fn record(&mut self, tick: &Tick<'_>, order: Order) {
        // Nearly always the finest. One that is new begins behind the newest trade, and that millisecond may go on.
        let holding = self.list.iter().position(|level| tick.ts_ms >= level.reach_ms());
        let finest = self.list.first_mut().filter(|_| holding == Some(0));
        match finest.and_then(|finest| finest.newest_at(tick.ts_ms)) {
            Some(newest) => newest.add(tick, order),
            None => self.record_beside(holding.unwrap_or(0), tick, order),
        }
    }

    /// Adds a tick to a candle that is not the newest, or is new.
    #[inline(never)]
    fn record_beside(&mut self, place: usize, tick: &Tick<'_>, order: Order) {
        let Some(level) = self.list.get_mut(place) else { return };
        level.record(tick, order);
        self.settle();
    }

    /// Hands on, or lets go of, what levels cannot hold. Every change but that of the newest candle comes through here.
    fn settle_counts(&mut self) {
        self.version = Version::fresh();
        for place in 0..self.list.len() {
            let keep = self.keep_of(place);
            while let Some(level) = self.list.get_mut(place).filter(|level| level.len() > keep) {
                let Some(gone) = level.pop_oldest() else { break };
                if let Some(next) = self.list.get_mut(place + 1) {
                    take_over(next, &gone);
                }
            }
        }
    }

    /// Brings all levels to what they may hold.
    fn settle(&mut self) {
        self.settle_counts();
        if self.fine_ms.is_some() {
            self.hand_on_fine(HANDED_ON);
        }
    }

    /// Holds fine candles only so far behind the newest from now on, ms; those that are held farther back are handed on
    /// by and by.
    pub const fn keep_fine(&mut self, fine_ms: Option<u64>) {
        self.fine_ms = fine_ms;
    }

    /// How far behind the newest candle fine ones are held, ms; `None` for as far as they are kept.
    pub const fn fine_ms(&self) -> Option<u64> {
        self.fine_ms
    }

    /// Whether fine candles are to be handed on.
    pub fn is_fine_due(&self) -> bool {
        self.old_fine().is_some()
    }

    /// The level whose oldest candle is fine and too old, and can be handed on without another being let go.
    fn old_fine(&self) -> Option<usize> {
        let fine_ms = self.fine_ms?;
        let newest_ms = self.list.iter().filter_map(Level::newest).map(|newest| newest.start_ms).max()?;
        let old_ms = newest_ms.saturating_sub(fine_ms);
        let has_room = |(place, level): (usize, &Level)| level.len() < self.keep_of(place);
        let is_old =
            |level: &Level| level.first_start_ms().is_some_and(|first_ms| level.span(first_ms).end_ms <= old_ms);
        // The finest first, so that a candle is whole when it is handed on.
        let fine = self.list.iter().position(|level| level.unit().width_ms < FINE_WIDTH_MS && is_old(level))?;
        self.list.iter().enumerate().skip(fine + 1).any(has_room).then_some(fine)
    }

    /// Hands the oldest fine candles on that lie too far back, but no more than `most`.
    pub fn hand_on_fine(&mut self, most: usize) {
        for _ in 0..most {
            let Some(place) = self.old_fine() else { return };
            steps::note(1);
            let Some((level, finer)) = self.list.get_mut(..=place).and_then(<[Level]>::split_last_mut) else { return };
            let Some(gone) = level.pop_oldest() else { return };
            let reach_ms = level.reach_ms();
            finer.iter_mut().for_each(|level| level.reach_from(reach_ms));
            if let Some(next) = self.list.get_mut(place + 1) {
                take_over(next, &gone);
            }
            self.settle_counts();
        }
    }

    fn keep_of(&self, place: usize) -> usize {
        self.keep.units().nth(place).map_or(0, |(_, keep)| keep as usize)
    }

    /// Visits candles from `span.start_ms` to before `span.end_ms` of all levels that `interval` is a multiple of, oldest
    /// first or newest first; runs that lie in one candle of `interval` may come as one.
    pub fn visit(
        &self,
        interval: Interval,
        span: Span,
        is_reversed: bool,
        visit: &mut impl FnMut(&Candle) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let as_one = |block: &Candle, last_ms: u64| last_ms < interval.span(block.start_ms, self.zone).end_ms;
        let levels = self.list.iter().filter(|level| interval.is_multiple_of(level.unit().width_ms));
        if is_reversed {
            for level in levels {
                level.visit_fresh(span, true, visit)?;
                level.visit(span, true, as_one, visit)?;
            }
        } else {
            for level in levels.rev() {
                level.visit(span, false, as_one, visit)?;
                level.visit_fresh(span, false, visit)?;
            }
        }
        Continue(())
    }

    /// Visits the same, newest first, for who asks what was traded: where rows alone tell, a block comes as one, and not as
    /// traded, whatever candles of `interval` it lies in.
    pub fn visit_traded(
        &self,
        interval: Interval,
        span: Span,
        visit: &mut impl FnMut(&Candle) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for level in self.list.iter().filter(|level| interval.is_multiple_of(level.unit().width_ms)) {
            level.visit_fresh(span, true, visit)?;
            let as_one = |block: &Candle, last_ms: u64| {
                !block.is_traded() || last_ms < interval.span(block.start_ms, self.zone).end_ms
            };
            level.visit(span, true, as_one, visit)?;
        }
        Continue(())
    }

    /// From when on candles of `interval` hold everything, Unix ms; `None` when it is a multiple of no level.
    pub fn reach_of(&self, interval: Interval) -> Option<u64> {
        let is_made_of = |level: &&Level| interval.is_multiple_of(level.unit().width_ms);
        self.list.iter().rev().find(is_made_of).map(Level::reach_ms)
    }

    /// The candle of `interval` that begins where `span` does; `None` without trades.
    pub fn candle(&self, interval: Interval, span: Span) -> Option<Candle> {
        let mut sum: Option<Candle> = None;
        let _ = self.visit(interval, span, false, &mut |part| {
            match &mut sum {
                Some(sum) => sum.merge(part),
                None => sum = Some(Candle { start_ms: span.start_ms, ..*part }),
            }
            Continue(())
        });
        sum
    }

    /// Whether trades came into the candle of `span`, and not only rows.
    pub fn was_traded(&self, interval: Interval, span: Span) -> bool {
        let mut look = |part: &Candle| if part.is_traded() { Break(()) } else { Continue(()) };
        self.visit(interval, span, true, &mut look).is_break()
    }

    /// The candle that is there when a row of `unit` comes that spans `span`, and where it stands among the levels.
    pub fn place_for(&self, unit: Unit, span: Span) -> Place {
        let Some(place) = self.list.iter().position(|level| level.unit() == unit) else { return Place::NoLevel };
        let (finer, others) = self.list.split_at(place);
        let Some((level, coarser)) = others.split_first() else { return Place::NoLevel };
        if span.start_ms < level.reach_ms() {
            return Place::BeforeReach;
        }
        let is_behind_finer = finer.iter().any(|level| level.first_start_ms().is_some_and(|first| first < span.end_ms));
        let is_in_coarser =
            coarser.iter().any(|level| level.newest().is_some_and(|newest| newest.last.ts_ms >= span.start_ms));
        if is_behind_finer || is_in_coarser {
            return Place::Covered;
        }
        Place::Free(level.get(span.start_ms).map(Box::new))
    }

    /// Puts the candle of a row, which [`place_for`](Self::place_for) had room for.
    pub fn put(&mut self, unit: Unit, candle: &Candle) {
        let Some(place) = self.list.iter().position(|level| level.unit() == unit) else { return };
        let Some((level, finer)) = self.list.get_mut(..=place).and_then(<[Level]>::split_last_mut) else { return };
        let end_ms = level.span(candle.start_ms).end_ms;
        level.edit(candle.start_ms, |held| match held {
            Some(held) => {
                *held = *candle;
                None
            }
            None => Some(*candle),
        });
        finer.iter_mut().for_each(|level| level.reach_from(end_ms));
        self.settle();
    }

    /// Takes out the candle of a level that begins at `start_ms`.
    pub fn remove(&mut self, unit: Unit, start_ms: u64) -> Option<Candle> {
        self.version = Version::fresh();
        self.list.iter_mut().find(|level| level.unit() == unit)?.remove(start_ms)
    }

    /// Where candles of a level begin, from `start_ms` to before `end_ms`.
    pub fn starts(&self, unit: Unit, span: Span) -> Vec<u64> {
        let mut starts = Vec::new();
        if let Some(level) = self.list.iter().find(|level| level.unit() == unit) {
            let mut note = |candle: &Candle| {
                starts.push(candle.start_ms);
                Continue(())
            };
            let _ = level.visit(span, false, |_, _| false, &mut note);
            let _ = level.visit_fresh(span, false, &mut note);
        }
        starts
    }

    /// Gives back the memory that holds no candle.
    pub fn free_spare(&mut self) {
        self.list.iter_mut().for_each(Level::free_spare);
    }

    /// Measures every buffer.
    pub fn measure(&self, measure: &mut Measure<'_>) {
        crate::heap::vec(&self.list, measure);
        self.list.iter().for_each(|level| level.measure(measure));
    }

    /// Moves every buffer.
    pub fn relocate(&mut self, mover: &mut impl Mover) {
        mover.vec(&mut self.list);
        self.list.iter_mut().for_each(|level| level.relocate(mover));
    }

    /// About how many allocations freeing takes.
    pub fn free_effort(&self) -> usize {
        self.list.iter().map(Level::free_effort).sum()
    }

    /// Asserts what must hold.
    pub fn check(&self) {
        self.list.iter().for_each(Level::check);
        for (place, level) in self.list.iter().enumerate() {
            assert!(level.len() <= self.keep_of(place), "L2 no level holds more than it keeps");
        }
        for pair in self.list.windows(2) {
            if let [finer, coarser] = pair {
                assert!(finer.reach_ms() >= coarser.reach_ms(), "L4 a coarser level reaches further");
                let newest = coarser.newest().map_or(0, |newest| newest.last.ts_ms);
                assert!(coarser.is_empty() || newest <= finer.reach_ms(), "L4 levels follow each other in time");
            }
        }
    }
}

/// Where a row would go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// There is no such level.
    NoLevel,
    /// It is before the level's reach.
    BeforeReach,
    /// Its time is held by another level, or is later than what a finer one holds.
    Covered,
    /// It may go there, in place of this candle.
    Free(Option<Box<Candle>>),
}

/// Adds what left a finer level to the candle it lies in.
fn take_over(level: &mut Level, gone: &Candle) {
    let start_ms = level.span(gone.start_ms).start_ms;
    level.edit(start_ms, |candle| match candle {
        Some(candle) => {
            candle.merge(gone);
            None
        }
        None => Some(Candle { start_ms, ..*gone }),
    });
}
