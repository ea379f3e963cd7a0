//! Timers of the server, one of each kind at a time.

use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicU64, Ordering};

use redis_module::raw;

use super::Context;
use super::detached;
use super::guard::guard;

/// What happens when a timer goes off.
pub trait Alarm: 'static {
    /// Where its timer is kept.
    fn slot() -> &'static TimerSlot;

    /// It went off, on the server's main thread, outside of any command. The timer is gone; [`arm`] sets another.
    fn ring(context: &Context<'_>);
}

/// The timer of one kind, if it is set.
#[derive(Default)]
pub struct TimerSlot {
    /// The server's number for it; 0 without.
    id: AtomicU64,
}

impl TimerSlot {
    /// Not set.
    pub const fn new() -> Self {
        Self { id: AtomicU64::new(0) }
    }
}

/// Sets the timer of `A` to go off in `after_ms` (0: when the server has served this round), in place of one set before.
pub fn arm<A: Alarm>(after_ms: u64) {
    disarm::<A>();
    let after_ms = i64::try_from(after_ms).unwrap_or(i64::MAX / 2_000).min(i64::MAX / 2_000);
    // SAFETY: the detached context is the module's; the callback needs no data.
    let id = detached::with(|context| unsafe {
        api!(RedisModule_CreateTimer)(context.raw, after_ms, Some(ring::<A>), ptr::null_mut())
    });
    A::slot().id.store(id, Ordering::Relaxed);
}

/// Unsets the timer of `A`.
pub fn disarm<A: Alarm>() {
    let id = A::slot().id.swap(0, Ordering::Relaxed);
    if id != 0 {
        // SAFETY: the detached context is the module's; the server answers a number it does not know with an error.
        detached::with(|context| unsafe { api!(RedisModule_StopTimer)(context.raw, id, ptr::null_mut()) });
    }
}

unsafe extern "C" fn ring<A: Alarm>(context: *mut raw::RedisModuleCtx, _: *mut c_void) {
    guard(
        || (),
        || {
            A::slot().id.store(0, Ordering::Relaxed);
            // SAFETY: the server lends the context for this call.
            A::ring(&unsafe { Context::new(context) });
        },
    );
}
