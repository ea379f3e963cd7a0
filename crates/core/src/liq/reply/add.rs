//! The replies of `LIQ.ADD`, `LIQ.MADD` and `LIQ.MADDPACK`.

use crate::liq::series::{Judgement, Side, Status, Tally};
use crate::wire::map_reply;

map_reply! {
    /// The judgement of one event, against the state before it.
    #[derive(Debug, Clone, Copy, PartialEq)]
    pub struct AddReply {
        /// What became of it.
        status: Status = "status",
        /// Share of the window's events at or below this size, percent. `None` in an empty window.
        rank: Option<f64> = "rank",
        /// The size from which events are accepted. `None` in an empty window or with the filter off.
        threshold: Option<f64> = "threshold",
        /// Volume-weighted average price of the VWAP window. `None` when it is empty.
        vwap: Option<f64> = "vwap",
        /// (price − vwap) / vwap, percent. `None` when the VWAP window is empty.
        deviation: Option<f64> = "deviation",
        /// The side to trade, when the event is a signal.
        signal: Option<Side> = "signal",
    }
}

impl From<&Judgement> for AddReply {
    fn from(judgement: &Judgement) -> Self {
        Self {
            status: judgement.status,
            rank: judgement.rank,
            threshold: judgement.threshold,
            vwap: judgement.vwap,
            deviation: judgement.deviation_pct,
            signal: judgement.signal.map(|signal| signal.action),
        }
    }
}

map_reply! {
    /// How many events of a batch met which end.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
    pub struct BatchReply {
        /// Too far ahead of the server's clock.
        future: u64 = "future",
        /// Older than the retention.
        late: u64 = "late",
        /// Below `MINSIZE`.
        small: u64 = "small",
        /// Held already; also every event of a batch that was delivered before.
        duplicate: u64 = "duplicate",
        /// Stored, below the threshold.
        filtered: u64 = "filtered",
        /// Stored, at or above the threshold.
        accepted: u64 = "accepted",
        /// Signals among the accepted.
        signals: u64 = "signals",
    }
}

impl BatchReply {
    /// Events that entered the series.
    pub const fn stored(&self) -> u64 {
        self.accepted + self.filtered
    }

    /// All events of the batch.
    pub const fn total(&self) -> u64 {
        self.stored() + self.duplicate + self.small + self.late + self.future
    }
}

impl From<&Tally> for BatchReply {
    fn from(tally: &Tally) -> Self {
        Self {
            future: tally.of(Status::Future),
            late: tally.of(Status::Late),
            small: tally.of(Status::Small),
            duplicate: tally.of(Status::Duplicate),
            filtered: tally.of(Status::Filtered),
            accepted: tally.of(Status::Accepted),
            signals: tally.signals,
        }
    }
}

impl std::ops::AddAssign for BatchReply {
    fn add_assign(&mut self, other: Self) {
        self.future += other.future;
        self.late += other.late;
        self.small += other.small;
        self.duplicate += other.duplicate;
        self.filtered += other.filtered;
        self.accepted += other.accepted;
        self.signals += other.signals;
    }
}
