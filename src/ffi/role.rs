//! Whether this server decides about its keys: a primary that is not loading.
//!
//! Asking costs more than most of what is done with the answer, so it is remembered until a server event says that it may
//! have changed (`replication::watch`).

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use redis_module::raw;

use super::context::Context;

static ROLE: AtomicU8 = AtomicU8::new(UNKNOWN);
/// To be asked.
const UNKNOWN: u8 = 0;
/// A primary with its data loaded.
const DECIDES: u8 = 1;
/// A replica, or loading.
const FOLLOWS: u8 = 2;

/// How often the role changed.
static REIGN: AtomicU32 = AtomicU32::new(0);

/// The role may have changed.
pub(super) fn forget() {
    ROLE.store(UNKNOWN, Ordering::Relaxed);
}

/// The role changed.
pub(super) fn changed() {
    REIGN.fetch_add(1, Ordering::Relaxed);
}

/// Another number whenever another server may have decided about the keys that this one keeps.
#[inline]
pub fn reign() -> u32 {
    REIGN.load(Ordering::Relaxed)
}

impl Context<'_> {
    /// Whether the server decides about its keys: a replica takes over what its primary decided, and what is loaded was
    /// decided before.
    pub fn decides(&self) -> bool {
        match ROLE.load(Ordering::Relaxed) {
            UNKNOWN => self.ask_role() == DECIDES,
            known => known == DECIDES,
        }
    }

    /// Whether the server decides about its keys and may write now: while it hands over to a replica, or is paused, nothing
    /// should change, and Redis 7.0 ends when something is replicated then.
    pub fn may_write(&self) -> bool {
        // SAFETY: read only after the server wrote it; the function has no requirement.
        let is_paused = unsafe { raw::RedisModule_AvoidReplicaTraffic.is_some_and(|avoid| avoid() != 0) };
        self.decides() && !is_paused
    }

    #[cold]
    fn ask_role(&self) -> u8 {
        const LOADING: u32 = raw::REDISMODULE_CTX_FLAGS_LOADING | raw::REDISMODULE_CTX_FLAGS_ASYNC_LOADING;
        let decides = self.has_flag(raw::REDISMODULE_CTX_FLAGS_MASTER) && !self.has_flag(LOADING);
        let role = if decides { DECIDES } else { FOLLOWS };
        ROLE.store(role, Ordering::Relaxed);
        role
    }
}
