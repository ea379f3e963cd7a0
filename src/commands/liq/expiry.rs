//! When a series nobody adds to goes away: the option `IDLE` as an expiry of the key.

use crate::commit::Expiry;
use crate::types::liqseries::LiqSeries;

/// An expiry is set this part of IDLE later than promised, so that it need not be set again for as long.
const SLACK: u64 = 16;

/// Puts the expiry off after something was stored, if it is due.
#[inline]
pub fn renewed(stored: &mut LiqSeries, now_ms: u64) -> Expiry {
    if now_ms >= stored.expiry_due_ms { anew(stored, now_ms) } else { Expiry::Kept }
}

/// The expiry by the options as they are. Where they say never, what a user set stays.
#[cold]
pub fn anew(stored: &mut LiqSeries, now_ms: u64) -> Expiry {
    let idle_ms = stored.series.options().idle_ms();
    let slack_ms = idle_ms / SLACK;
    if idle_ms == 0 {
        stored.expiry_due_ms = u64::MAX;
        return Expiry::Kept;
    }
    stored.expiry_due_ms = now_ms + slack_ms;
    Expiry::Everywhere(Some(now_ms + idle_ms + slack_ms))
}

/// The expiry after `IDLE` was altered: to never, it takes away what an earlier `IDLE` had set.
pub fn altered(stored: &mut LiqSeries, now_ms: u64) -> Expiry {
    match anew(stored, now_ms) {
        Expiry::Kept => Expiry::Everywhere(None),
        at => at,
    }
}
