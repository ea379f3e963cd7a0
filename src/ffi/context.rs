//! What a command may ask of the server, apart from keys, which `keyspace` opens.

use std::cell::Cell;
use std::ffi::{CStr, CString};
use std::marker::PhantomData;
use std::ptr;

use redis_module::raw;

use super::KeyName;

/// How loud a line in the server's log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Normal, worth knowing.
    Notice,
    /// Something is wrong.
    Warning,
}

impl Level {
    pub(super) const fn name(self) -> &'static CStr {
        match self {
            Self::Notice => c"notice",
            Self::Warning => c"warning",
        }
    }
}

/// The server during one call into the module, on its main thread.
pub struct Context<'call> {
    pub(super) raw: *mut raw::RedisModuleCtx,
    flags: Cell<Option<u32>>,
    call: PhantomData<&'call ()>,
}

/// The id under which the server runs the commands of its append-only file.
const AOF_CLIENT: u64 = u64::MAX;

impl Context<'_> {
    /// # Safety
    /// `raw` is the context the server gave to the running entry, which `'call` does not outlive.
    pub(super) unsafe fn new(raw: *mut raw::RedisModuleCtx) -> Self {
        Self { raw, flags: Cell::new(None), call: PhantomData }
    }

    /// The clock, Unix milliseconds: that of the command's start where the server tells it.
    pub fn now_ms(&self) -> u64 {
        // SAFETY: neither function has a requirement.
        let now_ms = unsafe {
            match raw::RedisModule_CachedMicroseconds {
                Some(cached) => cached() / 1000,
                None => api!(RedisModule_Milliseconds)(),
            }
        };
        u64::try_from(now_ms).unwrap_or(0)
    }

    /// Whether one of `flags` is set; asked once per call, since nothing a command does changes those it asks for.
    pub(super) fn has_flag(&self, flags: u32) -> bool {
        let all = self.flags.get().unwrap_or_else(|| {
            // SAFETY: the context is that of the running call.
            let all = unsafe { api!(RedisModule_GetContextFlags)(self.raw) }.cast_unsigned();
            self.flags.set(Some(all));
            all
        });
        all & flags != 0
    }

    /// Whether the client reads RESP3.
    pub fn speaks_resp3(&self) -> bool {
        self.has_flag(raw::REDISMODULE_CTX_FLAGS_RESP3)
    }

    /// Whether the command comes from this server's primary or from its append-only file, not from a client.
    pub fn is_replayed(&self) -> bool {
        // SAFETY: the context is that of the running call.
        let client = unsafe { api!(RedisModule_GetClientId)(self.raw) };
        client == AOF_CLIENT || self.has_flag(raw::REDISMODULE_CTX_FLAGS_REPLICATED)
    }

    /// Whether the server is above its `maxmemory` and can evict nothing more.
    pub fn is_out_of_memory(&self) -> bool {
        self.has_flag(raw::REDISMODULE_CTX_FLAGS_OOM)
    }

    /// Whether the server is a node of a cluster.
    pub fn is_cluster(&self) -> bool {
        self.has_flag(raw::REDISMODULE_CTX_FLAGS_CLUSTER)
    }

    /// The database that keys are opened in.
    pub(super) fn selected_db(&self) -> i32 {
        // SAFETY: the context is that of the running call.
        unsafe { api!(RedisModule_GetSelectedDb)(self.raw) }
    }

    /// Opens keys in another database from now on; false when there is none of this number.
    pub fn select_db(&self, db: i32) -> bool {
        // SAFETY: the context is that of the running call.
        unsafe { api!(RedisModule_SelectDb)(self.raw, db) == 0 }
    }

    /// Writes one line to the server's log.
    pub fn log(&self, level: Level, line: &str) {
        log(self.raw, level, line);
    }

    /// Tells watchers (WATCH, client-side caches) that the key changed.
    pub fn signal_modified(&self, key: KeyName<'_>) {
        // SAFETY: the context and the name belong to the running call.
        unsafe { api!(RedisModule_SignalModifiedKey)(self.raw, key.raw) };
    }

    /// Publishes a keyspace event of the module class.
    pub fn notify(&self, event: &CStr, key: KeyName<'_>) {
        // SAFETY: the context and the name belong to the running call; the event is a C string.
        unsafe {
            let class = raw::REDISMODULE_NOTIFY_MODULE;
            api!(RedisModule_NotifyKeyspaceEvent)(self.raw, class, event.as_ptr(), key.raw)
        };
    }
}

/// Replies. A command sends exactly one, aggregates counting with their elements; `reply` sees to the protocols.
impl Context<'_> {
    pub(crate) fn reply_map(&self, len: usize) {
        // SAFETY: the context is that of the running command; so below.
        unsafe { api!(RedisModule_ReplyWithMap)(self.raw, len as _) };
    }

    pub(crate) fn reply_array(&self, len: usize) {
        // SAFETY: as in `reply_map`.
        unsafe { api!(RedisModule_ReplyWithArray)(self.raw, len as _) };
    }

    pub(crate) fn reply_bytes(&self, bytes: &[u8]) {
        // SAFETY: as in `reply_map`; the bytes are copied.
        unsafe { api!(RedisModule_ReplyWithStringBuffer)(self.raw, bytes.as_ptr().cast(), bytes.len()) };
    }

    pub(crate) fn reply_integer(&self, value: i64) {
        // SAFETY: as in `reply_map`.
        unsafe { api!(RedisModule_ReplyWithLongLong)(self.raw, value) };
    }

    /// For RESP3 only: older servers print doubles with too many digits for RESP2.
    pub(crate) fn reply_double(&self, value: f64) {
        // SAFETY: as in `reply_map`.
        unsafe { api!(RedisModule_ReplyWithDouble)(self.raw, value) };
    }

    pub(crate) fn reply_boolean(&self, value: bool) {
        // SAFETY: as in `reply_map`.
        unsafe { api!(RedisModule_ReplyWithBool)(self.raw, value.into()) };
    }

    pub(crate) fn reply_null(&self) {
        // SAFETY: as in `reply_map`.
        unsafe { api!(RedisModule_ReplyWithNull)(self.raw) };
    }

    /// A status such as `OK`.
    pub fn reply_status(&self, status: &CStr) {
        // SAFETY: as in `reply_map`; the status is a C string.
        unsafe { api!(RedisModule_ReplyWithSimpleString)(self.raw, status.as_ptr()) };
    }

    /// An error; `message` starts with its code word.
    pub fn reply_error(&self, message: &str) {
        let message = c_string(message);
        // SAFETY: as in `reply_map`; the message is a C string.
        unsafe { api!(RedisModule_ReplyWithError)(self.raw, message.as_ptr()) };
    }

    /// The server's own words for a wrong number of arguments of the running command.
    pub fn reply_wrong_arity(&self) {
        // SAFETY: as in `reply_map`.
        unsafe { api!(RedisModule_WrongArity)(self.raw) };
    }
}

/// `text` for the server, without what would end a C string early.
pub(super) fn c_string(text: &str) -> CString {
    let mut bytes = text.as_bytes().to_vec();
    bytes.retain(|byte| *byte != 0);
    CString::new(bytes).unwrap_or_default()
}

/// Writes one line to the server's log, from any thread.
pub fn log_anywhere(level: Level, line: &str) {
    log(ptr::null_mut(), level, line);
}

fn log(context: *mut raw::RedisModuleCtx, level: Level, line: &str) {
    let line = c_string(line);
    // SAFETY: read only after the server wrote it; without it there is nowhere to log. A null context is allowed, and the
    // format takes one C string.
    unsafe {
        if let Some(log) = raw::RedisModule_Log {
            log(context, level.name().as_ptr(), c"%s".as_ptr(), line.as_ptr());
        }
    }
}
