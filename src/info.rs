//! The INFO section `liq`: what the module counts, and which commands were refused how often.

use std::ffi::CStr;

use liq_core::market::triggers::held_fires;
use liq_core::rl::limiter::Limiter;

use crate::ffi::{InfoSection, InfoSource, Persisted, panics_caught, registered, used_bytes};
use crate::totals::{Counter, TOTALS};
use crate::types::liqseries::LiqSeries;
use crate::types::tickstore::TickStore;
use crate::{audits, memory, policies};

/// The fields of the statuses, in the order of `Status::index`.
const STATUS_FIELDS: [&CStr; 6] = [c"future", c"late", c"small", c"duplicate", c"filtered", c"accepted"];

/// The section `liq`.
pub struct LiqSection;

impl InfoSource for LiqSection {
    fn report(section: &mut InfoSection) {
        section.text(c"version", env!("CARGO_PKG_VERSION"));
        section.text(c"mode", memory::mode().name());
        section.count(c"memory_used", used_bytes());
        section.count(c"memory_budget", memory::BUDGET.get());
        section.count(c"series", LiqSeries::slot().live());
        section.count(c"adds", TOTALS.statuses.iter().map(Counter::get).sum());
        for (name, counter) in STATUS_FIELDS.iter().zip(&TOTALS.statuses) {
            section.count(name, counter.get());
        }
        section.count(c"signals", TOTALS.signals.get());
        section.count(c"stale_signals", TOTALS.stale_signals.get());
        section.count(c"failed_signals", TOTALS.failed_signals.get());
        section.count(c"failed_accepted", TOTALS.failed_accepted.get());
        section.count(c"markets", TickStore::slot().live());
        section.count(c"ticks", TOTALS.ticks.get());
        section.count(c"failed_closes", TOTALS.failed_closes.get());
        section.count(c"fires", TOTALS.fires.get());
        section.count(c"fires_pending", held_fires());
        section.count(c"failed_fires", TOTALS.failed_fires.get());
        section.count(c"unjudged", TOTALS.unjudged.get());
        section.count(c"limiters", Limiter::slot().live());
        section.count(c"rate_checks", TOTALS.checks.get());
        section.count(c"rate_blocks", TOTALS.blocks.get());
        section.count(c"rate_bans", TOTALS.bans.get());
        policies::report(section, audits::of_policy);
        section.count(c"key_audits", TOTALS.key_audits.get());
        section.count(c"key_audit_running", audits::is_running().into());
        section.count(c"panics_caught", panics_caught());
        let errors = registered().map(|command| (command.info.name, command.refused()));
        section.counts(c"errors", errors.filter(|(_, errors)| *errors > 0));
    }
}
