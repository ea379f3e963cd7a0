//! What is said of an event when it is added.

use crate::liq::series::Side;

/// The fate of an event: the first that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Too far ahead of the clock.
    Future,
    /// Older than the retention.
    Late,
    /// Below MINSIZE: only counted.
    Small,
    /// Equal to one among the newest events held.
    Duplicate,
    /// Recorded, and below the threshold.
    Filtered,
    /// Recorded, and at or above the threshold.
    Accepted,
}

impl Status {
    /// All of them, in the order in which they are tried, which is that of replies and of their indices.
    pub const ALL: [Self; 6] = [Self::Future, Self::Late, Self::Small, Self::Duplicate, Self::Filtered, Self::Accepted];

    /// As replies spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Filtered => "filtered",
            Self::Small => "small",
            Self::Duplicate => "duplicate",
            Self::Late => "late",
            Self::Future => "future",
        }
    }

    /// Place among counts per status.
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Whether the event is held from then on.
    pub const fn is_recorded(self) -> bool {
        matches!(self, Self::Accepted | Self::Filtered)
    }
}

/// A signal: what it says to do is `buy` after liquidated longs below the VWAP, `sell` after liquidated shorts above it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Signal {
    /// What to do.
    pub action: Side,
    /// The VWAP it was judged by.
    pub vwap: f64,
    /// (price − vwap) / vwap, percent.
    pub deviation_pct: f64,
}

impl Signal {
    /// Why, as the stream entry says it.
    pub const fn entry_reason(&self) -> &'static str {
        match self.action {
            Side::Buy => "liquidation_long",
            Side::Sell => "liquidation_short",
        }
    }
}

/// All that `LIQ.ADD` answers, judged against the state before the event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Judgement {
    /// The event's fate.
    pub status: Status,
    /// Share of the window's events at or below the size, 0..100.
    pub rank: Option<f64>,
    /// From which size on events are accepted.
    pub threshold: Option<f64>,
    /// VWAP of the signals' window.
    pub vwap: Option<f64>,
    /// (price − vwap) / vwap, percent.
    pub deviation_pct: Option<f64>,
    /// The signal the event gave.
    pub signal: Option<Signal>,
    /// Whether it would have given one, had it not been too old.
    pub stale_signal: bool,
}

impl Judgement {
    /// The judgement of an event that is not looked at further.
    pub const fn only(status: Status) -> Self {
        Self { status, rank: None, threshold: None, vwap: None, deviation_pct: None, signal: None, stale_signal: false }
    }
}

/// Counts of events per status since the series began, or was reset, and of signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Events per status, by [`Status::index`].
    pub statuses: [u64; 6],
    /// Signals given.
    pub signals: u64,
    /// Signals not given because the event was too old.
    pub stale_signals: u64,
}

/// Where counts stop: replies hold no larger integer.
pub const MAX_TOTAL: u64 = i64::MAX as u64;

fn counted(total: u64, more: u64) -> u64 {
    total.saturating_add(more).min(MAX_TOTAL)
}

impl Tally {
    /// Counts a judgement.
    pub fn count(&mut self, judgement: &Judgement) {
        self.count_status(judgement.status, 1);
        self.signals = counted(self.signals, u64::from(judgement.signal.is_some()));
        self.stale_signals = counted(self.stale_signals, u64::from(judgement.stale_signal));
    }

    /// Counts `count` events of one status.
    pub fn count_status(&mut self, status: Status, count: u64) {
        if let Some(slot) = self.statuses.get_mut(status.index()) {
            *slot = counted(*slot, count);
        }
    }

    /// Events of one status.
    pub fn of(&self, status: Status) -> u64 {
        self.statuses.get(status.index()).copied().unwrap_or(0)
    }

    /// Adds what another one counted.
    pub fn add(&mut self, other: &Self) {
        for (slot, more) in self.statuses.iter_mut().zip(other.statuses) {
            *slot = counted(*slot, more);
        }
        self.signals = counted(self.signals, other.signals);
        self.stale_signals = counted(self.stale_signals, other.stale_signals);
    }
}
