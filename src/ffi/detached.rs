//! A context that belongs to no call, for what parameters start: the server hands them none.

use std::ptr;
use std::sync::atomic::{AtomicPtr, Ordering};

use redis_module::raw;

use super::Context;

static DETACHED: AtomicPtr<raw::RedisModuleCtx> = AtomicPtr::new(ptr::null_mut());

/// Makes the context.
///
/// # Safety
/// `context` is that of the module's load.
pub(super) unsafe fn make(context: *mut raw::RedisModuleCtx) {
    // SAFETY: the caller's promise. It is never freed: the module is never unloaded.
    let detached = unsafe { api!(RedisModule_GetDetachedThreadSafeContext)(context) };
    DETACHED.store(detached, Ordering::Relaxed);
}

/// Lends the context to `body`. Only on the server's main thread, where the server's functions may be called without its
/// lock.
pub(super) fn with<R>(body: impl FnOnce(&Context<'_>) -> R) -> R {
    // SAFETY: made at load, before anything that could come here, and never freed.
    let context = unsafe { Context::new(DETACHED.load(Ordering::Relaxed)) };
    body(&context)
}
