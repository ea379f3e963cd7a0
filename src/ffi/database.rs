//! Which database is which: SWAPDB gives two of them each other's numbers. What is noted of a key, and how far a walk is,
//! goes by what a database holds, and stays true.

use std::ffi::c_void;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use redis_module::raw;

use super::guard::guard;

/// A database, whatever its number is by now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Database(i32);

/// Those that have another number than when the module was loaded, each with its number.
static MOVED: Mutex<Vec<(Database, i32)>> = Mutex::new(Vec::new());

/// Whether there is any; nearly nobody swaps databases.
static IS_ANY_MOVED: AtomicBool = AtomicBool::new(false);

impl Database {
    /// That which a walk begins with.
    pub const FIRST: Self = Self(0);

    /// The one with this number.
    pub fn of(number: i32) -> Self {
        find(|(_, other)| *other == number).map_or(Self(number), |(database, _)| database)
    }

    /// Its number.
    pub fn number(self) -> i32 {
        find(|(other, _)| *other == self).map_or(self.0, |(_, number)| number)
    }

    /// The number that it had when the module was loaded: what counts by it counts by database.
    pub fn home(self) -> u32 {
        u32::try_from(self.0).unwrap_or(0)
    }

    /// The number by now of the one with this [home](Self::home).
    pub fn number_of(home: u32) -> u32 {
        i32::try_from(home).ok().and_then(|home| u32::try_from(Self(home).number()).ok()).unwrap_or(home)
    }

    /// That which a walk goes on with.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

fn find(wanted: impl FnMut(&(Database, i32)) -> bool) -> Option<(Database, i32)> {
    if !IS_ANY_MOVED.load(Ordering::Relaxed) {
        return None;
    }
    MOVED.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().find(wanted)
}

fn swap(one: i32, other: i32) {
    if one == other {
        return;
    }
    let (first, second) = (Database::of(one), Database::of(other));
    let mut moved = MOVED.lock().unwrap_or_else(PoisonError::into_inner);
    moved.retain(|(database, _)| *database != first && *database != second);
    moved.extend([(first, other), (second, one)].into_iter().filter(|(database, number)| database.0 != *number));
    IS_ANY_MOVED.store(!moved.is_empty(), Ordering::Relaxed);
}

/// Hears of every SWAPDB; a server that does not tell of them has none.
///
/// # Safety
/// `context` is that of the module's load.
pub(super) unsafe fn watch(context: *mut raw::RedisModuleCtx) {
    let event = raw::RedisModuleEvent { id: raw::REDISMODULE_EVENT_SWAPDB, dataver: 1 };
    // SAFETY: the caller's promise; the callback has the signature of the server's events.
    unsafe { api!(RedisModule_SubscribeToServerEvent)(context, event, Some(swapped)) };
}

unsafe extern "C" fn swapped(_: *mut raw::RedisModuleCtx, _: raw::RedisModuleEvent, _: u64, data: *mut c_void) {
    guard(
        || (),
        || {
            // SAFETY: with this event the server lends this struct for the call.
            if let Some(info) = unsafe { data.cast::<raw::RedisModuleSwapDbInfoV1>().as_ref() } {
                swap(info.dbnum_first, info.dbnum_second);
            }
        },
    );
}
