//! Asking whether the caller may touch a key that its command does not declare.

use std::io;

use redis_module::raw;

use super::Context;
use super::call::Strings;

/// Whether the caller may do something with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It may, or it is no user at all (the append-only file, a primary).
    Granted,
    /// Its key patterns forbid it.
    Denied,
}

/// What the server leaves in `errno` when a call is to run as the calling user and there is none.
const NO_USER: i32 = libc::ENOTSUP;

impl Context<'_> {
    /// Whether somebody is behind the call whose permissions count. Nobody is when another module, a primary or the
    /// append-only file calls: they may do anything.
    ///
    /// Servers before 7.2 end when they are asked for the name of a user that is not there, and those that look a client
    /// up by its id do not find scripts. So a call of no command at all is tried on the user's behalf: the server looks
    /// for the user before it looks for the command.
    pub(super) fn has_user(&self) -> bool {
        // SAFETY: the format takes no arguments; the errno is that of this thread, set by the call just made.
        let reply = unsafe { api!(RedisModule_Call)(self.raw, c"".as_ptr(), c"C".as_ptr()) };
        let problem = io::Error::last_os_error().raw_os_error();
        if !reply.is_null() {
            // SAFETY: the reply is not null, and is freed once.
            unsafe { api!(RedisModule_FreeCallReply)(reply) };
            return true;
        }
        problem != Some(NO_USER)
    }

    /// Whether the calling user may insert into `key`.
    pub fn write_access(&self, key: &[u8]) -> Access {
        self.access(key, raw::REDISMODULE_CMD_KEY_INSERT)
    }

    /// Whether the calling user may read `key`.
    pub fn read_access(&self, key: &[u8]) -> Access {
        self.access(key, raw::REDISMODULE_CMD_KEY_ACCESS)
    }

    fn access(&self, key: &[u8], flags: u32) -> Access {
        if self.is_replayed() || !self.has_user() {
            return Access::Granted;
        }
        let strings = Strings::new(self, std::iter::once(key));
        // SAFETY: there is a user to name. Every object is checked for null and freed once, before the strings it was made
        // with; the flags are the server's constants.
        let allowed = unsafe {
            let name = api!(RedisModule_GetCurrentUserName)(self.raw);
            if name.is_null() {
                return Access::Granted;
            }
            let user = api!(RedisModule_GetModuleUserFromUserName)(name);
            let allowed = !user.is_null() && {
                let verdict = api!(RedisModule_ACLCheckKeyPermissions)(user, *strings.as_ptr(), flags.cast_signed());
                api!(RedisModule_FreeModuleUser)(user);
                verdict == raw::REDISMODULE_OK as i32
            };
            api!(RedisModule_FreeString)(self.raw, name);
            allowed
        };
        if allowed { Access::Granted } else { Access::Denied }
    }
}
