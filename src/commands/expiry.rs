//! When a key nobody adds to goes away: the option `IDLE` as an expiry of the key.

use crate::commit::Expiry;
use crate::types::Due;
use crate::types::tickstore::TickStore;

/// An expiry is set this part of IDLE later than promised, so that it need not be set again for as long.
const SLACK: u64 = 16;

/// A value that expires when it lies idle.
pub trait Idles {
    /// After how long without anything stored, ms; 0 is never.
    fn idle_ms(&self) -> u64;

    /// From when on the expiry has to be put off again.
    fn due(&mut self) -> &mut Due;
}

/// Puts the expiry off after something was stored, if it is due.
#[inline]
pub fn renewed(stored: &mut impl Idles, now_ms: u64) -> Expiry {
    if stored.due().is_due(now_ms) { anew(stored, now_ms) } else { Expiry::Kept }
}

/// The expiry by the options as they are. Where they say never, what a user set stays.
#[cold]
pub fn anew(stored: &mut impl Idles, now_ms: u64) -> Expiry {
    let idle_ms = stored.idle_ms();
    let slack_ms = idle_ms / SLACK;
    if idle_ms == 0 {
        *stored.due() = Due::never();
        return Expiry::Kept;
    }
    *stored.due() = Due::at(now_ms + slack_ms);
    Expiry::Everywhere(Some(now_ms + idle_ms + slack_ms))
}

/// The expiry of a market after a write; `is_stored` says whether anything was stored. None while a trigger is armed, waits
/// or is pending: a stop must not go because nobody trades.
#[inline]
pub fn of_market(stored: &mut TickStore, is_stored: bool, now_ms: u64) -> Expiry {
    let holds = !stored.market.triggers().is_empty();
    let is_off = stored.expiry_due.is_never();
    if holds == is_off {
        return if is_stored { renewed(stored, now_ms) } else { Expiry::Kept };
    }
    let is_idle_off = stored.market.options().idle_ms() == 0;
    match anew(stored, now_ms) {
        Expiry::Kept if holds && !is_idle_off => Expiry::Everywhere(None),
        expiry => expiry,
    }
}

/// The expiry after `IDLE` was altered: to never, it takes away what an earlier `IDLE` had set.
pub fn altered(stored: &mut impl Idles, now_ms: u64) -> Expiry {
    match anew(stored, now_ms) {
        Expiry::Kept => Expiry::Everywhere(None),
        at => at,
    }
}
