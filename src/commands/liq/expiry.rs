//! When a series nobody adds to goes away: the option `IDLE` as an expiry of the key.

use crate::keyspace::Writable;
use crate::types::liqseries::LiqSeries;

/// An expiry is set this part of IDLE later than promised, so that it need not be set again for as long.
const SLACK: u64 = 16;

/// Puts the expiry off after something was stored, if it is due.
#[inline]
pub fn refresh(open: &mut Writable<'_, LiqSeries>, now_ms: u64) {
    if open.value().is_some_and(|stored| now_ms >= stored.expiry_due_ms) {
        set(open, now_ms);
    }
}

/// Sets the expiry by the options as they are, or takes it away where they say never.
#[cold]
pub fn set(open: &mut Writable<'_, LiqSeries>, now_ms: u64) {
    let Some(stored) = open.value() else { return };
    let idle_ms = stored.series.options().idle_ms();
    let slack_ms = idle_ms / SLACK;
    stored.expiry_due_ms = if idle_ms == 0 { u64::MAX } else { now_ms + slack_ms };
    if idle_ms > 0 {
        open.expire_at_ms(Some(now_ms + idle_ms + slack_ms));
    } else if open.expires_at_ms().is_some() {
        open.expire_at_ms(None);
    }
}
