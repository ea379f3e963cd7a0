//! What became of added events: `LIQ.ADD`, `LIQ.MADD`, `LIQ.MADDPACK`.

use liq_core::liq::series::Side;
use redis::Value;

use super::from_redis_value;
use crate::decode::{self, Decoded, Fields, count, double, optional, side};

from_redis_value!(AddReply, BatchReply);

/// What became of an event; the first that held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// Too far ahead of the server's clock; not stored.
    Future,
    /// Older than the retention; not stored.
    Late,
    /// Below `MINSIZE`; only counted.
    Small,
    /// An equal event is held already; not stored again.
    Duplicate,
    /// Stored; below the threshold of the percentile filter.
    Filtered,
    /// Stored; at or above the threshold.
    Accepted,
}

impl Status {
    fn read(value: Value) -> Decoded<Self> {
        decode::word("a status", value, |word| {
            Some(match word {
                "future" => Self::Future,
                "late" => Self::Late,
                "small" => Self::Small,
                "duplicate" => Self::Duplicate,
                "filtered" => Self::Filtered,
                "accepted" => Self::Accepted,
                _ => return None,
            })
        })
    }

    /// Whether the event entered the series.
    pub const fn is_stored(self) -> bool {
        matches!(self, Self::Filtered | Self::Accepted)
    }
}

/// The judgement of one event, against the state before it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AddReply {
    /// What became of it.
    pub status: Status,
    /// Share of the window's events at or below this size, percent. `None` in an empty window.
    pub rank: Option<f64>,
    /// The size from which events are accepted. `None` in an empty window or with the filter off.
    pub threshold: Option<f64>,
    /// Volume-weighted average price of the VWAP window. `None` when it is empty.
    pub vwap: Option<f64>,
    /// (price − vwap) / vwap, percent. `None` when the VWAP window is empty.
    pub deviation: Option<f64>,
    /// The side to trade, when the event is a signal.
    pub signal: Option<Side>,
}

impl AddReply {
    fn read(value: Value) -> Decoded<Self> {
        let mut fields = Fields::read(value)?;
        Ok(Self {
            status: fields.get("status", Status::read)?,
            rank: fields.get("rank", optional(double))?,
            threshold: fields.get("threshold", optional(double))?,
            vwap: fields.get("vwap", optional(double))?,
            deviation: fields.get("deviation", optional(double))?,
            signal: fields.get("signal", optional(side))?,
        })
    }
}

/// How many events of a batch met which end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct BatchReply {
    /// Stored, at or above the threshold.
    pub accepted: u64,
    /// Stored, below the threshold.
    pub filtered: u64,
    /// Held already; also every event of a batch that was delivered before.
    pub duplicate: u64,
    /// Below `MINSIZE`.
    pub small: u64,
    /// Older than the retention.
    pub late: u64,
    /// Too far ahead of the server's clock.
    pub future: u64,
    /// Signals among the accepted.
    pub signals: u64,
}

impl BatchReply {
    fn read(value: Value) -> Decoded<Self> {
        let mut fields = Fields::read(value)?;
        Ok(Self {
            accepted: fields.get("accepted", count)?,
            filtered: fields.get("filtered", count)?,
            duplicate: fields.get("duplicate", count)?,
            small: fields.get("small", count)?,
            late: fields.get("late", count)?,
            future: fields.get("future", count)?,
            signals: fields.get("signals", count)?,
        })
    }

    /// Events that entered the series.
    pub const fn stored(&self) -> u64 {
        self.accepted + self.filtered
    }

    /// All events of the batch.
    pub const fn total(&self) -> u64 {
        self.stored() + self.duplicate + self.small + self.late + self.future
    }
}

impl std::ops::AddAssign for BatchReply {
    fn add_assign(&mut self, other: Self) {
        self.accepted += other.accepted;
        self.filtered += other.filtered;
        self.duplicate += other.duplicate;
        self.small += other.small;
        self.late += other.late;
        self.future += other.future;
        self.signals += other.signals;
    }
}
