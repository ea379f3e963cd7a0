//! An open key: closed on drop, typed by [`Persisted`]. Opened only by `keyspace`.

use std::marker::PhantomData;
use std::ptr;

use redis_module::raw;

use super::call::Strings;
use super::persisted::{Persisted, into_raw, memory_bytes};
use super::{Context, KeyName};

/// The key holds a value of another type than the one asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoldsAnotherType;

struct Handle(*mut raw::RedisModuleKey);

impl Drop for Handle {
    fn drop(&mut self) {
        if !self.0.is_null() {
            // SAFETY: the handle came from OpenKey and is closed once.
            unsafe { api!(RedisModule_CloseKey)(self.0) };
        }
    }
}

impl Handle {
    fn open(context: &Context<'_>, name: KeyName<'_>, mode: u32) -> Self {
        // SAFETY: context and name belong to the running call.
        Self(unsafe { api!(RedisModule_OpenKey)(context.raw, name.raw, mode.cast_signed()) })
    }

    /// A key that is no argument of the command.
    fn open_named(context: &Context<'_>, name: &[u8], mode: u32) -> Self {
        let strings = Strings::new(context, std::iter::once(name));
        // SAFETY: the context belongs to the running call, and there is one string, which an open key keeps for itself.
        Self(unsafe { api!(RedisModule_OpenKey)(context.raw, *strings.as_ptr(), mode.cast_signed()) })
    }

    /// When the key expires, Unix milliseconds; `None` for never, and for a missing key.
    fn expires_at_ms(&self) -> Option<u64> {
        if self.0.is_null() {
            return None;
        }
        // SAFETY: the handle is open.
        let at_ms = unsafe { api!(RedisModule_GetAbsExpire)(self.0) };
        u64::try_from(at_ms).ok()
    }

    /// The value's place; null when the key is missing.
    fn value<T: Persisted>(&self) -> Result<*mut T, HoldsAnotherType> {
        if self.0.is_null() {
            return Ok(ptr::null_mut());
        }
        // SAFETY: the handle is open. Of a key that is empty or not of a module's type, the type is null, and only then is
        // it asked which of both. Values of the module's type are boxed `T`s (`persisted::into_raw`).
        unsafe {
            if api!(RedisModule_ModuleTypeGetType)(self.0) == T::slot().handle() {
                return Ok(api!(RedisModule_ModuleTypeGetValue)(self.0).cast());
            }
            let is_empty = api!(RedisModule_KeyType)(self.0) as isize == raw::REDISMODULE_KEYTYPE_EMPTY;
            if is_empty { Ok(ptr::null_mut()) } else { Err(HoldsAnotherType) }
        }
    }
}

/// A key open for reading.
pub struct ReadKey<'call, T> {
    handle: Handle,
    value: *mut T,
    call: PhantomData<&'call ()>,
}

impl<'call, T: Persisted> ReadKey<'call, T> {
    pub(crate) fn open(context: &'call Context<'_>, name: KeyName<'_>) -> Result<Self, HoldsAnotherType> {
        let handle = Handle::open(context, name, raw::REDISMODULE_READ);
        Ok(Self { value: handle.value()?, handle, call: PhantomData })
    }

    /// Opens a key that is no argument of the command. Whoever asks has looked whether the caller may read it, and knows
    /// that no other handle lends the value: the command's own key holds another type.
    pub(crate) fn open_named(context: &'call Context<'_>, name: &[u8]) -> Result<Self, HoldsAnotherType> {
        let handle = Handle::open_named(context, name, raw::REDISMODULE_READ);
        Ok(Self { value: handle.value()?, handle, call: PhantomData })
    }

    /// The value. Queries may rebuild caches inside it, so it is lent mutably; what persists must not change.
    pub(crate) fn value(&mut self) -> Option<&mut T> {
        // SAFETY: the value lives while its key is open, the server runs one command at a time, and the borrow of `self`
        // keeps this the only reference made from the handle. A command opens its key once.
        unsafe { self.value.as_mut() }
    }

    /// When the key expires, Unix milliseconds; `None` for never.
    pub(crate) fn expires_at_ms(&self) -> Option<u64> {
        self.handle.expires_at_ms()
    }

    /// Bytes of memory that the value takes; 0 when the key is missing.
    pub(crate) fn memory_bytes(&self) -> usize {
        // SAFETY: as in `value`; a value of a key is boxed.
        unsafe { self.value.as_ref().map_or(0, |value| memory_bytes(value)) }
    }
}

/// A key open for writing.
pub struct WriteKey<'call, T> {
    handle: Handle,
    value: *mut T,
    call: PhantomData<&'call ()>,
}

impl<'call, T: Persisted> WriteKey<'call, T> {
    pub(crate) fn open(context: &'call Context<'_>, name: KeyName<'_>) -> Result<Self, HoldsAnotherType> {
        Self::open_as(context, name, raw::REDISMODULE_READ | raw::REDISMODULE_WRITE)
    }

    /// As [`open`](Self::open), and the server does not take it for a use of the key.
    pub(crate) fn open_untouched(context: &'call Context<'_>, name: KeyName<'_>) -> Result<Self, HoldsAnotherType> {
        const MODE: u32 = raw::REDISMODULE_READ | raw::REDISMODULE_WRITE | raw::REDISMODULE_OPEN_KEY_NOTOUCH;
        Self::open_as(context, name, MODE)
    }

    fn open_as(context: &'call Context<'_>, name: KeyName<'_>, mode: u32) -> Result<Self, HoldsAnotherType> {
        let handle = Handle::open(context, name, mode);
        Ok(Self { value: handle.value()?, handle, call: PhantomData })
    }

    /// The value; none when the key is missing.
    pub(crate) fn value(&mut self) -> Option<&mut T> {
        // SAFETY: as in `ReadKey::value`; `store` and `delete` leave null behind.
        unsafe { self.value.as_mut() }
    }

    /// Stores `value`, freeing what was there; an expiry is gone with it. The server tells other modules of a new key,
    /// which may do anything to it at once.
    pub(crate) fn store(&mut self, value: Box<T>) {
        let boxed = into_raw(value);
        // SAFETY: the handle is open for writing; the server owns the box from here and frees it with `free`.
        unsafe { api!(RedisModule_ModuleTypeSetValue)(self.handle.0, T::slot().handle(), boxed) };
        // Whoever was told may have removed it, so nothing is lent of it through this handle.
        self.value = ptr::null_mut();
    }

    /// Deletes the key.
    pub(crate) fn delete(&mut self) {
        // The value is freed with the key, so nothing may be lent of it any more.
        self.value = ptr::null_mut();
        // SAFETY: the handle is open for writing; the server frees the value.
        unsafe { api!(RedisModule_DeleteKey)(self.handle.0) };
    }

    /// Sets when the key expires; `None` for never.
    pub(crate) fn expire_at_ms(&mut self, at_ms: Option<u64>) {
        let at_ms = at_ms.map_or(raw::REDISMODULE_NO_EXPIRE.into(), |at_ms| i64::try_from(at_ms).unwrap_or(i64::MAX));
        // SAFETY: the handle is open for writing.
        unsafe { api!(RedisModule_SetAbsExpire)(self.handle.0, at_ms) };
    }
}
