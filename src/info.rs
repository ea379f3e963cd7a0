//! What the module counts, and the INFO section `liq` that shows it.

use std::ffi::CStr;
use std::sync::atomic::{AtomicU64, Ordering};

use liq_core::liq::series::Tally;
use liq_core::rl::limiter::Limiter;

use crate::commands::FAMILIES;
use crate::commands::rl::CELL_THROTTLE;
use crate::ffi::{InfoSection, InfoSource, Persisted, Registration, panics_caught};
use crate::types::liqseries::LiqSeries;

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
    statuses: [Counter; 6],
    signals: Counter,
    stale_signals: Counter,
    /// Signals whose stream would not take them.
    pub failed_signals: Counter,
    /// Rate limits asked to take a cost, whatever came of it.
    pub checks: Counter,
    /// Rate limits that refused it.
    pub blocks: Counter,
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
    checks: Counter::new(),
    blocks: Counter::new(),
};

/// Room for the error counts of every registered command.
const MAX_COMMANDS: usize = 64;
static ERRORS: [Counter; MAX_COMMANDS] = [const { Counter::new() }; MAX_COMMANDS];

fn registrations() -> impl Iterator<Item = &'static Registration> {
    FAMILIES.iter().flat_map(|(_, commands)| commands.iter()).chain([&CELL_THROTTLE])
}

/// Counts a refused call of `command`.
pub fn count_error(command: &CStr) {
    let place = registrations().position(|registration| registration.info.name == command);
    if let Some(counter) = place.and_then(|place| ERRORS.get(place)) {
        counter.add(1);
    }
}

/// The fields of the statuses, in the order of `Status::index`.
const STATUS_FIELDS: [&CStr; 6] = [c"future", c"late", c"small", c"duplicate", c"filtered", c"accepted"];

/// The section `liq`.
pub struct LiqSection;

impl InfoSource for LiqSection {
    fn report(section: &mut InfoSection) {
        section.text(c"version", env!("CARGO_PKG_VERSION"));
        // The only mode there is: this version gives up neither resolution nor events for want of memory.
        section.text(c"mode", "normal");
        section.count(c"series", LiqSeries::slot().live());
        section.count(c"adds", TOTALS.statuses.iter().map(Counter::get).sum());
        for (name, counter) in STATUS_FIELDS.iter().zip(&TOTALS.statuses) {
            section.count(name, counter.get());
        }
        section.count(c"signals", TOTALS.signals.get());
        section.count(c"stale_signals", TOTALS.stale_signals.get());
        section.count(c"failed_signals", TOTALS.failed_signals.get());
        section.count(c"limiters", Limiter::slot().live());
        section.count(c"rate_checks", TOTALS.checks.get());
        section.count(c"rate_blocks", TOTALS.blocks.get());
        section.count(c"panics_caught", panics_caught());
        let errors = registrations().zip(&ERRORS).map(|(command, errors)| (command.info.name, errors.get()));
        section.counts(c"errors", errors.filter(|(_, errors)| *errors > 0));
    }
}
