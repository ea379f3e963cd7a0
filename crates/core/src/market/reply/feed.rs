//! The replies of `TICK.ADD`, `TICK.QUOTE` and `TICK.MADD`.

use super::trig::Fired;
use crate::market::candle::Interval;
use crate::market::store::{Changes, Status, Tally};
use crate::wire::{Decode, Encode, Malformed, Sink, Source, map_reply};

/// An announced candle that closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClosedCandle {
    /// Of which interval.
    pub interval: Interval,
    /// Where it begins, Unix ms.
    pub start_ms: u64,
}

impl Encode for ClosedCandle {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(2);
        self.interval.encode(sink);
        sink.count(self.start_ms);
    }
}

impl Decode for ClosedCandle {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let [interval, start] = source.tuple()?;
        Ok(Self { interval: Interval::decode(interval)?, start_ms: start.count()? })
    }
}

/// What became of a tick or quote.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AddReply {
    /// What became of it.
    pub status: Status,
    /// The announced candles that it closed.
    pub closed: Vec<ClosedCandle>,
    /// The triggers that it let fire or expire, at most `liq.max-fires`.
    pub fired: Vec<Fired>,
}

impl AddReply {
    /// Of what a command changed.
    pub fn of(status: Status, changes: &Changes, fired: Vec<Fired>) -> Self {
        let closed = changes.closed().map(|(interval, start_ms)| ClosedCandle { interval, start_ms }).collect();
        Self { status, closed, fired }
    }
}

impl Encode for AddReply {
    fn encode(&self, sink: &mut impl Sink) {
        sink.array(3);
        self.status.encode(sink);
        self.closed.encode(sink);
        self.fired.encode(sink);
    }
}

impl Decode for AddReply {
    fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
        let [status, closed, fired] = source.tuple()?;
        Ok(Self { status: Status::decode(status)?, closed: Vec::decode(closed)?, fired: Vec::decode(fired)? })
    }
}

map_reply! {
    /// How many ticks of a batch became what.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct MaddReply {
        /// Too far ahead of the server's clock.
        future: u64 = "future",
        /// Before the reach of the finest level.
        late: u64 = "late",
        /// Recorded before; also every tick of a batch that was delivered before.
        duplicate: u64 = "duplicate",
        /// No trade of the market.
        void: u64 = "void",
        /// Too far from the last price.
        suspect: u64 = "suspect",
        /// Recorded in a candle that was closed.
        amended: u64 = "amended",
        /// Recorded in an open candle, another being newer.
        merged: u64 = "merged",
        /// Recorded, and the last price then.
        accepted: u64 = "accepted",
        /// Announced candles that closed.
        closed: u64 = "closed",
        /// Triggers that fired or expired.
        fired: u64 = "fired",
    }
}

impl From<&Tally> for MaddReply {
    fn from(tally: &Tally) -> Self {
        Self {
            future: tally.of(Status::Future),
            late: tally.of(Status::Late),
            duplicate: tally.of(Status::Duplicate),
            void: tally.of(Status::Void),
            suspect: tally.of(Status::Suspect),
            amended: tally.of(Status::Amended),
            merged: tally.of(Status::Merged),
            accepted: tally.of(Status::Accepted),
            closed: tally.closes,
            fired: 0,
        }
    }
}
