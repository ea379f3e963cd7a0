//! `TICK.INFO`.

use std::ops::ControlFlow;
use std::time::Duration;

use crate::market::candle::{Interval, Keep, Span};
use crate::market::reply::{GapRow, LevelHeld, LevelsHeld, MarketInfo};
use crate::market::store::{DEFAULT_FIRES_MAXLEN, Market, Status};
use crate::settings::DEFAULT_MAXLEN;
use crate::wire::Bytes;

/// Levels as `KEEP` and the parameter `liq.tick-keep` spell them: `1m 1500 5m 1000`.
pub fn format_keep(keep: Keep) -> String {
    keep.units().map(|(unit, count)| format!("{} {count}", unit.name)).collect::<Vec<_>>().join(" ")
}

impl Market {
    /// The settings, what is held and what was counted; `memory_bytes` is measured by who knows the allocator.
    pub fn info(&self, memory_bytes: usize) -> MarketInfo {
        let (options, totals) = (self.options(), self.totals());
        let (closes, fires) = (options.closes.as_ref(), options.fires.as_ref());
        let triggers = self.triggers();
        let length = Duration::from_millis;
        let levels = self.levels().list().iter().map(|level| LevelHeld {
            level: Bytes::from(level.unit().name.as_bytes()),
            held: level.len() as u64,
            from_ms: level.first_start_ms(),
        });
        let gaps = self.gaps().list().iter().map(|gap| GapRow { from_ms: gap.from_ms, to_ms: gap.to_ms });
        MarketInfo {
            keep: Bytes::from(format_keep(options.keep).as_bytes()),
            tail: options.tail.into(),
            order: options.order,
            zone: options.zone,
            grace: length(options.grace_ms),
            stale: length(options.stale_ms),
            max_jump_pct: f64::from(options.max_jump.millionths()) / 1e6,
            closes: closes.map(|closes| Bytes::from(&*closes.key)).unwrap_or_default(),
            closes_max_len: closes.map_or(DEFAULT_MAXLEN, |closes| closes.max_len).into(),
            announce: options.announce.clone(),
            fires: fires.map(|fires| Bytes::from(&*fires.key)).unwrap_or_default(),
            fires_max_len: fires.map_or(DEFAULT_FIRES_MAXLEN, |fires| fires.max_len).into(),
            clock: options.clock,
            idle: length(options.idle_ms()),
            first_ms: self.first_ms(),
            last_ms: self.prices().last.as_ref().map(|last| last.ts_ms),
            tail_now: self.tail_now().into(),
            fine_now: self.fine_now_ms().map(length),
            ticks: self.tail().len() as u64,
            candles: LevelsHeld(levels.collect()),
            gaps: gaps.collect(),
            armed: triggers.armed() as u64,
            waiting: triggers.waiting() as u64,
            pending: triggers.pending() as u64,
            memory_bytes: memory_bytes as u64,
            total_accepted: totals.of(Status::Accepted),
            total_merged: totals.of(Status::Merged),
            total_amended: totals.of(Status::Amended),
            total_late: totals.of(Status::Late),
            total_duplicate: totals.of(Status::Duplicate),
            total_void: totals.of(Status::Void),
            total_suspect: totals.of(Status::Suspect),
            total_future: totals.of(Status::Future),
            total_closes: totals.closes,
            total_fires: triggers.totals().fires,
            total_expired: triggers.totals().expired,
            total_unjudged: triggers.totals().unjudged,
        }
    }

    /// When the first trade was of the oldest candle.
    fn first_ms(&self) -> Option<u64> {
        let mut first_ms = None;
        let _ = self.levels().visit(Interval::Month, Span { start_ms: 0, end_ms: u64::MAX }, false, &mut |candle| {
            first_ms = Some(candle.first.ts_ms);
            ControlFlow::Break(())
        });
        first_ms
    }
}
