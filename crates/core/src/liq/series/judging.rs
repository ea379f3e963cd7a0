//! Judging an event against the state before it, and adding it.

use super::judgement::{Judgement, Signal, Status};
use super::order::OrderCursor;
use super::series::raw;
use super::{Clock, Event, Series, Side};
use crate::settings::ClockMode;

/// (price − vwap) / vwap in percent.
pub(crate) fn deviation_pct(price: f64, vwap: f64) -> f64 {
    (price - vwap) / vwap * 100.0
}

/// The VWAP of the trades of the market that a series names, given now (Unix ms) and the length of the window (ms): finite
/// and above zero, `None` where there is none.
pub type MarketVwap<'a> = dyn FnMut(u64, u64) -> Option<f64> + 'a;

impl Series {
    /// Judges an event, with all that `LIQ.ADD` answers, and records it; where the settings name a market, as one without
    /// a trade.
    pub fn add(&mut self, clock: &Clock, event: &Event<'_>) -> Judgement {
        self.add_beside(&mut |_, _| None, clock, event)
    }

    /// As [`add`](Self::add), beside the market that the settings name.
    pub fn add_beside(&mut self, market: &mut MarketVwap<'_>, clock: &Clock, event: &Event<'_>) -> Judgement {
        let judgement = self.judge::<true>(market, clock, event);
        self.settle(clock, event, &judgement);
        self.events.archive.pack_late();
        judgement
    }

    /// Judges an event of a batch: status and signal, without the numbers nobody sees. [`Series::end_batch`] follows.
    pub fn add_in_batch(&mut self, clock: &Clock, event: &Event<'_>) -> Judgement {
        self.add_in_batch_beside(&mut |_, _| None, clock, event)
    }

    /// As [`add_in_batch`](Self::add_in_batch), beside the market that the settings name.
    pub fn add_in_batch_beside(&mut self, market: &mut MarketVwap<'_>, clock: &Clock, event: &Event<'_>) -> Judgement {
        let judgement = self.judge::<false>(market, clock, event);
        self.settle(clock, event, &judgement);
        judgement
    }

    fn settle(&mut self, clock: &Clock, event: &Event<'_>, judgement: &Judgement) {
        self.tally.count(judgement);
        if judgement.status.is_recorded() {
            self.record(clock.time, event);
        }
    }

    /// The moment an event is judged at.
    fn judging_ms(&self, clock: &Clock, event: &Event<'_>) -> u64 {
        let now_ms = self.now_ms(clock.time);
        if self.options.clock == ClockMode::Event { now_ms.max(event.ts_ms) } else { now_ms }
    }

    fn judge<const FULL: bool>(&mut self, market: &mut MarketVwap<'_>, clock: &Clock, event: &Event<'_>) -> Judgement {
        if event.ts_ms > clock.time.server_ms.saturating_add(clock.max_future_ms) {
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
            let vwap = self.vwap_before(market, now_ms);
            self.weigh_price(clock, (now_ms, vwap), event, &mut judgement);
        }
        judgement
    }

    fn is_duplicate(&self, event: &Event<'_>) -> bool {
        let tail = &self.events.tail;
        if tail.last_ms().is_none_or(|last| last < event.ts_ms) {
            return false;
        }
        self.exchanges.find(event.exchange).is_some_and(|venue| tail.contains(&raw(event, venue)))
    }

    /// Where windows that end at `now_ms` end if events are newer than that, as they are only when a clock was once ahead.
    fn past_end(&self, now_ms: u64) -> Option<i64> {
        self.events.newest_ms().filter(|newest_ms| *newest_ms > now_ms)?;
        Some(self.events.parting_before(now_ms))
    }

    /// Rank and threshold; a status that was `Accepted` so far may become `Filtered`.
    fn weigh_size<const FULL: bool>(&mut self, now_ms: u64, event: &Event<'_>, judgement: &mut Judgement) {
        let window_ms = self.options.filter_window_ms();
        let past_end = self.past_end(now_ms);
        let Self { cursors, events, options, .. } = self;
        match past_end {
            None => weigh::<FULL>(cursors.filter(events, window_ms, now_ms), options, event, judgement),
            Some(until_ms) => cursors.past_filter(events, window_ms, until_ms, |order| {
                weigh::<FULL>(order, options, event, judgement);
            }),
        }
    }

    /// The VWAP that prices are judged by: the market's where the settings name one, and never the events' instead.
    fn vwap_before(&mut self, market: &mut MarketVwap<'_>, now_ms: u64) -> Option<f64> {
        let window_ms = self.options.vwap_window_ms;
        if self.options.market.is_some() {
            return market(now_ms, window_ms);
        }
        match self.past_end(now_ms) {
            None => {
                let span = self.events.span(now_ms as i64 - window_ms as i64, None);
                self.cursors.weight(&self.events, window_ms, &span).vwap()
            }
            Some(until_ms) => {
                let span = self.events.span(until_ms - window_ms as i64, Some(until_ms));
                self.cursors.past_sums(&self.events, &span).of(None).vwap()
            }
        }
    }

    /// VWAP, deviation and signal, given now and the VWAP.
    fn weigh_price(
        &self,
        clock: &Clock,
        (now_ms, vwap): (u64, Option<f64>),
        event: &Event<'_>,
        judgement: &mut Judgement,
    ) {
        let Some(vwap) = vwap else { return };
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
        // By the server's clock, not by the newest event: that one may come from a clock that is ahead.
        let told_ms = if self.options.clock == ClockMode::Event { now_ms } else { clock.time.server_ms };
        if told_ms.saturating_sub(event.ts_ms) > clock.signal_max_age_ms {
            judgement.stale_signal = true;
        } else {
            judgement.signal = Some(Signal { action, vwap, deviation_pct });
        }
    }
}

fn weigh<const FULL: bool>(
    order: &mut OrderCursor,
    options: &super::Options,
    event: &Event<'_>,
    judgement: &mut Judgement,
) {
    let count = order.count();
    if FULL && count > 0 {
        judgement.rank = Some(100.0 * order.at_or_below(event.size) as f64 / count as f64);
    }
    // Below MINEVENTS everything passes: the filter is off, and there is no threshold.
    if options.percentile.millionths() > 0 && count >= options.min_events {
        judgement.threshold = order.threshold(options.percentile);
    }
    let below = judgement.threshold.is_some_and(|threshold| event.size < threshold);
    if judgement.status == Status::Accepted && below {
        judgement.status = Status::Filtered;
    }
}
