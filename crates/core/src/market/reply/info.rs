//! The reply of `TICK.INFO`.

use std::time::Duration;

use crate::market::candle::{Interval, Zone};
use crate::market::tape::Order;
use crate::settings::ClockMode;
use crate::wire::{Bytes, Decode, Encode, Fields, Malformed, Sink, Source, map_reply};

/// A level: how many candles it holds, and where the oldest begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LevelHeld {
    /// Its unit, `1m`.
    pub level: Bytes,
    /// How many candles it holds.
    pub held: u64,
    /// Where the oldest begins, Unix ms.
    pub from_ms: Option<u64>,
}

/// What each level holds: a map from its name to `[held, from]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LevelsHeld(pub Vec<LevelHeld>);

impl Encode for LevelsHeld {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(self.0.len());
        for level in &self.0 {
            sink.bytes(&level.level.0);
            sink.array(2);
            sink.count(level.held);
            sink.optional_count(level.from_ms);
        }
    }
}

impl Decode for LevelsHeld {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let level = |(name, value): (S, S)| {
            let [held, from] = value.tuple()?;
            Ok(LevelHeld { level: Bytes::decode(name)?, held: held.count()?, from_ms: Option::decode(from)? })
        };
        source.fields()?.into_named().into_iter().map(level).collect::<Result<_, _>>().map(Self)
    }
}

/// A stretch of time in which trades may be missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GapRow {
    /// Not earlier, Unix ms.
    pub from_ms: u64,
    /// Not later, Unix ms.
    pub to_ms: u64,
}

impl Encode for GapRow {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(2);
        sink.count(self.from_ms);
        sink.count(self.to_ms);
    }
}

impl Decode for GapRow {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let [from, to] = source.tuple()?;
        Ok(Self { from_ms: from.count()?, to_ms: to.count()? })
    }
}

map_reply! {
    /// A market: its options, what it holds and what it has seen.
    #[derive(Debug, Clone, PartialEq)]
    pub struct MarketInfo {
        /// How many candles each level keeps: names and counts in turn, as `KEEP` takes them.
        keep: Bytes = "keep",
        /// Newest ticks kept raw.
        tail: u64 = "tail",
        /// How ticks of one millisecond follow each other.
        order: Order = "order",
        /// Where days begin.
        zone: Zone = "tz",
        /// How long a candle's end waits for late trades.
        grace: Duration = "grace",
        /// Prices older than that are stale.
        stale: Duration = "stale",
        /// A price further than that from the last is suspect, percent; 0 is off.
        max_jump_pct: f64 = "maxjump",
        /// The stream of closes; empty for none.
        closes: Bytes = "closes",
        /// About how many entries that stream keeps.
        closes_max_len: u64 = "closes_maxlen",
        /// Of which intervals closes are told.
        announce: Vec<Interval> = "announce",
        /// The stream of fires; empty for none.
        fires: Bytes = "fires",
        /// About how many entries that stream keeps; 0 is all.
        fires_max_len: u64 = "fires_maxlen",
        /// What now is.
        clock: ClockMode = "clock",
        /// The key expires when nothing was stored for this long; zero is never.
        idle: Duration = "idle",
        /// When the oldest trade held was, Unix ms, as far as candles tell.
        first_ms: Option<u64> = "first",
        /// When the newest trade was, Unix ms.
        last_ms: Option<u64> = "last",
        /// Newest ticks kept raw at present: fewer while memory is short.
        tail_now: u64 = "tail_now",
        /// How far back candles finer than five minutes are held at present; `None` for as far as `keep` says.
        fine_now: Option<Duration> = "fine_now",
        /// Ticks held raw.
        ticks: u64 = "ticks",
        /// Candles held, by level.
        candles: LevelsHeld = "candles",
        /// Where trades may be missing: what to backfill.
        gaps: Vec<GapRow> = "gaps",
        /// Triggers armed, those that wait left out.
        armed: u64 = "armed",
        /// Triggers that wait for a price to begin with.
        waiting: u64 = "waiting",
        /// Triggers that have fired and are not told yet.
        pending: u64 = "pending",
        /// Memory the market takes.
        memory_bytes: u64 = "memory",
        /// Ticks and quotes that became the last price, since the market was made; so the other totals.
        total_accepted: u64 = "total_accepted",
        /// Recorded in an open candle, another being newer.
        total_merged: u64 = "total_merged",
        /// Recorded in a candle that was closed.
        total_amended: u64 = "total_amended",
        /// Before the reach.
        total_late: u64 = "total_late",
        /// Recorded before.
        total_duplicate: u64 = "total_duplicate",
        /// No trade of the market.
        total_void: u64 = "total_void",
        /// Too far from the last price.
        total_suspect: u64 = "total_suspect",
        /// Too far ahead of the clock.
        total_future: u64 = "total_future",
        /// Announced candles that closed.
        total_closes: u64 = "total_closes",
        /// Triggers that fired.
        total_fires: u64 = "total_fires",
        /// Triggers that expired.
        total_expired: u64 = "total_expired",
        /// Prices that were too old to be judged while triggers waited.
        total_unjudged: u64 = "total_unjudged",
    }
}
