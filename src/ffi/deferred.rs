//! Keys that something happened to, looked at when the step that did it is over.
//!
//! Inside a keyspace event nothing may be written: on Redis 7.0 it would reach replicas before its cause, newer servers
//! end. So the names are held, and the keys are opened by a job of the server's behind the step, which still belongs to the
//! same transaction (Redis 7.2, Valkey 8.0, and newer), or else by a timer at the end of the server's round. An event-loop
//! callback would not do: it may not replicate on Redis 7.0.

use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, TryLockError};

use redis_module::raw;

use super::argument::bytes_of;
use super::database::Database;
use super::guard::guard;
use super::persisted::is_own_type;
use super::timer::{self, Alarm, TimerSlot};
use super::{Context, KeyName};

/// Most keys held for one step; what a script writes beyond them is left alone.
const MOST_HELD: usize = 65_536;

/// Room that is kept from one step to the next.
const ROOM_KEPT: usize = 1_024;

/// How soon servers without jobs look again while they are paused.
const PAUSED_MS: u64 = 10;

/// Who looks at keys.
pub trait Settler: 'static {
    /// Decides what becomes of the key.
    fn settle(key: &mut LateKey<'_>);
}

/// Who looks at keys when the step that did something to them is over.
pub trait LateSettler: Settler {
    /// So many keys were not held, and will not be looked at.
    fn dropped(keys: u64);

    /// Where the timer is kept that servers without jobs need.
    fn slot() -> &'static TimerSlot;
}

/// Names held since the step began.
struct Held {
    names: Vec<HeldName>,
    /// So many at the front are sorted, and each is there once.
    joined: usize,
    /// The last one that there was no room for.
    last_dropped: Option<HeldName>,
    /// Whether the server was asked to come back.
    is_scheduled: bool,
}

impl Held {
    const NONE: Self = Self { names: Vec::new(), joined: 0, last_dropped: None, is_scheduled: false };

    /// Whether the key is known to be held: one command tells of it more than once (made, set, given an expiry), and a
    /// script comes back to it.
    fn holds(&self, key: (Database, &[u8])) -> bool {
        let joined = self.names.get(..self.joined).unwrap_or_default();
        self.names.last().is_some_and(|last| last.key() == key)
            || joined.binary_search_by(|held| held.key().cmp(&key)).is_ok()
    }

    /// Whether there is room for another one. Before it is denied, what came twice is joined.
    fn has_room(&mut self) -> bool {
        if self.names.len() >= MOST_HELD && self.joined < self.names.len() {
            self.names.sort_by(|one, next| one.key().cmp(&next.key()));
            self.names.dedup_by(|one, next| one.key() == next.key());
            self.joined = self.names.len();
        }
        self.names.len() < MOST_HELD
    }
}

/// A name that the server keeps for us, and the database it is of.
pub(super) struct HeldName {
    db: Database,
    raw: *mut raw::RedisModuleString,
}

// SAFETY: a string may be let go of from any place of the main thread, which alone comes here; the bounds of a `static`
// ask for more than what happens.
unsafe impl Send for HeldName {}

impl HeldName {
    /// Holds `name`, which may live on the server's stack.
    ///
    /// # Safety
    /// `name` is a string of the server.
    pub(super) unsafe fn new(db: Database, name: *mut raw::RedisModuleString) -> Self {
        // SAFETY: the caller's promise; without a context the string is ours to free, which `drop` does.
        Self { db, raw: unsafe { api!(RedisModule_HoldString)(ptr::null_mut(), name) } }
    }

    pub(super) const fn db(&self) -> Database {
        self.db
    }

    fn key(&self) -> (Database, &[u8]) {
        (self.db, self.bytes())
    }

    pub(super) fn key_name(&self) -> KeyName<'_> {
        KeyName::held(self.raw, self.bytes())
    }

    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: held, so it lives as long as this.
        unsafe { bytes_of(self.raw) }
    }
}

impl Drop for HeldName {
    fn drop(&mut self) {
        // SAFETY: held in `new` without a context, and let go of once.
        unsafe { api!(RedisModule_FreeString)(ptr::null_mut(), self.raw) };
    }
}

static HELD: Mutex<Held> = Mutex::new(Held::NONE);

/// The names, unless somebody up the stack has them.
fn with_held<R>(body: impl FnOnce(&mut Held) -> R) -> Option<R> {
    match HELD.try_lock() {
        Ok(mut held) => Some(body(&mut held)),
        Err(TryLockError::Poisoned(poisoned)) => Some(body(&mut poisoned.into_inner())),
        Err(TryLockError::WouldBlock) => None,
    }
}

/// Has `S` look at `key`, in the database that `context` has selected, when the step is over.
///
/// # Safety
/// `key` is a string of the server.
pub(super) unsafe fn defer<S: LateSettler>(context: &Context<'_>, key: *mut raw::RedisModuleString) {
    let db = Database::of(context.selected_db());
    let taken = with_held(|held| {
        // SAFETY: the caller's promise, and the server keeps it for the running event.
        let name = unsafe { bytes_of(key) };
        let dropped = held.last_dropped.as_ref();
        if held.holds((db, name)) || dropped.is_some_and(|dropped| dropped.key() == (db, name)) {
            return true;
        }
        // Joining only sorts the names: a key that was not the last one may be among them.
        if !held.has_room() && held.holds((db, name)) {
            return true;
        }
        // SAFETY: the caller's promise.
        let held_name = unsafe { HeldName::new(db, key) };
        if !held.has_room() {
            held.last_dropped = Some(held_name);
            return false;
        }
        held.names.push(held_name);
        if !held.is_scheduled {
            held.is_scheduled = schedule::<S>(context);
            if !held.is_scheduled {
                held.names.clear();
            }
        }
        held.is_scheduled
    });
    if taken != Some(true) {
        S::dropped(1);
    }
}

/// Asks the server to come back behind the step; false when it refuses.
fn schedule<S: LateSettler>(context: &Context<'_>) -> bool {
    // SAFETY: read only after the server wrote it.
    let Some(add_job) = (unsafe { raw::RedisModule_AddPostNotificationJob }) else {
        timer::arm::<Late<S>>(0);
        return true;
    };
    // SAFETY: the context is that of the running event; the job needs no data, so there is nothing to free.
    unsafe { add_job(context.raw, Some(job::<S>), ptr::null_mut(), Some(nothing_to_free)) == 0 }
}

unsafe extern "C" fn nothing_to_free(_: *mut c_void) {}

unsafe extern "C" fn job<S: LateSettler>(context: *mut raw::RedisModuleCtx, _: *mut c_void) {
    // SAFETY: the server lends the context for this call.
    guard(|| (), || settle_all::<S>(&unsafe { Context::new(context) }));
}

/// The timer of servers without jobs.
struct Late<S>(S);

impl<S: LateSettler> Alarm for Late<S> {
    fn slot() -> &'static TimerSlot {
        S::slot()
    }

    fn ring(context: &Context<'_>) {
        // The write was in time, its expiry is not any more: unlike a job, this is no part of the step.
        if context.decides() && !context.may_write() {
            return timer::arm::<Self>(PAUSED_MS);
        }
        settle_all::<S>(context);
    }
}

fn settle_all<S: Settler>(context: &Context<'_>) {
    let names = with_held(|held| {
        (held.joined, held.last_dropped, held.is_scheduled) = (0, None, false);
        std::mem::take(&mut held.names)
    });
    let Some(mut names) = names else { return };
    // Roles may have changed since: what a replica holds is its primary's to decide.
    if context.decides() {
        settle::<S>(context, &names);
    }
    names.clear();
    names.shrink_to(ROOM_KEPT);
    with_held(|held| {
        if held.names.is_empty() {
            held.names = names;
        }
    });
}

/// Has `S` look at every key of `names`.
pub(super) fn settle<S: Settler>(context: &Context<'_>, names: &[HeldName]) {
    let mut selected = None;
    for name in names {
        // Nearly all of a step are of one database.
        if selected != Some(name.db) {
            selected = context.select_db(name.db.number()).then_some(name.db);
        }
        if selected.is_some()
            && let Some(mut key) = LateKey::open(context, name)
        {
            S::settle(&mut key);
        }
    }
}

/// A key open for looking, and for giving it another expiry.
pub struct LateKey<'call> {
    context: &'call Context<'call>,
    name: &'call HeldName,
    raw: *mut raw::RedisModuleKey,
}

impl<'call> LateKey<'call> {
    /// Opens the key. For writing, as that counts neither as a hit nor a miss.
    fn open(context: &'call Context<'call>, name: &'call HeldName) -> Option<Self> {
        const MODE: u32 = raw::REDISMODULE_READ | raw::REDISMODULE_WRITE | raw::REDISMODULE_OPEN_KEY_NOTOUCH;
        // SAFETY: the context is that of the running call, and the name is held.
        let raw = unsafe { api!(RedisModule_OpenKey)(context.raw, name.raw, MODE.cast_signed()) };
        (!raw.is_null()).then_some(Self { context, name, raw })
    }

    /// Whether it is there; it may have gone since the name was noted.
    pub fn is_there(&self) -> bool {
        // SAFETY: the key is open.
        unsafe { api!(RedisModule_KeyType)(self.raw) as isize != raw::REDISMODULE_KEYTYPE_EMPTY }
    }

    /// Its name.
    pub fn name(&self) -> &[u8] {
        self.name.bytes()
    }

    /// The server while it looks.
    pub fn context(&self) -> &Context<'call> {
        self.context
    }

    /// When it expires, Unix milliseconds; `None` for never, and where it is not there: Redis 8.6 ends when it is asked then.
    pub fn expires_at_ms(&self) -> Option<u64> {
        if !self.is_there() {
            return None;
        }
        // SAFETY: the key is open, and there.
        u64::try_from(unsafe { api!(RedisModule_GetAbsExpire)(self.raw) }).ok()
    }

    /// Whether it holds a value of one of this module's types.
    pub fn is_own(&self) -> bool {
        // SAFETY: the key is open.
        is_own_type(unsafe { api!(RedisModule_ModuleTypeGetType)(self.raw) })
    }

    /// Sets when it expires, here, on replicas and in the append-only file. Watchers are not told: the value is the same.
    pub fn expire_at_ms(&mut self, at_ms: u64) {
        let at_ms = i64::try_from(at_ms).unwrap_or(i64::MAX);
        // SAFETY: the key is open for writing.
        if unsafe { api!(RedisModule_SetAbsExpire)(self.raw, at_ms) } == 0 {
            let name = KeyName::held(self.name.raw, self.name.bytes());
            self.context.replicate(c"PEXPIREAT", name, &[at_ms.to_string().as_bytes()]);
        }
    }
}

impl Drop for LateKey<'_> {
    fn drop(&mut self) {
        // SAFETY: opened in `open`, and closed once.
        unsafe { api!(RedisModule_CloseKey)(self.raw) };
    }
}
