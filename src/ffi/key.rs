//! An open key: closed on drop, typed by [`Persisted`]. Opened only by `keyspace`.

use std::marker::PhantomData;

use redis_module::raw;

use super::persisted::{Persisted, into_raw};
use super::{Context, KeyName};

/// What an open key holds.
pub enum Holds<T> {
    /// No such key.
    Nothing,
    /// A value of the type asked for.
    Value(T),
    /// A value of another type.
    AnotherType,
}

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

    fn holds<T: Persisted>(&self) -> Holds<*mut T> {
        // SAFETY: the handle is open; asking its kind is allowed of an empty key too.
        let kind = unsafe { api!(RedisModule_KeyType)(self.0) } as isize;
        if self.0.is_null() || kind == raw::REDISMODULE_KEYTYPE_EMPTY {
            return Holds::Nothing;
        }
        // SAFETY: the handle is open; of a key without a module type the answer is null.
        if kind != raw::REDISMODULE_KEYTYPE_MODULE
            || unsafe { api!(RedisModule_ModuleTypeGetType)(self.0) } != T::slot().handle()
        {
            return Holds::AnotherType;
        }
        // SAFETY: the key holds the module's type, whose values are boxed `T`s (`persisted::into_raw`).
        Holds::Value(unsafe { api!(RedisModule_ModuleTypeGetValue)(self.0) }.cast())
    }
}

/// A key open for reading.
pub struct ReadKey<'call, T> {
    handle: Handle,
    value: PhantomData<(&'call (), T)>,
}

impl<'call, T: Persisted> ReadKey<'call, T> {
    pub(crate) fn open(context: &'call Context<'_>, name: KeyName<'_>) -> Self {
        Self { handle: Handle::open(context, name, raw::REDISMODULE_READ), value: PhantomData }
    }

    /// The value. Queries may rebuild caches inside it, so it is lent mutably; what persists must not change.
    pub(crate) fn value(&mut self) -> Holds<&mut T> {
        match self.handle.holds::<T>() {
            // SAFETY: the value lives while its key is open, the server has one thread for commands, and the borrow of `self`
            // keeps it the only reference made from this handle. A command opens its key once.
            Holds::Value(value) => Holds::Value(unsafe { &mut *value }),
            Holds::Nothing => Holds::Nothing,
            Holds::AnotherType => Holds::AnotherType,
        }
    }
}

/// A key open for writing.
pub struct WriteKey<'call, T> {
    handle: Handle,
    value: PhantomData<(&'call (), T)>,
}

impl<'call, T: Persisted> WriteKey<'call, T> {
    pub(crate) fn open(context: &'call Context<'_>, name: KeyName<'_>) -> Self {
        let mode = raw::REDISMODULE_READ | raw::REDISMODULE_WRITE;
        Self { handle: Handle::open(context, name, mode), value: PhantomData }
    }

    /// The value.
    pub(crate) fn value(&mut self) -> Holds<&mut T> {
        match self.handle.holds::<T>() {
            // SAFETY: as in `ReadKey::value`.
            Holds::Value(value) => Holds::Value(unsafe { &mut *value }),
            Holds::Nothing => Holds::Nothing,
            Holds::AnotherType => Holds::AnotherType,
        }
    }

    /// Stores `value`, freeing what was there; an expiry is gone with it.
    pub(crate) fn store(&mut self, value: T) {
        // SAFETY: the handle is open for writing; the server owns the box from here and frees it with `free`.
        unsafe { api!(RedisModule_ModuleTypeSetValue)(self.handle.0, T::slot().handle(), into_raw(value)) };
    }

    /// Deletes the key.
    pub(crate) fn delete(&mut self) {
        // SAFETY: the handle is open for writing; the server frees the value.
        unsafe { api!(RedisModule_DeleteKey)(self.handle.0) };
    }

    /// When the key expires, Unix milliseconds; `None` for never.
    pub(crate) fn expires_at_ms(&self) -> Option<u64> {
        // SAFETY: the handle is open.
        let at_ms = unsafe { api!(RedisModule_GetAbsExpire)(self.handle.0) };
        u64::try_from(at_ms).ok()
    }

    /// Sets when the key expires; `None` for never.
    pub(crate) fn expire_at_ms(&mut self, at_ms: Option<u64>) {
        let at_ms = at_ms.map_or(raw::REDISMODULE_NO_EXPIRE.into(), |at_ms| i64::try_from(at_ms).unwrap_or(i64::MAX));
        // SAFETY: the handle is open for writing.
        unsafe { api!(RedisModule_SetAbsExpire)(self.handle.0, at_ms) };
    }
}
