//! Walks over every series and market in slices so short that nobody waits for them: the one that brings all to what the
//! mode leaves them, and what it shares with others.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::bring::{Spare, bring};
use super::mode;
use crate::ffi::{self, Alarm, Context, Findings, KeyName, MetKey, MetType, Persisted, TimerSlot, Visitor, Walk};
use crate::types::liqseries::LiqSeries;
use crate::types::tickstore::TickStore;

/// CPU time of a slice, microseconds; the step that is under way when it ends is brought to its end.
const SLICE_US: u64 = 300;
/// From the end of one slice to the next, milliseconds.
pub(super) const PAUSE_MS: u64 = 1;

static ROUND: Mutex<Option<Round>> = Mutex::new(None);

/// Values that had come when the newest walk began: what came since may be where that had been already.
static CAME: AtomicU64 = AtomicU64::new(0);
/// No walk begins before this only because values came.
static REST_UNTIL: Mutex<Option<Instant>> = Mutex::new(None);
/// Walks for values that come again and again take a tenth of the time …
const REST: u32 = 9;
/// … or begin this long after one another, where it is held up or there are very many keys.
const LONGEST_REST: Duration = Duration::from_secs(60);

/// Begins anew, whichever walk is under way.
pub fn begin() {
    CAME.store(came(), Ordering::Relaxed);
    *ROUND.lock().unwrap_or_else(PoisonError::into_inner) = Round::begin();
    ffi::arm::<Slice>(PAUSE_MS);
}

/// Begins when values came whole since the newest walk did, which is over, and it was not just now.
pub fn begin_for_what_came() {
    let is_resting =
        || REST_UNTIL.lock().unwrap_or_else(PoisonError::into_inner).is_some_and(|end| Instant::now() < end);
    if came() != CAME.load(Ordering::Relaxed)
        && ROUND.lock().unwrap_or_else(PoisonError::into_inner).is_none()
        && !is_resting()
    {
        begin();
    }
}

fn came() -> u64 {
    LiqSeries::slot().came().wrapping_add(TickStore::slot().came())
}

struct Slice;

impl Alarm for Slice {
    fn slot() -> &'static TimerSlot {
        static SLOT: TimerSlot = TimerSlot::new();
        &SLOT
    }

    fn ring(context: &Context<'_>) {
        // Taken out, as what is done to a key may change the mode, which begins another walk.
        let Some(mut round) = ROUND.lock().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let is_more = round.go_on(context, |name| bring(context, name, mode(), Spare::Kept));
        let mut next = ROUND.lock().unwrap_or_else(PoisonError::into_inner);
        if is_more && next.is_none() {
            *next = Some(round);
            ffi::arm::<Self>(PAUSE_MS);
        } else {
            let rest = round.begun.elapsed().saturating_mul(REST).min(LONGEST_REST);
            *REST_UNTIL.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now().checked_add(rest);
        }
    }
}

/// A walk, and the keys it has met that are not done with.
pub(super) struct Round {
    walk: Walk,
    met: Met,
    begun: Instant,
}

impl Round {
    /// At the beginning; `None` when the server has no memory for it.
    pub(super) fn begin() -> Option<Self> {
        Some(Self { walk: Walk::begin()?, met: Met(Findings::default()), begun: Instant::now() })
    }

    /// Goes on for a slice, and lends every series and market it meets to `act`, again and again as long as that says that
    /// there is more to do. False when all is over, or when this server does not decide about its keys any more.
    pub(super) fn go_on(&mut self, context: &Context<'_>, mut act: impl FnMut(KeyName<'_>) -> bool) -> bool {
        let begun_us = ffi::thread_cpu_us();
        // While the server hands over to a replica it waits to see who decides.
        while context.may_write() && ffi::thread_cpu_us().saturating_sub(begun_us) < SLICE_US {
            if !self.met.0.lend(context, &mut act) && !self.walk.step(context, &mut self.met) {
                return false;
            }
        }
        context.decides()
    }
}

/// The series and markets among the keys that are met.
struct Met(Findings);

impl Visitor for Met {
    fn visit(&mut self, key: &MetKey<'_>) {
        let ours = [LiqSeries::TYPE_NAME, TickStore::TYPE_NAME].map(|name| MetType::Own(name.to_bytes()));
        if ours.contains(&key.type_of()) {
            self.0.push(key);
        }
    }
}
