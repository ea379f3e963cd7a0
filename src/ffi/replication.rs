//! What replicas and the append-only file are told of a write, and whether anyone hears it.
//!
//! Replicating a decided write costs about as much as judging an event, which is wasted on a server without append-only
//! file and replicas. The module interface does not tell cheaply whether there are any, so the server is asked, and asked
//! again after every event that a change of the answer must come with.

use std::ffi::{CStr, c_int, c_void};
use std::sync::atomic::{AtomicU8, Ordering};

use redis_module::raw;

use super::KeyName;
use super::call::Strings;
use super::context::Context;
use super::guard::guard;
use super::role;

static LISTENERS: AtomicU8 = AtomicU8::new(UNWATCHED);
/// The server would not tell when the answer changes, so somebody may always hear.
const UNWATCHED: u8 = 0;
/// To be asked.
const UNKNOWN: u8 = 1;
/// There was an append-only file, a cluster, a replica or a backlog for one when last asked.
const SOME: u8 = 2;
/// There was none of them when last asked, and nothing happened since.
const NONE: u8 = 3;

/// What a new listener cannot come without. An append-only file begins with a fork that writes it, and is fed from then on,
/// or with the server's start; a replica begins with a snapshot, which is a fork, or with a backlog, which
/// an earlier replica, a loaded file or a changed role left behind. A backlog that a replica waiting for its snapshot
/// brought counts from the next file on that is saved: who starts from that file goes on from the backlog.
const EVENTS: [u64; 6] = [
    raw::REDISMODULE_EVENT_FORK_CHILD,
    raw::REDISMODULE_EVENT_PERSISTENCE,
    raw::REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED,
    raw::REDISMODULE_EVENT_REPLICA_CHANGE,
    raw::REDISMODULE_EVENT_MASTER_LINK_CHANGE,
    raw::REDISMODULE_EVENT_LOADING,
];

/// Subscribes to the events; without them there are always listeners.
///
/// # Safety
/// `context` is that of the module's load.
pub(super) unsafe fn watch(context: *mut raw::RedisModuleCtx) {
    let watched = EVENTS.iter().all(|id| {
        let event = raw::RedisModuleEvent { id: *id, dataver: 1 };
        // SAFETY: the caller's promise; the callback has the signature of the server's events.
        unsafe { api!(RedisModule_SubscribeToServerEvent)(context, event, Some(forget)) == 0 }
    });
    LISTENERS.store(if watched { UNKNOWN } else { UNWATCHED }, Ordering::Relaxed);
}

unsafe extern "C" fn forget(_: *mut raw::RedisModuleCtx, event: raw::RedisModuleEvent, _: u64, _: *mut c_void) {
    guard(
        || (),
        || {
            role::forget();
            if event.id == raw::REDISMODULE_EVENT_REPLICATION_ROLE_CHANGED {
                role::changed();
            }
            if LISTENERS.load(Ordering::Relaxed) != UNWATCHED {
                LISTENERS.store(UNKNOWN, Ordering::Relaxed);
            }
        },
    );
}

impl Context<'_> {
    /// Sends `command key argument …` to the replicas and the append-only file.
    pub fn replicate(&self, command: &CStr, key: KeyName<'_>, arguments: &[&[u8]]) {
        let replicate = api!(RedisModule_Replicate);
        if let [only] = arguments {
            // SAFETY: the format names a string of the server, then a pointer with its length, which both outlive the call.
            unsafe { replicate(self.raw, command.as_ptr(), c"sb".as_ptr(), key.raw, only.as_ptr(), only.len()) };
            return;
        }
        let strings = Strings::new(self, arguments.iter().copied());
        // SAFETY: the format names a string of the server and a vector of them with its length; all outlive the call.
        unsafe { replicate(self.raw, command.as_ptr(), c"sv".as_ptr(), key.raw, strings.as_ptr(), strings.len()) };
    }

    /// Sends the running command as it came.
    pub fn replicate_verbatim(&self) {
        // SAFETY: the context is that of the running command.
        unsafe { api!(RedisModule_ReplicateVerbatim)(self.raw) };
    }

    /// Whether nobody hears of a write: no append-only file, no replicas, no cluster whose slots could be moved.
    pub fn is_unheard(&self) -> bool {
        match LISTENERS.load(Ordering::Relaxed) {
            UNKNOWN => self.ask() == NONE,
            known => known == NONE,
        }
    }

    #[cold]
    fn ask(&self) -> u8 {
        let listens = self.has_flag(raw::REDISMODULE_CTX_FLAGS_AOF | raw::REDISMODULE_CTX_FLAGS_CLUSTER);
        // SAFETY: the context is that of the running call; the data is freed once, after the fields were read.
        let replicas = unsafe {
            let info = api!(RedisModule_GetServerInfo)(self.raw, c"replication".as_ptr());
            let is_zero = |field: &CStr| {
                let mut error: c_int = 0;
                let value = api!(RedisModule_ServerInfoGetFieldUnsigned)(info, field.as_ptr(), &raw mut error);
                error == 0 && value == 0
            };
            let none = is_zero(c"connected_slaves") && is_zero(c"repl_backlog_active");
            api!(RedisModule_FreeServerInfo)(self.raw, info);
            !none
        };
        let listeners = if listens || replicas { SOME } else { NONE };
        LISTENERS.store(listeners, Ordering::Relaxed);
        listeners
    }
}
