//! Ticks coming in: what each is to become, and doing so.

use std::ops::{Range, RangeInclusive};

use super::changes::Changes;
use super::clock::Time;
use super::market::Market;
use super::prices::{Price, Source};
use super::telling::Bounds;
use crate::grammar::Decimal;
use crate::market::tape::{Gap, Held, Id, Moment, Order, Side, Tick};

/// What becomes of a tick: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It is too far ahead of the server's clock.
    Future,
    /// It is before the reach of the finest level.
    Late,
    /// It was recorded before, or a row tells of its time.
    Duplicate,
    /// It is no trade; its number is not missing.
    Void,
    /// Its price is too far from the last.
    Suspect,
    /// It is recorded in a candle that was closed.
    Amended,
    /// It is recorded in an open candle, and another is newer.
    Merged,
    /// It is recorded and is the last price.
    Accepted,
}

impl Status {
    /// All, in the order in which they are judged.
    pub const ALL: [Self; 8] = [
        Self::Future,
        Self::Late,
        Self::Duplicate,
        Self::Void,
        Self::Suspect,
        Self::Amended,
        Self::Merged,
        Self::Accepted,
    ];

    /// As replies spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Late => "late",
            Self::Duplicate => "duplicate",
            Self::Void => "void",
            Self::Suspect => "suspect",
            Self::Amended => "amended",
            Self::Merged => "merged",
            Self::Accepted => "accepted",
        }
    }

    /// Whether the tick enters a candle.
    pub const fn is_recorded(self) -> bool {
        matches!(self, Self::Amended | Self::Merged | Self::Accepted)
    }

    /// Whether it changes the market beyond its totals.
    pub const fn changes(self) -> bool {
        self.is_recorded() || matches!(self, Self::Void | Self::Suspect)
    }
}

/// What a feed says of one trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report<'a> {
    /// When it happened, Unix milliseconds.
    pub ts_ms: u64,
    /// The taker's side.
    pub side: Side,
    /// Quote per base; `None` when it is no trade of the market.
    pub price: Option<Decimal>,
    /// Base units.
    pub qty: Decimal,
    /// What the venue calls it.
    pub id: Id<'a>,
    /// Trades may be missing between the newest and this one.
    pub gap: bool,
}

impl<'a> Report<'a> {
    fn tick(&self) -> Option<Tick<'a>> {
        self.price.map(|price| Tick { ts_ms: self.ts_ms, side: self.side, price, qty: self.qty, id: self.id })
    }

    fn numbers(&self, order: Order) -> Option<RangeInclusive<u64>> {
        match (order, self.id) {
            (Order::Id, Id::Numbers { first, last }) => Some(first..=last),
            _ => None,
        }
    }
}

impl Market {
    /// Judges and records one tick. Answers what became of it.
    pub fn add(&mut self, report: &Report<'_>, time: Time, max_future_ms: u64, changes: &mut Changes) -> Status {
        let status = self.judge_tick(report, time, max_future_ms);
        if status.is_recorded() {
            self.expire_triggers_before(report.ts_ms, changes);
        }
        self.record_tick(report, status, Some(changes));
        status
    }

    /// What `report` is to become. Whether an ID must come with it is the caller's to check: with `ORDER ID` one that has
    /// no number is a duplicate.
    pub fn judge_tick(&self, report: &Report<'_>, time: Time, max_future_ms: u64) -> Status {
        if report.ts_ms > time.server_ms.saturating_add(max_future_ms) {
            return Status::Future;
        }
        let status = self.place_tick(report);
        let Some(price) = report.price.filter(|_| status.is_recorded()) else { return status };
        let last = self.prices.last.as_ref().map(|last| last.price);
        let jump = self.jumps.first().copied().unwrap_or_default();
        if jump.believes(price, last, self.options.max_jump) { status } else { Status::Suspect }
    }

    /// What `report` becomes where no clock and no doubt stands against it.
    pub fn place_tick(&self, report: &Report<'_>) -> Status {
        let order = self.options.order;
        if report.ts_ms < self.levels.reach_ms() && !self.is_beside_newest(report.ts_ms) {
            return Status::Late;
        }
        if self.is_known(report) {
            return Status::Duplicate;
        }
        let Some(tick) = report.tick() else { return Status::Void };
        let newest = self.prices.last.as_ref().map(|last| last.tick().moment(order));
        if newest.is_none_or(|newest| tick.moment(order) >= newest) {
            return Status::Accepted;
        }
        if self.is_closed(self.levels.finest_span(report.ts_ms)) { Status::Amended } else { Status::Merged }
    }

    /// Whether a coarser level still takes trades of that time: that of the newest trade, which a finer one begins behind.
    fn is_beside_newest(&self, ts_ms: u64) -> bool {
        self.prices.last.as_ref().is_some_and(|last| last.ts_ms == ts_ms) && self.levels.takes(ts_ms)
    }

    fn is_known(&self, report: &Report<'_>) -> bool {
        let is_known_by_id = match self.options.order {
            Order::Id => !self.is_new_number(report),
            Order::Time => self.tail.has_id(report.id),
        };
        is_known_by_id || self.is_in_a_row(report.ts_ms)
    }

    /// Whether the venue numbers trades, and this one is behind the newest or missing.
    fn is_new_number(&self, report: &Report<'_>) -> bool {
        report.numbers(self.options.order).is_some_and(|ids| {
            let is_behind = self.top.is_none_or(|top| *ids.start() > top.id);
            is_behind || self.gaps.lacks(&ids)
        })
    }

    /// Whether a duplicate says that trades may be missing before it. One that is held says nothing: it came before them.
    fn is_gap_before_a_row(&self, report: &Report<'_>) -> bool {
        report.gap && self.options.order == Order::Time && !self.tail.has_id(report.id)
    }

    /// Whether a row of CANDLE.PUT tells of that time. Rows of coarser levels lie before the reach; where they were finer
    /// once, trades come into what lies between them.
    fn is_in_a_row(&self, ts_ms: u64) -> bool {
        let newest = self.levels.list().first().and_then(|level| level.newest());
        match newest {
            // The usual case costs one comparison: the tick lies in the newest candle, or behind it.
            Some(newest) if ts_ms >= newest.start_ms => newest.tells_of(ts_ms),
            Some(_) => self.levels.finest_at(ts_ms).is_some_and(|candle| candle.tells_of(ts_ms)),
            None => false,
        }
    }

    /// Makes `report` what it was judged to be. Candles close before it is recorded. `changes` is told of announced ones;
    /// nobody needs to hear on a replica.
    pub fn record_tick(&mut self, report: &Report<'_>, status: Status, mut changes: Option<&mut Changes>) {
        if status == Status::Duplicate && (self.is_new_number(report) || self.is_gap_before_a_row(report)) {
            // A row tells of its time: nothing is recorded, but it is missing no longer, or others are.
            if let Some(changes) = changes.as_deref_mut() {
                changes.has_seen = true;
            }
            self.see_and_tell(report, changes);
            return;
        }
        if !status.changes() {
            return;
        }
        if status == Status::Suspect {
            if let (Some(price), Some(jump)) = (report.price, self.jumps.first_mut()) {
                jump.doubt(price, self.options.max_jump);
            }
            // Numbers tell of gaps by themselves, and this one may still come.
            if report.gap && self.options.order == Order::Time {
                self.see_and_tell(report, changes);
            }
            return;
        }
        // What is missing before it is missing in the candles that it closes.
        self.see_and_tell(report, changes.as_deref_mut());
        if status == Status::Accepted {
            self.come_to(report.ts_ms, changes.as_deref_mut());
        }
        let before = self.price_before(Source::Last);
        let closed = if status.is_recorded() && changes.is_some() { self.closed_at(report.ts_ms) } else { Vec::new() };
        if let Some(tick) = report.tick().filter(|_| status.is_recorded()) {
            let order = self.options.order;
            self.levels.record(&tick, order);
            self.tail.record(&tick, order, self.tail_now() as usize);
            self.forget_what_left();
            if status == Status::Accepted {
                match &mut self.prices.last {
                    Some(last) => last.become_copy_of(&tick),
                    slot @ None => *slot = Some(Held::of(&tick)),
                }
                let price = Price { price: tick.price, qty: tick.qty, ts_ms: tick.ts_ms };
                self.moved(Source::Last, price, before, tick.id, changes.as_deref_mut());
            } else if let Some(jump) = self.jumps.first_mut() {
                // A late one that is believed ends a row of prices that were not, too.
                jump.since = None;
            }
        }
        if let Some(changes) = changes.filter(|_| !closed.is_empty()) {
            self.note_changed(changes, report.ts_ms, &closed);
        }
    }

    /// Every price that became the newest of its source comes through here, in the order in which they are judged.
    pub(super) fn moved(
        &mut self,
        source: Source,
        price: Price,
        before: Option<Decimal>,
        id: Id<'_>,
        changes: Option<&mut Changes>,
    ) {
        self.prices.set(source, price);
        if let Some(jump) = self.jumps.get_mut(source as usize) {
            jump.since = None;
        }
        self.judge_triggers((source, price, id), before, changes);
    }

    /// Where seeing `report` changes what may be missing, and whether that is a gap of its own. Nearly always nowhere: it
    /// is the one that was to come.
    #[inline]
    fn doubted(&self, report: &Report<'_>) -> Option<(Range<u64>, bool)> {
        let since = |ms: u64| Some((ms.min(report.ts_ms)..ms.max(report.ts_ms) + 1, true));
        match (report.numbers(self.options.order), self.top) {
            (Some(ids), Some(top)) if *ids.start() == top.id + 1 => None,
            (Some(ids), Some(top)) if *ids.start() <= top.id => Some((self.gaps.around(&ids)?, false)),
            (Some(_), Some(top)) => since(top.ts_ms),
            (None, _) if !report.gap && self.prices.last.is_some() => None,
            _ => since(self.seen_ms.unwrap_or(0)),
        }
    }

    /// Sees `report`, and tells of candles that are known otherwise therefore.
    fn see_and_tell(&mut self, report: &Report<'_>, changes: Option<&mut Changes>) {
        match self.doubted(report) {
            Some(stretch) => self.change_gaps(changes, Bounds::TICK, stretch, |market| market.see(report)),
            None => self.see(report),
        }
    }

    /// Notes that the trade was seen, and what may be missing before it.
    fn see(&mut self, report: &Report<'_>) {
        let seen_ms = self.seen_ms;
        // Rows may have told of times before the first tick.
        let is_first = self.prices.last.is_none() && self.top.is_none();
        let (from_ms, to_ms) = match seen_ms {
            None => (0, report.ts_ms),
            Some(seen_ms) if is_first && seen_ms < report.ts_ms => (seen_ms + 1, report.ts_ms),
            Some(seen_ms) => (seen_ms.min(report.ts_ms), seen_ms.max(report.ts_ms)),
        };
        self.seen_ms = Some(to_ms);
        match report.numbers(self.options.order) {
            Some(ids) => self.see_numbers(&ids, report.ts_ms, seen_ms),
            None if is_first || report.gap => {
                self.gaps.add(Gap { from_ms, to_ms, ids: None });
                self.end_gaps_in_rows(from_ms, to_ms, is_first);
            }
            None => {}
        }
    }

    fn see_numbers(&mut self, ids: &RangeInclusive<u64>, ts_ms: u64, seen_ms: Option<u64>) {
        let (first, last) = (*ids.start(), *ids.end());
        let top = self.top;
        if top.is_some_and(|top| first <= top.id) {
            self.gaps.fill(ids, ts_ms);
            return;
        }
        // Before the first all are missing; of the time that rows told of, nothing.
        let behind_rows = |seen_ms: u64| if seen_ms < ts_ms { seen_ms + 1 } else { seen_ms };
        let (from_ms, next) = top.map_or((seen_ms.map_or(0, behind_rows), 0), |top| (top.ts_ms, top.id + 1));
        if next < first || top.is_none() {
            let (from_ms, to_ms) = (from_ms.min(ts_ms), from_ms.max(ts_ms));
            self.gaps.add(Gap { from_ms, to_ms, ids: (next < first).then(|| (next, first - 1)) });
            self.end_gaps_in_rows(from_ms, to_ms, top.is_none());
        }
        self.top = Some(Moment { ts_ms, id: last });
    }
}
