//! The arguments of a command as the server holds them, seen as bytes.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::{ptr, slice};

use redis_module::raw;

/// Commands with at most this many arguments behind their name need no allocation to see them.
const ON_STACK: usize = 32;

/// A key's name: its bytes, and the server's string that the raw functions want.
#[derive(Clone, Copy)]
pub struct KeyName<'a> {
    pub(super) raw: *mut raw::RedisModuleString,
    bytes: &'a [u8],
}

impl<'a> KeyName<'a> {
    /// A name that is held for `'a`, with its bytes.
    pub(super) const fn held(raw: *mut raw::RedisModuleString, bytes: &'a [u8]) -> Self {
        Self { raw, bytes }
    }

    /// The name as bytes.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }
}

/// All arguments of one call behind the command's name.
#[derive(Clone, Copy)]
pub struct Arguments<'a> {
    first: *mut raw::RedisModuleString,
    all: &'a [&'a [u8]],
}

impl<'a> Arguments<'a> {
    /// All of them, of a command without a key.
    pub fn all(&self) -> &'a [&'a [u8]] {
        self.all
    }

    /// The first argument as the key, and what stands behind it; none without a key.
    pub fn key_and_rest(&self) -> Option<(KeyName<'a>, &'a [&'a [u8]])> {
        let (bytes, rest) = self.all.split_first()?;
        Some((KeyName { raw: self.first, bytes }, rest))
    }
}

/// The bytes of a string of the server.
///
/// # Safety
/// `string` is null or a string of the server that lives, unchanged, for `'a`.
pub(super) unsafe fn bytes_of<'a>(string: *const raw::RedisModuleString) -> &'a [u8] {
    let mut len = 0;
    // SAFETY: the caller's promise; the server allows a null string here and answers with an error text of its own.
    let start = unsafe { api!(RedisModule_StringPtrLen)(string, &raw mut len) };
    // SAFETY: the server answers with `len` readable bytes that live as long as the string.
    unsafe { slice::from_raw_parts(start.cast(), len) }
}

/// Shows `body` the arguments of a call.
///
/// # Safety
/// `argv` points to `argc` strings of the server which outlive the call, as the server promises a command.
pub(super) unsafe fn with_arguments<R>(
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
    body: impl FnOnce(Arguments<'_>) -> R,
) -> R {
    let count = usize::try_from(argc).unwrap_or(0);
    // SAFETY: the caller's promise.
    let strings = unsafe { slice::from_raw_parts(argv, count) };
    let strings = strings.get(1..).unwrap_or_default();
    let first = strings.first().copied().unwrap_or(ptr::null_mut());
    // SAFETY: each is a string that lives until the command returns.
    let see = |string: &*mut raw::RedisModuleString| unsafe { bytes_of(*string) };
    // Not initialised: filling 512 bytes takes as long as seeing three arguments.
    let mut on_stack = [const { MaybeUninit::<&[u8]>::uninit() }; ON_STACK];
    if let Some(places) = on_stack.get_mut(..strings.len()) {
        for (place, string) in places.iter_mut().zip(strings) {
            place.write(see(string));
        }
        // SAFETY: every one of these places was just written.
        let seen = unsafe { &*(ptr::from_ref(places) as *const [&[u8]]) };
        return body(Arguments { first, all: seen });
    }
    let seen: Vec<&[u8]> = strings.iter().map(see).collect();
    body(Arguments { first, all: &seen })
}
