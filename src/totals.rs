//! What the module counts since it was loaded.

use std::sync::atomic::{AtomicU64, Ordering};

use liq_core::liq::series::Tally;

/// A count that only the server's main thread changes, so that adding needs no locked instruction.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    /// Adds `more`.
    #[inline]
    pub fn add(&self, more: u64) {
        self.0.store(self.get().wrapping_add(more), Ordering::Relaxed);
    }

    /// The count so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What happened to the events sent to this server since the module was loaded.
pub struct Totals {
    /// Events by what became of them, in the order of `Status::index`.
    pub statuses: [Counter; 6],
    /// Signals given.
    pub signals: Counter,
    /// Signals not given, as their event was too old.
    pub stale_signals: Counter,
    /// Signals whose stream would not take them.
    pub failed_signals: Counter,
    /// Accepted events whose stream would not take them.
    pub failed_accepted: Counter,
    /// Ticks and quotes sent to markets, whatever became of them.
    pub ticks: Counter,
    /// Closes of candles whose stream would not take them.
    pub failed_closes: Counter,
    /// Triggers that fired or expired.
    pub fires: Counter,
    /// Fires whose stream would not take them; each time it was tried.
    pub failed_fires: Counter,
    /// Prices too old to be judged by while triggers waited.
    pub unjudged: Counter,
    /// Rate limits asked to take a cost, whatever came of it.
    pub checks: Counter,
    /// Rate limits that refused it.
    pub blocks: Counter,
    /// Bans that limiters were told of.
    pub bans: Counter,
    /// Expiries that key policies gave.
    pub key_ttl_given: Counter,
    /// Expiries that key policies brought forward.
    pub key_ttl_shortened: Counter,
    /// Keys written whose policy was not looked at, as there were too many in one step.
    pub key_checks_dropped: Counter,
    /// Audits that came to their end.
    pub key_audits: Counter,
}

impl Totals {
    /// Counts what one command decided.
    pub fn count(&self, tally: &Tally) {
        for (counter, more) in self.statuses.iter().zip(tally.statuses) {
            counter.add(more);
        }
        self.signals.add(tally.signals);
        self.stale_signals.add(tally.stale_signals);
    }
}

/// The module's totals.
pub static TOTALS: Totals = Totals {
    statuses: [const { Counter::new() }; 6],
    signals: Counter::new(),
    stale_signals: Counter::new(),
    failed_signals: Counter::new(),
    failed_accepted: Counter::new(),
    ticks: Counter::new(),
    failed_closes: Counter::new(),
    fires: Counter::new(),
    failed_fires: Counter::new(),
    unjudged: Counter::new(),
    checks: Counter::new(),
    blocks: Counter::new(),
    bans: Counter::new(),
    key_ttl_given: Counter::new(),
    key_ttl_shortened: Counter::new(),
    key_checks_dropped: Counter::new(),
    key_audits: Counter::new(),
};
