//! The memory modes: how short memory is, told to whoever asks, and acted upon.
//!
//! How much is used is looked at by the server's cron, and by the next write after a good deal was allocated. A series or a
//! market is brought to what the mode leaves it from its next write on; the others, and those that come whole while it
//! stands, by a walk (`walk`).

mod bring;
mod trim;
mod walk;

use std::ffi::CStr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};

use liq_core::grammar::format_bytes;
use liq_core::liq::series::{DEFAULT_ROOM_BYTES, set_room};
use liq_core::memory::{Mode, State};

use crate::ffi::{self, Context, Level, MemoryWatch};
use crate::limit::{Limit, Unit};
use crate::refusal::Refusal;

pub use trim::{Trim, begin as trim};

/// `liq.memory-budget`: what the module may use, bytes; 0 for no budget of its own, the server's `maxmemory` then.
pub static BUDGET: Limit = Limit::new(c"memory-budget", Unit::Memory, 0..=1 << 53, 0);

/// The key name under which changes of the mode are published; there need not be such a key.
const EVENT_NAME: &[u8] = b"liq";

static MODE: AtomicU8 = AtomicU8::new(0);
/// When the mode was entered, Unix milliseconds.
static SINCE_MS: AtomicU64 = AtomicU64::new(0);

/// The mode in force.
pub fn mode() -> Mode {
    Mode::from_index(MODE.load(Ordering::Relaxed))
}

/// The mode for a write, which looks again if a good deal was allocated since somebody did.
#[inline]
pub fn mode_now(context: &Context<'_>) -> Mode {
    if ffi::has_grown() {
        look(context);
    }
    mode()
}

/// Refuses to make something new while memory is short to the last.
pub fn check_new(context: &Context<'_>) -> Result<(), Refusal> {
    if context.is_out_of_memory() || !mode().may_make_new() { Err(Refusal::OutOfMemory) } else { Ok(()) }
}

/// How things stand.
pub fn state(context: &Context<'_>) -> State {
    let own = BUDGET.get();
    let since_ms = SINCE_MS.load(Ordering::Relaxed);
    State {
        mode: mode(),
        since_ms: (since_ms > 0).then_some(since_ms),
        used: ffi::used_bytes(),
        budget: if own > 0 { own } else { context.info_number(c"memory", c"maxmemory") },
        ratio: ratio(context),
    }
}

/// What endangers the data although nothing is wrong yet: a policy by which the server removes whole series.
pub fn warning(context: &Context<'_>) -> Option<String> {
    let policy = context.info_text(c"memory", c"maxmemory_policy");
    let is_bounded = context.info_number(c"memory", c"maxmemory") > 0;
    let takes = match policy.as_str() {
        _ if !is_bounded => return None,
        "" | "noeviction" => return None,
        volatile if volatile.starts_with("volatile-") => "IDLE gives them an expiry",
        _ => "whatever they hold",
    };
    Some(format!("maxmemory-policy {policy} removes whole series ({takes}); noeviction lets the memory modes work"))
}

/// Whether the server may remove markets together with their armed triggers, and that is not told yet.
static TAKES_STOPS: AtomicBool = AtomicBool::new(false);
/// The policies of which that was told.
static TOLD: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A trigger was set: tells once of each policy by which the server may remove it with its market. One that only takes
/// keys with an expiry cannot, as a market with triggers has none.
#[inline]
pub fn tell_of_stops(context: &Context<'_>) {
    if TAKES_STOPS.load(Ordering::Relaxed) && context.decides() {
        tell_of_policy(context);
    }
}

#[cold]
fn tell_of_policy(context: &Context<'_>) {
    TAKES_STOPS.store(false, Ordering::Relaxed);
    let policy = context.info_text(c"memory", c"maxmemory_policy");
    let line = format!(
        "liq: maxmemory-policy {policy} may remove a market and every trigger armed in it; noeviction does not"
    );
    context.log(Level::Warning, &line);
    if let Ok(mut told) = TOLD.lock() {
        told.push(policy);
    }
}

/// Looks whether the policy in force is such a one.
fn look_at_policy(context: &Context<'_>) {
    let policy = context.info_text(c"memory", c"maxmemory_policy");
    let is_told = TOLD.lock().is_ok_and(|told| told.contains(&policy));
    TAKES_STOPS.store(policy.starts_with("allkeys-") && !is_told, Ordering::Relaxed);
}

/// Used of what there is, in thousandths.
fn ratio(context: &Context<'_>) -> Option<u64> {
    match BUDGET.get() {
        0 => context.server_memory_ratio(),
        budget => Some(ffi::used_bytes().saturating_mul(1000) / budget),
    }
}

#[cold]
fn look(context: &Context<'_>) {
    ffi::note_looked();
    let (before, now) = (mode(), mode().at(ratio(context).unwrap_or(0)));
    if now != before {
        change(context, before, now);
    }
}

fn change(context: &Context<'_>, before: Mode, now: Mode) {
    MODE.store(now.index(), Ordering::Relaxed);
    SINCE_MS.store(context.now_ms(), Ordering::Relaxed);
    // Orders of other windows than the filter's are the first to go; they come back when asked for.
    set_room(if now == Mode::Normal { DEFAULT_ROOM_BYTES } else { 0 });
    let State { used, budget, ratio, .. } = state(context);
    let line = format!(
        "liq: memory mode {} after {}: {} % of {} used, {} by the module",
        now.name(),
        before.name(),
        ratio.unwrap_or(0) / 10,
        format_bytes(budget),
        format_bytes(used)
    );
    context.log(if now > before { Level::Warning } else { Level::Notice }, &line);
    context.notify_name(EVENT, EVENT_NAME);
    walk::begin();
}

const EVENT: &CStr = c"liq.mode";

/// The eyes of the modes.
pub struct Watch;

impl MemoryWatch for Watch {
    fn look(context: &Context<'_>) {
        /// Whether this server decided about its keys when it was looked at last.
        static DECIDED: AtomicBool = AtomicBool::new(true);
        look(context);
        // What another server decided, or what a file held, may be meant for more memory or less.
        let decides = context.decides();
        if decides && !DECIDED.swap(decides, Ordering::Relaxed) {
            walk::begin();
        }
        // So may be what was restored, moved here or copied, which a walk under way had passed by.
        if decides && mode() != Mode::Normal {
            walk::begin_for_what_came();
        }
        DECIDED.store(decides, Ordering::Relaxed);
    }

    fn configured(context: &Context<'_>) {
        // Who gives more memory need not wait for the cron until new series are made again.
        look(context);
        look_at_policy(context);
        // The same again at every change would fill the log; a policy is set once.
        static WARNED: Mutex<Option<String>> = Mutex::new(None);
        let warning = warning(context);
        let Ok(mut warned) = WARNED.lock() else { return };
        if *warned != warning {
            if let Some(warning) = &warning {
                context.log(Level::Warning, &format!("liq: {warning}"));
            }
            *warned = warning;
        }
    }
}
