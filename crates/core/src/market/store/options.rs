//! The settings of a market, complete and consistent, and what a command may say of them.

use std::fmt;
use std::ops::RangeInclusive;

use crate::grammar::Percentile;
use crate::market::candle::{Interval, Keep, UNITS, Unit, Zone};
use crate::market::tape::Order;
use crate::settings::{ClockMode, DEFAULT_MAXLEN, Stream, StreamPatch};

/// Ticks kept raw.
pub const TAIL_RANGE: RangeInclusive<i64> = 0..=65_536;
/// How long a candle's end waits for late trades.
pub const GRACE_RANGE_MS: RangeInclusive<u64> = 0..=60_000;
/// When prices are stale; ten years is never.
pub const STALE_RANGE_MS: RangeInclusive<u64> = 0..=3_660 * 86_400_000;
/// Lengths of the stream of fires; 0 is never trimmed.
pub const FIRES_MAXLEN_RANGE: RangeInclusive<i64> = 0..=1_000_000_000;
/// Length of the stream of fires when none is named: a trimmed stop is a lost stop.
pub const DEFAULT_FIRES_MAXLEN: u32 = 0;
/// Most intervals announced.
pub const MAX_ANNOUNCED: usize = 8;

const DAY_MS: u64 = 86_400_000;

/// The settings of a market; what they mean is said in the contract of `TICK.CREATE`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// How many candles each level holds.
    pub keep: Keep,
    /// Newest ticks kept raw.
    pub tail: u32,
    /// How ticks of one millisecond follow each other.
    pub order: Order,
    /// Where days begin.
    pub zone: Zone,
    /// How long a candle's end waits for late trades, ms.
    pub grace_ms: u64,
    /// Prices older than that are stale, ms.
    pub stale_ms: u64,
    /// A price further than that from the last of its source is suspect; 0 is off.
    pub max_jump: Percentile,
    /// Where candles go that close or are amended.
    pub closes: Option<Stream>,
    /// Of which intervals closes are told.
    pub announce: Vec<Interval>,
    /// Where triggers go that fire or expire.
    pub fires: Option<Stream>,
    /// What "now" is.
    pub clock: ClockMode,
    /// The key expires after this long without anything stored, ms; 0 is never, `None` the rule of [`Options::idle_ms`].
    pub idle_ms: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            keep: Keep([0, 1500, 1000, 1000, 1000]),
            tail: 4096,
            order: Order::Time,
            zone: Zone::default(),
            grace_ms: 1_000,
            stale_ms: 10_000,
            max_jump: Percentile::whole(0),
            closes: None,
            announce: vec![Interval::Fixed(60_000)],
            fires: None,
            clock: ClockMode::Server,
            idle_ms: None,
        }
    }
}

/// The options a command named; `None` leaves an option as it is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OptionsPatch {
    /// `KEEP level n`, for each level of [`UNITS`].
    pub keep: [Option<u32>; UNITS.len()],
    /// `TAIL`.
    pub tail: Option<u32>,
    /// `ORDER`.
    pub order: Option<Order>,
    /// `TZ`.
    pub zone: Option<Zone>,
    /// `GRACE`, ms.
    pub grace_ms: Option<u64>,
    /// `STALE`, ms.
    pub stale_ms: Option<u64>,
    /// `MAXJUMP`.
    pub max_jump: Option<Percentile>,
    /// `CLOSES`.
    pub closes: Option<StreamPatch>,
    /// `ANNOUNCE`, all of them.
    pub announce: Option<Vec<Interval>>,
    /// `FIRES`.
    pub fires: Option<StreamPatch>,
    /// `CLOCK`.
    pub clock: Option<ClockMode>,
    /// `IDLE`, ms.
    pub idle_ms: Option<u64>,
}

/// Why options do not go together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OptionsError {
    /// No level would be left, or one would be missing between two.
    Levels,
    /// The candles of a level make none of the next one together.
    Short(Unit, Unit),
    /// No level is held that candles of this interval are made of.
    Announced(Interval),
}

impl fmt::Display for OptionsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Levels => f.write_str("KEEP: at least one level must be held, and none left out between two"),
            Self::Short(unit, next) => {
                let least = next.width_ms / unit.width_ms;
                write!(f, "KEEP: {} must hold at least {least}, one candle of {}", unit.name, next.name)
            }
            Self::Announced(interval) => {
                write!(f, "ANNOUNCE: must be a multiple of a level that is held, got '{interval}'")
            }
        }
    }
}

impl std::error::Error for OptionsError {}

impl OptionsPatch {
    /// Refuses levels that were named, or whose next one was, and make no candle of that. What was made before stays as
    /// it is. Whether `held` can be patched at all is not looked at.
    pub fn check_keep(&self, held: Keep) -> Result<(), OptionsError> {
        let mut keep = held;
        for (held, named) in keep.0.iter_mut().zip(self.keep) {
            *held = named.unwrap_or(*held);
        }
        let names = |unit: &Unit| UNITS.iter().zip(self.keep).any(|(known, named)| known == unit && named.is_some());
        let short = keep.short().find(|(unit, next)| names(unit) || names(next));
        short.filter(|_| keep.is_sound()).map_or(Ok(()), |(unit, next)| Err(OptionsError::Short(unit, next)))
    }
}

impl Options {
    /// The options that result when `patch` is applied to these.
    pub fn altered(&self, patch: &OptionsPatch) -> Result<Self, OptionsError> {
        let mut keep = self.keep;
        for (held, named) in keep.0.iter_mut().zip(patch.keep) {
            *held = named.unwrap_or(*held);
        }
        let options = Self {
            keep,
            tail: patch.tail.unwrap_or(self.tail),
            order: patch.order.unwrap_or(self.order),
            zone: patch.zone.unwrap_or(self.zone),
            grace_ms: patch.grace_ms.unwrap_or(self.grace_ms),
            stale_ms: patch.stale_ms.unwrap_or(self.stale_ms),
            max_jump: patch.max_jump.unwrap_or(self.max_jump),
            closes: StreamPatch::applied(patch.closes.as_ref(), self.closes.as_ref(), DEFAULT_MAXLEN),
            announce: patch.announce.clone().unwrap_or_else(|| self.announce.clone()),
            fires: StreamPatch::applied(patch.fires.as_ref(), self.fires.as_ref(), DEFAULT_FIRES_MAXLEN),
            clock: patch.clock.unwrap_or(self.clock),
            idle_ms: patch.idle_ms.or(self.idle_ms),
        };
        options.check()?;
        Ok(options)
    }

    /// Whether the options go together.
    pub fn check(&self) -> Result<(), OptionsError> {
        if !self.keep.is_sound() {
            return Err(OptionsError::Levels);
        }
        let finest_ms = self.keep.finest().width_ms;
        match self.announce.iter().find(|interval| !interval.is_multiple_of(finest_ms)) {
            Some(interval) => Err(OptionsError::Announced(*interval)),
            None => Ok(()),
        }
    }

    /// After how long without anything stored the key expires, ms; 0 is never. Without an own setting: 30 days, or never
    /// where the clock is the events'.
    pub fn idle_ms(&self) -> u64 {
        self.idle_ms.unwrap_or(match self.clock {
            ClockMode::Server => 30 * DAY_MS,
            ClockMode::Event => 0,
        })
    }
}
