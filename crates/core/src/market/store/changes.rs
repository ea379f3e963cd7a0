//! What one command did to announced candles: at most one change of each.

use std::collections::BTreeMap;

use super::clock::Time;
use crate::market::candle::{Candle, Interval, Span};

/// How far a candle is to be believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// More trades are to come.
    Open,
    /// All trades are in it.
    Closed,
    /// Closed, and trades may be missing.
    Partial,
    /// There were no trades: flat at the close before it.
    Filled,
    /// The same, and trades may be missing.
    Missing,
}

impl State {
    /// As replies spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
            Self::Partial => "partial",
            Self::Filled => "filled",
            Self::Missing => "missing",
        }
    }
}

/// A candle as a reader sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Row {
    /// Its columns.
    pub candle: Candle,
    /// From when to before when it is.
    pub span: Span,
    /// How far it is to be believed.
    pub state: State,
}

/// An announced candle that closed or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Of which interval.
    pub interval: Interval,
    /// Whether it was told of before; else it closed now.
    pub is_amended: bool,
    /// What it is now.
    pub row: Row,
}

/// What one command's prices are judged by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Judging {
    /// The clock while it runs.
    pub time: Time,
    /// An older price makes nothing fire, ms.
    pub max_age_ms: u64,
}

/// A candle that changed and is not looked at yet.
#[derive(Debug, Clone, Copy)]
pub(super) struct PutOff {
    /// The place of its interval among those announced.
    pub(super) place: usize,
    pub(super) interval: Interval,
    pub(super) span: Span,
    pub(super) was_told: bool,
}

/// What one command changed that others are told of: announced candles, each once, and triggers.
#[derive(Debug, Default)]
pub struct Changes {
    /// By what prices are judged; without it none is.
    pub(crate) judging: Option<Judging>,
    /// How many triggers fired or expired: the newest of those that are owed.
    pub(crate) fired: usize,
    /// How many prices were too old to be judged.
    pub(crate) unjudged: u64,
    /// Whether a duplicate was seen that is missing no longer.
    pub(crate) has_seen: bool,
    /// By the end of the candle, then the place of its interval among those announced.
    changes: BTreeMap<(u64, usize), Change>,
    /// Those that are only looked at when the command is over, where it may change them many times.
    put_off: Option<BTreeMap<(u64, usize), PutOff>>,
}

impl Changes {
    /// Of a command whose prices are judged.
    pub fn judging(judging: Judging) -> Self {
        Self { judging: Some(judging), ..Self::default() }
    }

    /// How many triggers fired or expired: the newest of those that are owed.
    pub const fn fired(&self) -> usize {
        self.fired
    }

    /// How many prices were too old to be judged.
    pub const fn unjudged(&self) -> u64 {
        self.unjudged
    }

    /// Whether the last tick was a duplicate that is missing no longer, which replicas are told of; asked once.
    pub const fn take_seen(&mut self) -> bool {
        std::mem::replace(&mut self.has_seen, false)
    }

    /// Notes that a candle is now `row`. One that closed in the same command has closed as that.
    pub fn note(&mut self, place: usize, change: Change) {
        let slot = self.changes.entry((change.row.span.end_ms, place));
        slot.and_modify(|noted| noted.row = change.row).or_insert(change);
    }

    /// From now on what changed is looked at when the command is over: [`Market::settle`](super::Market::settle). False
    /// where that was so already.
    pub fn put_off(&mut self) -> bool {
        let is_first = self.put_off.is_none();
        self.put_off.get_or_insert_default();
        is_first
    }

    /// Notes that a candle changed, and is to be looked at later; false where all are looked at at once.
    pub(super) fn note_later(&mut self, candle: PutOff) -> bool {
        let Some(put_off) = &mut self.put_off else { return false };
        put_off.entry((candle.span.end_ms, candle.place)).or_insert(candle);
        true
    }

    /// What was put off.
    pub(super) fn take_put_off(&mut self) -> impl Iterator<Item = PutOff> + use<> {
        self.put_off.take().unwrap_or_default().into_values()
    }

    /// Whether no announced candle changed.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.put_off.as_ref().is_none_or(BTreeMap::is_empty)
    }

    /// The changes, in the order in which the candles end.
    pub fn iter(&self) -> impl Iterator<Item = &Change> {
        self.changes.values()
    }

    /// Interval and start of every candle that closed.
    pub fn closed(&self) -> impl Iterator<Item = (Interval, u64)> {
        let closed = self.changes.values().filter(|change| !change.is_amended);
        closed.map(|change| (change.interval, change.row.span.start_ms))
    }
}
