//! The module's part of the server's INFO.

use std::ffi::{CStr, c_int};

use redis_module::raw;

use super::context::c_string;
use super::guard::guard;

/// The section being written.
pub struct InfoSection {
    raw: *mut raw::RedisModuleInfoCtx,
}

impl InfoSection {
    /// A count.
    pub fn count(&mut self, field: &CStr, value: u64) {
        // SAFETY: the server lends the context for the running call; the name is a C string.
        unsafe { api!(RedisModule_InfoAddFieldULongLong)(self.raw, field.as_ptr(), value) };
    }

    /// A word.
    pub fn text(&mut self, field: &CStr, value: &str) {
        let value = c_string(value);
        // SAFETY: as in `count`; the value is a C string that is copied.
        unsafe { api!(RedisModule_InfoAddFieldCString)(self.raw, field.as_ptr(), value.as_ptr()) };
    }

    /// Counts under one field: `name:a=1,b=2`. Left out when there are none.
    pub fn counts<'a>(&mut self, field: &CStr, values: impl Iterator<Item = (&'a CStr, u64)>) {
        let mut values = values.peekable();
        if values.peek().is_none() {
            return;
        }
        // SAFETY: as in `count`.
        unsafe { api!(RedisModule_InfoBeginDictField)(self.raw, field.as_ptr()) };
        for (name, value) in values {
            self.count(name, value);
        }
        // SAFETY: as in `count`; the field was begun above.
        unsafe { api!(RedisModule_InfoEndDictField)(self.raw) };
    }
}

impl InfoSection {
    /// A word and counts under one field: `name:word=text,a=1,b=2`.
    pub fn line<'a>(&mut self, field: &str, word: (&CStr, &str), values: impl Iterator<Item = (&'a CStr, u64)>) {
        let field = c_string(field);
        // SAFETY: as in `count`; the field is begun and ended around what is in it.
        unsafe { api!(RedisModule_InfoBeginDictField)(self.raw, field.as_ptr()) };
        self.text(word.0, word.1);
        for (name, value) in values {
            self.count(name, value);
        }
        // SAFETY: as above.
        unsafe { api!(RedisModule_InfoEndDictField)(self.raw) };
    }
}

/// Who fills the section.
pub trait InfoSource {
    /// Writes all fields. Takes no lock: the server also asks while it reports its own crash.
    fn report(section: &mut InfoSection);
}

/// Where the server asks for the section.
pub(super) unsafe extern "C" fn entry<S: InfoSource>(context: *mut raw::RedisModuleInfoCtx, _crashing: c_int) {
    guard(
        || (),
        || {
            // SAFETY: the server lends the context for this call. The unnamed section takes the module's name; the server
            // answers with an error when it is not asked for.
            let wanted = unsafe { api!(RedisModule_InfoAddSection)(context, c"".as_ptr()) } == 0;
            if wanted {
                S::report(&mut InfoSection { raw: context });
            }
        },
    );
}
