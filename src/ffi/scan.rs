//! Walking over all keys of the server, bucket by bucket, without counting as access to any of them.
//!
//! The server hands over each key as it stands: type, length, expiry and idle time are read there. Values are not looked
//! into, which could convert them.

use std::ffi::c_void;
use std::panic::{self, AssertUnwindSafe};
use std::ptr::NonNull;

use redis_module::raw;

use super::argument::bytes_of;
use super::call::Strings;
use super::database::Database;
use super::deferred::{self, HeldName, Settler};
use super::persisted::own_type_name;
use super::{Context, KeyName};

/// A walk over the keys of one database after the other. A key that is there from the beginning to the end is met at
/// least once, whatever is written, expired, resized, flushed or swapped meanwhile.
pub struct Walk {
    cursor: Cursor,
    db: Database,
}

struct Cursor(NonNull<raw::RedisModuleScanCursor>);

// SAFETY: the cursor is a plain value of the server's, used from its main thread only; the bounds of a `static` ask for
// more than what happens.
unsafe impl Send for Cursor {}

impl Cursor {
    fn new() -> Option<Self> {
        // SAFETY: the function has no requirement.
        NonNull::new(unsafe { api!(RedisModule_ScanCursorCreate)() }).map(Self)
    }
}

impl Drop for Cursor {
    fn drop(&mut self) {
        // SAFETY: made in `new`, and freed once.
        unsafe { api!(RedisModule_ScanCursorDestroy)(self.0.as_ptr()) };
    }
}

/// Who is shown the keys.
pub trait Visitor {
    /// One key. The keyspace must not be changed here.
    fn visit(&mut self, key: &MetKey<'_>);
}

/// Keys that a visitor wants settled after the step in which they were met.
#[derive(Default)]
pub struct Findings(Vec<HeldName>);

impl Findings {
    /// Remembers a key.
    pub fn push(&mut self, key: &MetKey<'_>) {
        // SAFETY: the name lives while it is visited.
        self.0.push(unsafe { HeldName::new(key.db, key.name) });
    }

    /// Takes over what another one remembers.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Lends one of the names to `body`, in its database, and forgets it unless `body` says that it wants it again. False
    /// when there is none.
    pub fn lend(&mut self, context: &Context<'_>, body: impl FnOnce(KeyName<'_>) -> bool) -> bool {
        let Some(name) = self.0.pop() else { return false };
        if context.select_db(name.db().number()) && body(name.key_name()) {
            self.0.push(name);
        }
        true
    }

    /// Has `S` look at every one of them, unless the server asks that nothing be written: it hands over to a replica.
    pub fn settle<S: Settler>(&mut self, context: &Context<'_>) {
        let names = std::mem::take(&mut self.0);
        if !names.is_empty() && context.may_write() {
            deferred::settle::<S>(context, &names);
        }
    }
}

impl Walk {
    /// At the beginning of the first database; `None` when the server has no memory for it.
    pub fn begin() -> Option<Self> {
        Some(Self { cursor: Cursor::new()?, db: Database::FIRST })
    }

    /// The database it is in.
    pub const fn db(&self) -> Database {
        self.db
    }

    /// Shows `visitor` the keys of the next bucket, or goes on to the next database. False when all were seen.
    pub fn step<V: Visitor>(&mut self, context: &Context<'_>, visitor: &mut V) -> bool {
        if !context.select_db(self.db.number()) {
            return false;
        }
        let data: *mut V = visitor;
        // SAFETY: the callback gets the visitor back, lent for this call and to nobody else, and the cursor is alive.
        let more = unsafe {
            api!(RedisModule_Scan)(context.raw, self.cursor.0.as_ptr(), Some(meet::<V>), data.cast::<c_void>())
        };
        if more == 0 {
            self.db = self.db.next();
            // SAFETY: the cursor is alive.
            unsafe { api!(RedisModule_ScanCursorRestart)(self.cursor.0.as_ptr()) };
        }
        true
    }
}

/// How many keys there are in all databases.
pub fn count_keys(context: &Context<'_>) -> u64 {
    // What a command selects stays selected for its client.
    let selected = context.selected_db();
    let mut keys = 0_u64;
    for db in 0.. {
        if !context.select_db(db) {
            break;
        }
        // SAFETY: the context is that of the running call.
        keys = keys.saturating_add(unsafe { api!(RedisModule_DbSize)(context.raw) });
    }
    context.select_db(selected);
    keys
}

unsafe extern "C" fn meet<V: Visitor>(
    context: *mut raw::RedisModuleCtx,
    name: *mut raw::RedisModuleString,
    key: *mut raw::RedisModuleKey,
    visitor: *mut c_void,
) {
    // Older servers may not have the key at hand; none that is supported does without.
    let Some(key) = NonNull::new(key) else { return };
    // A panic ends this key's visit; the entry that walks has its own guard, which this one keeps away from the server's
    // frames in between.
    let visited = panic::catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: `step` passed a `V` that nobody else uses; the server lends the others for this call.
        unsafe {
            let context = Context::new(context);
            let db = Database::of(context.selected_db());
            (*visitor.cast::<V>()).visit(&MetKey { context, db, name, key });
        }
    }));
    drop(visited);
}

/// A key's type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetType {
    /// One of the server's, by the name that TYPE answers.
    BuiltIn(&'static str),
    /// One of this module's.
    Own(&'static [u8]),
    /// Another module's; the number tells its types apart.
    Foreign(usize),
}

/// A key as the walk meets it.
pub struct MetKey<'call> {
    context: Context<'call>,
    db: Database,
    name: *mut raw::RedisModuleString,
    key: NonNull<raw::RedisModuleKey>,
}

impl MetKey<'_> {
    /// Its name.
    pub fn name(&self) -> &[u8] {
        // SAFETY: the server lends the name while the key is visited; so below with the key.
        unsafe { bytes_of(self.name) }
    }

    /// Its database.
    pub fn db(&self) -> Database {
        self.db
    }

    /// Its type.
    pub fn type_of(&self) -> MetType {
        // SAFETY: as in `name`.
        let (kind, module_type) = unsafe {
            (api!(RedisModule_KeyType)(self.key.as_ptr()), api!(RedisModule_ModuleTypeGetType)(self.key.as_ptr()))
        };
        match kind as isize {
            raw::REDISMODULE_KEYTYPE_STRING => MetType::BuiltIn("string"),
            raw::REDISMODULE_KEYTYPE_LIST => MetType::BuiltIn("list"),
            raw::REDISMODULE_KEYTYPE_HASH => MetType::BuiltIn("hash"),
            raw::REDISMODULE_KEYTYPE_SET => MetType::BuiltIn("set"),
            raw::REDISMODULE_KEYTYPE_ZSET => MetType::BuiltIn("zset"),
            raw::REDISMODULE_KEYTYPE_STREAM => MetType::BuiltIn("stream"),
            _ => own_type_name(module_type).map_or(MetType::Foreign(module_type as usize), MetType::Own),
        }
    }

    /// Bytes of a string, elements of a collection, 0 of other types.
    pub fn length(&self) -> u64 {
        // SAFETY: as in `name`.
        unsafe { api!(RedisModule_ValueLength)(self.key.as_ptr()) as u64 }
    }

    /// When it expires, Unix milliseconds; `None` for never.
    pub fn expires_at_ms(&self) -> Option<u64> {
        // SAFETY: as in `name`.
        u64::try_from(unsafe { api!(RedisModule_GetAbsExpire)(self.key.as_ptr()) }).ok()
    }

    /// How long it was neither read nor written, ms; `None` where the server keeps counts instead of times.
    pub fn idle_ms(&self) -> Option<u64> {
        let mut idle_ms = -1;
        // SAFETY: as in `name`; the server writes one number.
        unsafe { api!(RedisModule_GetLRU)(self.key.as_ptr(), &raw mut idle_ms) };
        u64::try_from(idle_ms).ok()
    }

    /// The memory it takes with its name, as MEMORY USAGE tells it, which samples collections.
    pub fn memory_usage(&self) -> Option<u64> {
        // SAFETY: the format names a C string and a string of the server, alive as in `name`; the reply is freed once.
        unsafe {
            let call = api!(RedisModule_Call);
            let reply = call(self.context.raw, c"MEMORY".as_ptr(), c"cs".as_ptr(), c"USAGE".as_ptr(), self.name);
            if reply.is_null() {
                return None;
            }
            let is_number = api!(RedisModule_CallReplyType)(reply) == raw::REDISMODULE_REPLY_INTEGER as i32;
            let bytes = if is_number { api!(RedisModule_CallReplyInteger)(reply) } else { -1 };
            api!(RedisModule_FreeCallReply)(reply);
            u64::try_from(bytes).ok()
        }
    }
}

impl Context<'_> {
    /// What TYPE answers for `name` in the database selected; `None` when the server will not say.
    ///
    /// Unlike all else here this counts as a hit, so it is asked once for each type of another module.
    pub fn type_name(&self, name: &[u8]) -> Option<Vec<u8>> {
        let strings = Strings::new(self, std::iter::once(name));
        // SAFETY: the format takes a vector of strings of the server and its length, which outlive the call; the reply is
        // freed once, after its text was copied.
        unsafe {
            let call = api!(RedisModule_Call);
            let reply = call(self.raw, c"TYPE".as_ptr(), c"v".as_ptr(), strings.as_ptr(), strings.len());
            if reply.is_null() {
                return None;
            }
            let mut len = 0;
            let text = api!(RedisModule_CallReplyStringPtr)(reply, &raw mut len);
            let name = (!text.is_null()).then(|| std::slice::from_raw_parts(text.cast::<u8>(), len).to_vec());
            api!(RedisModule_FreeCallReply)(reply);
            name
        }
    }
}
