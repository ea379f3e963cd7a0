//! Rows of the venue's own candles coming in: where the venue rules over what was built here.

use super::changes::Changes;
use super::clock::Time;
use super::market::Market;
use crate::grammar::{Decimal, MAX_TIMESTAMP_MS};
use crate::market::candle::{Candle, Place, QUOTE_SCALE, Span, Unit, VOLUME_SCALE};
use crate::market::tape::{Gap, Moment};

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

impl Market {
    /// The rows, which ascend, that have ended by now; and how many have not.
    pub fn ended_rows<'a>(&self, unit: Unit, rows: &'a [VenueRow], time: Time) -> (&'a [VenueRow], u64) {
        let now_ms = self.now_ms(time);
        let zone = self.levels.zone();
        let ended = rows.partition_point(|row| unit.interval().span(row.start_ms, zone).end_ms <= now_ms);
        (rows.get(..ended).unwrap_or_default(), (rows.len() - ended) as u64)
    }

    /// Puts `rows`, which ascend and have ended, into the level of `unit`. With `is_whole` the venue has nothing between
    /// them. Only changes of candles that were announced are told of. Answers what became of each.
    pub fn put_rows(
        &mut self,
        unit: Unit,
        rows: &[VenueRow],
        is_whole: bool,
        mut changes: Option<&mut Changes>,
    ) -> PutTally {
        let mut tally = PutTally::default();
        let mut stretch: Option<Span> = None;
        for row in rows {
            let span = unit.interval().span(row.start_ms, self.levels.zone());
            match self.levels.place_for(unit, span) {
                Place::NoLevel | Place::BeforeReach => tally.late += 1,
                Place::Covered => tally.covered += 1,
                Place::Free(held) => {
                    let candle = row.candle(span);
                    let is_same = held.as_ref().is_some_and(|held| held.reads_like(&candle));
                    match held {
                        _ if is_same => tally.same += 1,
                        Some(_) => tally.replaced += 1,
                        None => tally.inserted += 1,
                    }
                    let changes = changes.as_deref_mut().filter(|_| !is_same);
                    self.put_row(unit, span, &candle, changes);
                    stretch = Some(Span { start_ms: stretch.map_or(span.start_ms, |whole| whole.start_ms), ..span });
                }
            }
        }
        if let Some(stretch) = stretch.filter(|_| is_whole) {
            tally.removed = self.remove_unnamed(unit, stretch, rows, changes);
            self.gaps.end(stretch.start_ms, stretch.end_ms);
        }
        self.forget_what_left();
        tally
    }

    fn put_row(&mut self, unit: Unit, span: Span, candle: &Candle, changes: Option<&mut Changes>) {
        let told = if changes.is_some() { self.told_at(span.start_ms) } else { Vec::new() };
        if self.seen_ms.is_none() {
            // Nothing is known of what was before, as before the first tick.
            let to_ms = (span.end_ms - 1).min(MAX_TIMESTAMP_MS);
            self.gaps.add(Gap { from_ms: 0, to_ms, ids: None });
            self.seen_ms = Some(to_ms);
        }
        self.levels.put(unit, candle);
        self.gaps.end(span.start_ms, span.end_ms);
        if let Some(changes) = changes {
            self.note_changed(changes, span.start_ms, &told);
        }
    }

    /// The announced candles at `ts_ms` that were told of.
    fn told_at(&self, ts_ms: u64) -> Vec<(usize, bool)> {
        let mut told = self.closed_at(ts_ms);
        told.retain(|(_, was_told)| *was_told);
        told
    }

    fn remove_unnamed(
        &mut self,
        unit: Unit,
        stretch: Span,
        rows: &[VenueRow],
        mut changes: Option<&mut Changes>,
    ) -> u64 {
        let is_named = |start_ms: &u64| rows.binary_search_by_key(start_ms, |row| row.start_ms).is_ok();
        let mut unnamed = self.levels.starts(unit, stretch);
        unnamed.retain(|start_ms| !is_named(start_ms));
        for start_ms in &unnamed {
            let told = if changes.is_some() { self.told_at(*start_ms) } else { Vec::new() };
            self.levels.remove(unit, *start_ms);
            if let Some(changes) = changes.as_deref_mut() {
                self.note_changed(changes, *start_ms, &told);
            }
        }
        unnamed.len() as u64
    }

    /// Rows that were put ahead of the ticks tell of a part of a new gap.
    pub(super) fn end_gaps_in_rows(&mut self, from_ms: u64, to_ms: u64) {
        let Some(finest) =
            self.levels.list().first().filter(|level| level.newest().is_some_and(|newest| newest.is_row))
        else {
            return;
        };
        let span = Span { start_ms: finest.span(from_ms).start_ms, end_ms: to_ms.saturating_add(1) };
        let mut told = Vec::new();
        let mut note = |candle: &Candle| {
            if candle.is_row {
                told.push(candle.start_ms);
            }
            std::ops::ControlFlow::Continue(())
        };
        let _ = finest.visit(span, false, |_, _| false, &mut note);
        let _ = finest.visit_fresh(span, false, &mut note);
        let width_ms = finest.unit().width_ms;
        for start_ms in told {
            self.gaps.end(start_ms, start_ms + width_ms);
        }
    }
}
