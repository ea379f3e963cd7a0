//! Asking whether the caller may touch a key that its command does not declare.

use redis_module::raw;

use super::Context;
use super::call::Strings;

/// Whether the caller may write to a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteAccess {
    /// It may, or it is no user at all (the append-only file, a primary).
    Granted,
    /// Its key patterns forbid it.
    Denied,
}

impl Context<'_> {
    /// Whether the calling user may insert into `key`.
    pub fn write_access(&self, key: &[u8]) -> WriteAccess {
        let strings = Strings::new(self, std::iter::once(key));
        // SAFETY: every object is checked for null and freed once, before the strings it was made with; the flags are the
        // server's constants.
        let allowed = unsafe {
            let name = api!(RedisModule_GetCurrentUserName)(self.raw);
            if name.is_null() {
                return WriteAccess::Granted;
            }
            let user = api!(RedisModule_GetModuleUserFromUserName)(name);
            let allowed = !user.is_null() && {
                let flags = raw::REDISMODULE_CMD_KEY_INSERT.cast_signed();
                let verdict = api!(RedisModule_ACLCheckKeyPermissions)(user, *strings.as_ptr(), flags);
                api!(RedisModule_FreeModuleUser)(user);
                verdict == raw::REDISMODULE_OK as i32
            };
            api!(RedisModule_FreeString)(self.raw, name);
            allowed
        };
        if allowed { WriteAccess::Granted } else { WriteAccess::Denied }
    }
}
