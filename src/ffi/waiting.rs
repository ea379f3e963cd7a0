//! Clients that wait for their reply while the server goes on.

use std::ffi::{c_int, c_void};
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use redis_module::raw;

use super::context::Context;
use super::guard::guard;

/// What a client waits for.
pub trait Awaited: Sized + Send + 'static {
    /// Replies it.
    fn tell(&self, context: &Context<'_>);
}

/// A client that waits for an `A`. Dropped without one, it is told so.
pub struct WaitingClient<A: Awaited> {
    raw: NonNull<raw::RedisModuleBlockedClient>,
    awaited: PhantomData<A>,
}

// SAFETY: used on the server's main thread only; the bounds of a `static` ask for more than what happens.
unsafe impl<A: Awaited> Send for WaitingClient<A> {}

impl Context<'_> {
    /// Lets the client of the running command wait without an end; `None` where nobody may: in a transaction, in a script,
    /// and where another module calls.
    pub fn wait_for<A: Awaited>(&self) -> Option<WaitingClient<A>> {
        const NOWHERE: u32 = raw::REDISMODULE_CTX_FLAGS_MULTI
            | raw::REDISMODULE_CTX_FLAGS_LUA
            | raw::REDISMODULE_CTX_FLAGS_DENY_BLOCKING;
        if self.has_flag(NOWHERE) {
            return None;
        }
        // SAFETY: the context is that of the running command; both callbacks get what `end` hands over, an `A` or null.
        let raw = unsafe { api!(RedisModule_BlockClient)(self.raw, Some(tell::<A>), None, Some(drop_box::<A>), 0) };
        NonNull::new(raw).map(|raw| WaitingClient { raw, awaited: PhantomData })
    }
}

impl<A: Awaited> WaitingClient<A> {
    /// Ends the waiting. A client that went away meanwhile is told nothing.
    pub fn end(self, awaited: A) {
        let raw = self.raw;
        std::mem::forget(self);
        unblock(raw, Box::into_raw(Box::new(awaited)).cast());
    }
}

impl<A: Awaited> Drop for WaitingClient<A> {
    fn drop(&mut self) {
        unblock(self.raw, ptr::null_mut());
    }
}

fn unblock(client: NonNull<raw::RedisModuleBlockedClient>, awaited: *mut c_void) {
    // SAFETY: the client was made to wait in `wait_for`, and its waiting ends once: `end` forgets what `drop` would end.
    unsafe { api!(RedisModule_UnblockClient)(client.as_ptr(), awaited) };
}

unsafe extern "C" fn tell<A: Awaited>(
    context: *mut raw::RedisModuleCtx,
    _: *mut *mut raw::RedisModuleString,
    _: c_int,
) -> c_int {
    guard(
        || (),
        || {
            // SAFETY: the server lends the context for this call, and has what `unblock` handed over until `drop_box`.
            unsafe {
                let awaited: *const A = api!(RedisModule_GetBlockedClientPrivateData)(context).cast();
                let context = Context::new(context);
                match awaited.as_ref() {
                    Some(awaited) => awaited.tell(&context),
                    None => {
                        context.reply_error("ERR what was waited for was given up; the server's log has the details")
                    }
                }
            }
        },
    );
    0
}

unsafe extern "C" fn drop_box<A: Awaited>(_: *mut raw::RedisModuleCtx, awaited: *mut c_void) {
    if !awaited.is_null() {
        // SAFETY: boxed in `end`, and dropped once.
        guard(|| (), || drop(unsafe { Box::from_raw(awaited.cast::<A>()) }));
    }
}
