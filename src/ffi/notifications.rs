//! Keyspace events, heard only as long as somebody asked for them.
//!
//! The server tells modules of events whatever `notify-keyspace-events` says, and each telling costs some hundred
//! instructions, so nothing is subscribed to before it is needed. Servers before Redis 8.2 cannot be told to stop: there
//! the callbacks return at once.

use std::ffi::{CStr, c_char, c_int};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use redis_module::raw;

use super::Context;
use super::argument::bytes_of;
use super::deferred::{LateSettler, defer};
use super::detached;
use super::guard::guard;

/// What became of a key that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Loss {
    /// It was read and is not there.
    Missed,
    /// It expired.
    Expired,
    /// It was evicted to free memory.
    Evicted,
}

/// Who wants to hear of keys.
pub trait KeyWatcher: LateSettler {
    /// Something became of the key `name`.
    fn lost(loss: Loss, name: &[u8]);

    /// Whether the key `name`, which was made or replaced, or whose expiry changed, is to be settled when the step is over.
    fn concerns(name: &[u8]) -> bool;
}

/// Subscribes to what is lost, and to changes, or ends it where the server allows that.
pub fn watch<W: KeyWatcher>(losses: bool, changes: bool) {
    LOSSES.turn(losses, LOSS_CLASSES, lost::<W>);
    CHANGES.turn(changes, change_classes(), changed::<W>);
}

type Callback =
    unsafe extern "C" fn(*mut raw::RedisModuleCtx, c_int, *const c_char, *mut raw::RedisModuleString) -> c_int;

/// A subscription.
struct Subscription {
    /// The classes the server was asked for; 0 for none.
    classes: AtomicI32,
    is_wanted: AtomicBool,
}

static LOSSES: Subscription = Subscription::new();
static CHANGES: Subscription = Subscription::new();

const LOSS_CLASSES: c_int =
    raw::REDISMODULE_NOTIFY_KEY_MISS | raw::REDISMODULE_NOTIFY_EXPIRED | raw::REDISMODULE_NOTIFY_EVICTED;

/// What is replaced is told by the command's own event, of a class for each type …
const BY_TYPE: c_int = raw::REDISMODULE_NOTIFY_STRING
    | raw::REDISMODULE_NOTIFY_LIST
    | raw::REDISMODULE_NOTIFY_SET
    | raw::REDISMODULE_NOTIFY_ZSET;

/// The classes of events that a key's expiry may have changed with. Redis 8.2 and newer tell of what is replaced by itself,
/// which spares every other write to hear of it.
fn change_classes() -> c_int {
    // SAFETY: read only after the server wrote it; the function has no requirement.
    let known = unsafe { raw::RedisModule_GetKeyspaceNotificationFlagsAll.map_or(0, |all| all()) };
    let replaced =
        if known & raw::REDISMODULE_NOTIFY_OVERWRITTEN != 0 { raw::REDISMODULE_NOTIFY_OVERWRITTEN } else { BY_TYPE };
    raw::REDISMODULE_NOTIFY_NEW | raw::REDISMODULE_NOTIFY_GENERIC | replaced
}

impl Subscription {
    const fn new() -> Self {
        Self { classes: AtomicI32::new(0), is_wanted: AtomicBool::new(false) }
    }

    fn turn(&self, wanted: bool, classes: c_int, callback: Callback) {
        self.is_wanted.store(wanted, Ordering::Relaxed);
        let subscribed = self.classes.load(Ordering::Relaxed);
        detached::with(|context| {
            if wanted && subscribed == 0 {
                // SAFETY: the context is the module's; the callback has the signature of the server's events.
                let status =
                    unsafe { api!(RedisModule_SubscribeToKeyspaceEvents)(context.raw, classes, Some(callback)) };
                self.classes.store(if status == 0 { classes } else { 0 }, Ordering::Relaxed);
            } else if !wanted && subscribed != 0 {
                // SAFETY: read only after the server wrote it; what is ended was subscribed to with the same words.
                let ended = unsafe {
                    raw::RedisModule_UnsubscribeFromKeyspaceEvents
                        .is_some_and(|end| end(context.raw, subscribed, Some(callback)) == 0)
                };
                if ended {
                    self.classes.store(0, Ordering::Relaxed);
                }
            }
        });
    }

    fn is_wanted(&self) -> bool {
        self.is_wanted.load(Ordering::Relaxed)
    }
}

unsafe extern "C" fn lost<W: KeyWatcher>(
    _: *mut raw::RedisModuleCtx,
    class: c_int,
    _: *const c_char,
    key: *mut raw::RedisModuleString,
) -> c_int {
    if LOSSES.is_wanted() {
        let loss = match class {
            raw::REDISMODULE_NOTIFY_KEY_MISS => Loss::Missed,
            raw::REDISMODULE_NOTIFY_EXPIRED => Loss::Expired,
            _ => Loss::Evicted,
        };
        // SAFETY: the server lends the name for this call.
        guard(|| (), || W::lost(loss, unsafe { bytes_of(key) }));
    }
    0
}

unsafe extern "C" fn changed<W: KeyWatcher>(
    context: *mut raw::RedisModuleCtx,
    class: c_int,
    event: *const c_char,
    key: *mut raw::RedisModuleString,
) -> c_int {
    if CHANGES.is_wanted() {
        guard(
            || (),
            || {
                // SAFETY: the server lends context, event and name for this call.
                unsafe {
                    let event = CStr::from_ptr(event);
                    let context = Context::new(context);
                    if W::concerns(bytes_of(key)) && may_change_expiry(class, event) && context.decides() {
                        defer::<W>(&context, key);
                    }
                    if class == raw::REDISMODULE_NOTIFY_GENERIC {
                        lead_back(&context, event);
                    }
                }
            },
        );
    }
    0
}

/// The database of the key that is being moved.
static MOVED_FROM: AtomicI32 = AtomicI32::new(0);

/// Puts the client of a MOVE back into its database. Valkey 8.1 and 9.0 select the database of an event for the client
/// itself and leave it there, so that the MOVE would be recorded in the wrong database, and the client's next command
/// be carried out there. Elsewhere the context is of no client, and nothing is changed.
fn lead_back(context: &Context<'_>, event: &CStr) {
    match event.to_bytes() {
        b"move_from" => MOVED_FROM.store(context.selected_db(), Ordering::Relaxed),
        b"move_to" => {
            context.select_db(MOVED_FROM.load(Ordering::Relaxed));
        }
        _ => {}
    }
}

/// Whether a key of this event may have another expiry than it had: it is new, was replaced, renamed, copied, restored,
/// or its expiry was set.
fn may_change_expiry(class: c_int, event: &CStr) -> bool {
    let event = event.to_bytes();
    match class {
        raw::REDISMODULE_NOTIFY_STRING => event == b"set",
        raw::REDISMODULE_NOTIFY_GENERIC => {
            matches!(event, b"expire" | b"persist" | b"rename_to" | b"restore" | b"copy_to" | b"move_to")
        }
        raw::REDISMODULE_NOTIFY_LIST | raw::REDISMODULE_NOTIFY_SET | raw::REDISMODULE_NOTIFY_ZSET => {
            event.ends_with(b"store")
        }
        _ => true,
    }
}
