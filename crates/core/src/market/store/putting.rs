//! Rows of the venue's own candles coming in: where the venue rules over what was built here.

use super::changes::Changes;
use super::clock::Time;
use super::market::Market;
use super::telling::{Bounds, Told};
use crate::grammar::{Decimal, MAX_TIMESTAMP_MS};
use crate::market::candle::{Candle, Level, Place, QUOTE_SCALE, Span, Unit, VOLUME_SCALE};
use crate::market::tape::{Gap, Moment};

/// Rows, or blocks of nothing else, that one tick looks at.
const ROWS_OF_A_TICK: usize = 1_000;

/// Volumes of a candle: what 18 digits hold.
pub const VOLUME_RANGE: std::ops::RangeInclusive<Decimal> = Decimal::ZERO..=Decimal::ten_to(17);

/// A candle as the venue tells it; what it does not tell is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct VenueRow {
    /// Where it begins, Unix ms.
    pub start_ms: u64,
    /// Open, high, low, close.
    pub prices: [Decimal; 4],
    /// Base units traded.
    pub volume: Decimal,
    /// Sum of price × qty.
    pub quote: Option<Decimal>,
    /// How many trades.
    pub trades: Option<u64>,
    /// Base units that buyers took.
    pub taker_volume: Option<Decimal>,
    /// The same in quote units.
    pub taker_quote: Option<Decimal>,
}

impl VenueRow {
    /// Whether its prices can be those of one candle.
    pub fn is_sound(&self) -> bool {
        let [open, high, low, close] = self.prices;
        low <= open.min(close) && open.max(close) <= high
    }

    fn candle(&self, span: Span) -> Candle {
        let [open, high, low, close] = self.prices;
        let moment = |ts_ms| Moment { ts_ms, id: 0 };
        Candle {
            start_ms: span.start_ms,
            open,
            high,
            low,
            close,
            volume: self.volume.units(VOLUME_SCALE),
            quote: self.quote.map(|quote| quote.units(QUOTE_SCALE)),
            trades: self.trades,
            taker_volume: self.taker_volume.map(|volume| volume.units(VOLUME_SCALE)),
            taker_quote: self.taker_quote.map(|quote| quote.units(QUOTE_SCALE)),
            first: moment(span.start_ms),
            last: moment(span.end_ms - 1),
            is_row: true,
        }
    }
}

/// What became of rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PutTally {
    /// There was no candle.
    pub inserted: u64,
    /// The candle there was another.
    pub replaced: u64,
    /// The candle there said the same.
    pub same: u64,
    /// Candles of another level are held there.
    pub covered: u64,
    /// They have not ended yet.
    pub open: u64,
    /// They are before the level's reach.
    pub late: u64,
    /// Candles that went, as `WHOLE` did not name them.
    pub removed: u64,
}

/// What the venue says of the time between its rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// Nothing.
    No,
    /// There is nothing between them (`WHOLE`).
    Between,
    /// Nor from the last of them to here, Unix ms: where one begins that has not ended.
    Before(u64),
}

impl Whole {
    /// What is said with `rows`, of which the first ones, `ended`, have ended.
    pub fn of(is_whole: bool, rows: &[VenueRow], ended: &[VenueRow]) -> Self {
        match rows.get(ended.len()) {
            _ if !is_whole => Self::No,
            Some(open) => Self::Before(open.start_ms),
            None => Self::Between,
        }
    }
}

impl From<bool> for Whole {
    fn from(is_whole: bool) -> Self {
        if is_whole { Self::Between } else { Self::No }
    }
}

impl Market {
    /// The rows, which ascend, that have ended by now; and how many have not.
    pub fn ended_rows<'a>(&self, unit: Unit, rows: &'a [VenueRow], time: Time) -> (&'a [VenueRow], u64) {
        let now_ms = self.now_ms(time);
        let zone = self.levels.zone();
        let ended = rows.partition_point(|row| unit.interval().span(row.start_ms, zone).end_ms <= now_ms);
        (rows.get(..ended).unwrap_or_default(), (rows.len() - ended) as u64)
    }

    /// Puts `rows`, which ascend and have ended, into the level of `unit`. Only changes of candles that were announced
    /// are told of. Answers what became of each.
    pub fn put_rows(
        &mut self,
        unit: Unit,
        rows: &[VenueRow],
        whole: impl Into<Whole>,
        mut changes: Option<&mut Changes>,
    ) -> PutTally {
        let mut tally = PutTally::default();
        let mut told = Told::new();
        let mut placed: Vec<bool> = Vec::with_capacity(rows.len());
        let is_settled_here = changes.as_deref_mut().is_some_and(Changes::put_off);
        for row in rows {
            let span = unit.interval().span(row.start_ms, self.levels.zone());
            let place = self.levels.place_for(unit, span);
            placed.push(matches!(place, Place::Free(_)));
            match place {
                Place::NoLevel | Place::BeforeReach => tally.late += 1,
                Place::Covered => tally.covered += 1,
                Place::Free(held) => {
                    let candle = row.candle(span);
                    match &held {
                        Some(held) if held.reads_like(&candle) => tally.same += 1,
                        Some(_) => tally.replaced += 1,
                        None => tally.inserted += 1,
                    }
                    self.put_row(unit, span, candle, held.as_deref(), changes.as_deref_mut(), &mut told);
                }
            }
        }
        let whole = whole.into();
        if whole != Whole::No {
            let known = self.known_by(unit, rows, &placed, whole);
            tally.removed = self.be_whole(unit, &known, rows, changes.as_deref_mut(), &mut told);
        }
        if let Some(changes) = changes.filter(|_| is_settled_here) {
            self.settle(changes);
        }
        self.forget_what_left();
        tally
    }

    fn put_row(
        &mut self,
        unit: Unit,
        span: Span,
        mut candle: Candle,
        held: Option<&Candle>,
        mut changes: Option<&mut Changes>,
        told: &mut Told,
    ) {
        let is_same = held.is_some_and(|held| held.reads_like(&candle));
        let told = if changes.is_some() { self.told_at(span.start_ms, told) } else { Vec::new() };
        if held.is_some_and(Candle::is_traded) {
            candle.mark_traded();
        }
        self.see_row(span);
        if self.gaps.touch(span.start_ms, span.end_ms) {
            self.end_gaps(span, changes.as_deref_mut());
        }
        self.levels.put(unit, &candle);
        if let Some(changes) = changes.filter(|_| !is_same) {
            self.note_changed(changes, span.start_ms, &told);
        }
    }

    /// Before the first tick nothing is known but what rows tell: not what was before them, nor between them.
    fn see_row(&mut self, span: Span) {
        let is_fed = self.prices.last.is_some() || self.top.is_some();
        let last_ms = (span.end_ms - 1).min(MAX_TIMESTAMP_MS);
        if is_fed || self.seen_ms.is_some_and(|seen_ms| last_ms <= seen_ms) {
            return;
        }
        let from_ms = self.seen_ms.map_or(0, |seen_ms| seen_ms + 1);
        self.seen_ms = Some(last_ms);
        if from_ms < span.start_ms {
            self.gaps.add(Gap { from_ms, to_ms: span.start_ms - 1, ids: None });
        }
    }

    fn end_gaps(&mut self, span: Span, changes: Option<&mut Changes>) {
        let Span { start_ms, end_ms } = span;
        self.change_gaps(changes, Bounds::ROWS, (start_ms..end_ms, false), |market| market.gaps.end(start_ms, end_ms));
    }

    /// The stretches of which all is known by rows that are whole: theirs where they were placed, and what lies between
    /// them, from the first that was given on. Of what a finer level holds they say nothing.
    fn known_by(&self, unit: Unit, rows: &[VenueRow], placed: &[bool], whole: Whole) -> Vec<Span> {
        let finer = self.levels.list().iter().take_while(|level| level.unit() != unit);
        let most_ms = finer.filter_map(Level::first_start_ms).min().unwrap_or(u64::MAX);
        let mut known: Vec<Span> = Vec::new();
        let mut add = |start_ms: u64, end_ms: u64| match known.last_mut() {
            Some(last) if last.end_ms == start_ms => last.end_ms = end_ms,
            _ if start_ms < end_ms => known.push(Span { start_ms, end_ms }),
            _ => {}
        };
        let mut before_ms = None;
        for (row, is_placed) in rows.iter().zip(placed) {
            let span = unit.interval().span(row.start_ms, self.levels.zone());
            add(before_ms.unwrap_or(span.start_ms), span.start_ms.min(most_ms));
            if *is_placed {
                add(span.start_ms, span.end_ms);
            }
            before_ms = Some(span.end_ms);
        }
        if let (Whole::Before(open_ms), Some(before_ms)) = (whole, before_ms) {
            add(before_ms, open_ms.min(most_ms));
        }
        known
    }

    /// There is nothing in what is `known` but the rows: what else is held there goes, and no trade is missing.
    fn be_whole(
        &mut self,
        unit: Unit,
        known: &[Span],
        rows: &[VenueRow],
        mut changes: Option<&mut Changes>,
        told: &mut Told,
    ) -> u64 {
        let (Some(first), Some(last)) = (known.first(), known.last()) else { return 0 };
        // First, so that what is told of longer candles knows it.
        for stretch in known {
            if self.gaps.touch(stretch.start_ms, stretch.end_ms) {
                self.end_gaps(*stretch, changes.as_deref_mut());
            }
        }
        let stretch = Span { end_ms: last.end_ms, ..*first };
        let is_named = |start_ms: &u64| rows.binary_search_by_key(start_ms, |row| row.start_ms).is_ok();
        let mut unnamed = self.levels.starts(unit, stretch);
        unnamed.retain(|start_ms| !is_named(start_ms));
        for start_ms in &unnamed {
            let told = if changes.is_some() { self.told_at(*start_ms, told) } else { Vec::new() };
            self.levels.remove(unit, *start_ms);
            if let Some(changes) = changes.as_deref_mut() {
                self.note_changed(changes, *start_ms, &told);
            }
        }
        unnamed.len() as u64
    }

    /// Rows that were put ahead of the ticks tell of a part of a new gap. All of them are looked at once, when the first
    /// trade comes; later so many as a tick may cost, and what is left is in doubt.
    pub(super) fn end_gaps_in_rows(&mut self, from_ms: u64, to_ms: u64, is_first: bool) {
        let Some(finest) =
            self.levels.list().first().filter(|level| level.newest().is_some_and(|newest| newest.is_row))
        else {
            return;
        };
        let span = Span { start_ms: finest.span(from_ms).start_ms, end_ms: to_ms.saturating_add(1) };
        for told in finest.told_by_rows(span, if is_first { usize::MAX } else { ROWS_OF_A_TICK }) {
            self.gaps.end(told.start_ms, told.end_ms);
        }
    }
}
