//! Walks over every series in slices so short that nobody waits for them: the one that brings all to what the mode leaves
//! them, and what it shares with others.

use std::sync::{Mutex, PoisonError};

use liq_core::liq::format::decided;
use liq_core::liq::series::Time;
use liq_core::memory::Mode;

use super::mode;
use crate::commit::{Expiry, Record, commit};
use crate::ffi::{self, Alarm, Context, Findings, KeyName, MetKey, MetType, Persisted, TimerSlot, Visitor, Walk};
use crate::keyspace;
use crate::types::liqseries::LiqSeries;

/// CPU time of a slice, microseconds; the series that is under way when it ends is brought to its end.
const SLICE_US: u64 = 300;
/// From the end of one slice to the next, milliseconds.
pub(super) const PAUSE_MS: u64 = 1;

static WALK: Mutex<Option<Walk>> = Mutex::new(None);

/// Begins anew, whichever walk is under way.
pub fn begin() {
    *WALK.lock().unwrap_or_else(PoisonError::into_inner) = Walk::begin();
    ffi::arm::<Slice>(PAUSE_MS);
}

struct Slice;

impl Alarm for Slice {
    fn slot() -> &'static TimerSlot {
        static SLOT: TimerSlot = TimerSlot::new();
        &SLOT
    }

    fn ring(context: &Context<'_>) {
        // Taken out, as what is done to a series may change the mode, which begins another walk.
        let Some(mut walk) = WALK.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let is_more = go_on(context, &mut walk, |name| bring(context, name, mode(), Spare::Kept));
        let mut next = WALK.lock().unwrap_or_else(PoisonError::into_inner);
        if is_more && next.is_none() {
            *next = Some(walk);
            ffi::arm::<Self>(PAUSE_MS);
        }
    }
}

/// Goes on with `walk` for a slice, and lends every series it meets to `act`. False when it is over, or when this server
/// does not decide about its keys any more.
pub(super) fn go_on(context: &Context<'_>, walk: &mut Walk, mut act: impl FnMut(KeyName<'_>)) -> bool {
    let begun_us = ffi::thread_cpu_us();
    let mut is_more = context.decides();
    while is_more && ffi::thread_cpu_us().saturating_sub(begun_us) < SLICE_US {
        let mut met = Series(Findings::default());
        is_more = walk.step(context, &mut met);
        met.0.each(context, &mut act);
    }
    is_more
}

/// The series among the keys that are met.
struct Series(Findings);

impl Visitor for Series {
    fn visit(&mut self, key: &MetKey<'_>) {
        if matches!(key.type_of(), MetType::Own(name) if name == LiqSeries::TYPE_NAME.to_bytes()) {
            self.0.push(key);
        }
    }
}

/// What becomes of memory that holds nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spare {
    Kept,
    Freed,
}

/// Brings one series to the present and to what `mode` leaves it, here and on replicas.
pub(super) fn bring(context: &Context<'_>, name: KeyName<'_>, mode: Mode, spare: Spare) {
    let Ok(mut open) = keyspace::write_untouched::<LiqSeries>(context, name) else { return };
    let Some(stored) = open.value() else { return };
    if spare == Spare::Freed {
        stored.series.free_spare();
    }
    let (time, resolution) = (Time::new(context.now_ms(), 0), stored.series.resolution_in(mode));
    if !stored.series.is_due(time, resolution) {
        return;
    }
    stored.series.bring_to(time, resolution);
    let mut told = Vec::new();
    decided::brought(&mut told, time, resolution);
    commit(context, open, Record::Command(c"LIQ.APPLY", &[&told]), Expiry::Kept);
}
