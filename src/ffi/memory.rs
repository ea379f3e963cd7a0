//! What the server tells of its memory, and when it is worth asking: with its cron, and when its configuration changed.

use std::ffi::{CStr, c_int, c_void};

use redis_module::raw;

use super::KeyName;
use super::argument::bytes_of;
use super::call::Strings;
use super::context::Context;
use super::guard::guard;

/// Who looks at how much memory is used.
pub trait MemoryWatch: 'static {
    /// Some tens of a second have passed.
    fn look(context: &Context<'_>);

    /// The server's configuration changed, or the module was just loaded.
    fn configured(context: &Context<'_>);
}

/// Has `W` look from now on; where it cannot, nothing stays subscribed to.
///
/// # Safety
/// `context` is that of the module's load.
pub(super) unsafe fn watch<W: MemoryWatch>(context: *mut raw::RedisModuleCtx) -> bool {
    let subscribe = |id, entry| {
        let event = raw::RedisModuleEvent { id, dataver: 1 };
        // SAFETY: the caller's promise; the callback has the signature of the server's events.
        unsafe { api!(RedisModule_SubscribeToServerEvent)(context, event, entry) == 0 }
    };
    if !subscribe(raw::REDISMODULE_EVENT_CRON_LOOP, Some(look::<W>)) {
        return false;
    }
    let is_watched = subscribe(raw::REDISMODULE_EVENT_CONFIG, Some(configured::<W>));
    if !is_watched {
        subscribe(raw::REDISMODULE_EVENT_CRON_LOOP, None);
    }
    is_watched
}

unsafe extern "C" fn look<W: MemoryWatch>(
    context: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    _: u64,
    _: *mut c_void,
) {
    // SAFETY: the server lends the context for this call.
    guard(|| (), || W::look(&unsafe { Context::new(context) }));
}

unsafe extern "C" fn configured<W: MemoryWatch>(
    context: *mut raw::RedisModuleCtx,
    _: raw::RedisModuleEvent,
    _: u64,
    _: *mut c_void,
) {
    // SAFETY: the server lends the context for this call.
    guard(|| (), || W::configured(&unsafe { Context::new(context) }));
}

impl Context<'_> {
    /// Used memory in thousandths of `maxmemory`; `None` without one.
    pub fn server_memory_ratio(&self) -> Option<u64> {
        // SAFETY: the function has no requirement.
        let ratio = unsafe { api!(RedisModule_GetUsedMemoryRatio)() };
        (ratio > 0.0).then_some((f64::from(ratio) * 1000.0) as u64)
    }

    /// A number from a section of the server's INFO; 0 when there is none of the name.
    pub fn info_number(&self, section: &CStr, field: &CStr) -> u64 {
        let mut error: c_int = 0;
        // SAFETY: the context is that of the running call; the data is freed once, after the field was read.
        unsafe {
            let info = api!(RedisModule_GetServerInfo)(self.raw, section.as_ptr());
            let value = api!(RedisModule_ServerInfoGetFieldUnsigned)(info, field.as_ptr(), &raw mut error);
            api!(RedisModule_FreeServerInfo)(self.raw, info);
            if error == 0 { value } else { 0 }
        }
    }

    /// A text from a section of the server's INFO; empty when there is none of the name.
    pub fn info_text(&self, section: &CStr, field: &CStr) -> String {
        // SAFETY: as in `info_number`; the text is copied before the data is freed.
        unsafe {
            let info = api!(RedisModule_GetServerInfo)(self.raw, section.as_ptr());
            let value = api!(RedisModule_ServerInfoGetFieldC)(info, field.as_ptr());
            let text =
                if value.is_null() { String::new() } else { CStr::from_ptr(value).to_string_lossy().into_owned() };
            api!(RedisModule_FreeServerInfo)(self.raw, info);
            text
        }
    }

    /// Publishes a keyspace event of the module class on a name that is no argument.
    pub fn notify_name(&self, event: &CStr, name: &[u8]) {
        let names = Strings::new(self, std::iter::once(name));
        // SAFETY: one string was made, and lives until the names are dropped.
        let (raw, bytes) = unsafe { (*names.as_ptr(), bytes_of(*names.as_ptr())) };
        self.notify(event, KeyName::held(raw, bytes));
    }
}
