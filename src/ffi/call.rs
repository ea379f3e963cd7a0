//! Running a command of the server on the caller's behalf.

use std::ffi::CStr;
use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicPtr, Ordering};

use redis_module::raw;

use super::Context;

/// Strings of the server made for one call, freed with it.
pub(super) struct Strings<'ctx> {
    context: &'ctx Context<'ctx>,
    all: Vec<*mut raw::RedisModuleString>,
}

impl<'ctx> Strings<'ctx> {
    pub(super) fn new<'a>(context: &'ctx Context<'ctx>, texts: impl Iterator<Item = &'a [u8]>) -> Self {
        // SAFETY: the bytes are copied into a string that this struct owns.
        let make =
            |text: &[u8]| unsafe { api!(RedisModule_CreateString)(context.raw, text.as_ptr().cast(), text.len()) };
        Self { context, all: texts.map(make).collect() }
    }

    pub(super) fn as_ptr(&self) -> *const *mut raw::RedisModuleString {
        self.all.as_ptr()
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }
}

impl Drop for Strings<'_> {
    fn drop(&mut self) {
        for string in &self.all {
            // SAFETY: made in `new` with this context, and freed only here.
            unsafe { api!(RedisModule_FreeString)(self.context.raw, *string) };
        }
    }
}

/// A word that calls use again and again: the server's string for it is made once and kept for good. Calls are made on the
/// main thread only, where the server counts who uses a string.
#[derive(Debug)]
pub struct Word {
    text: &'static str,
    string: AtomicPtr<raw::RedisModuleString>,
}

impl Word {
    /// A word of which no string was made yet.
    pub const fn new(text: &'static str) -> Self {
        Self { text, string: AtomicPtr::new(ptr::null_mut()) }
    }

    fn string(&self) -> *mut raw::RedisModuleString {
        let known = self.string.load(Ordering::Relaxed);
        if !known.is_null() {
            return known;
        }
        // SAFETY: without a context the string belongs to nobody but this word; the bytes are copied.
        let made =
            unsafe { api!(RedisModule_CreateString)(ptr::null_mut(), self.text.as_ptr().cast(), self.text.len()) };
        self.string.store(made, Ordering::Relaxed);
        made
    }
}

/// An argument of a call.
#[derive(Debug, Clone, Copy)]
pub enum Argument<'a> {
    /// A word that is kept.
    Word(&'static Word),
    /// Any bytes.
    Bytes(&'a [u8]),
}

impl Context<'_> {
    /// Runs `command` as the calling user, whose permissions are checked, and replicates what it did. Where the caller is
    /// no user, nothing is forbidden.
    ///
    /// An error is the server's own text.
    pub fn call_as_user<'a>(
        &self,
        command: &CStr,
        arguments: impl ExactSizeIterator<Item = Argument<'a>>,
    ) -> Result<(), String> {
        let (mut all, mut own) = (Vec::with_capacity(arguments.len()), Vec::with_capacity(arguments.len()));
        for argument in arguments {
            let string = match argument {
                Argument::Word(word) => word.string(),
                Argument::Bytes(text) => {
                    // SAFETY: the bytes are copied into a string that is freed with the others made here.
                    let made = unsafe { api!(RedisModule_CreateString)(self.raw, text.as_ptr().cast(), text.len()) };
                    own.push(made);
                    made
                }
            };
            all.push(string);
        }
        let _own = Strings { context: self, all: own };
        // "!" replicates, "C" checks the caller's permissions, "E" answers refusals as error replies. Nearly always somebody is
        // behind the call; where nobody is, it is refused before anything is done, and made again.
        match self.call(command, c"!CEv", &all) {
            Err(_) if !self.has_user() => self.call(command, c"!Ev", &all),
            outcome => outcome,
        }
    }

    /// Runs `command` with strings that outlive the call; the format takes them as a vector.
    fn call(&self, command: &CStr, format: &CStr, strings: &[*mut raw::RedisModuleString]) -> Result<(), String> {
        // SAFETY: the format takes a vector of strings of the server and its length, which outlive the call.
        let reply = unsafe {
            api!(RedisModule_Call)(self.raw, command.as_ptr(), format.as_ptr(), strings.as_ptr(), strings.len())
        };
        if reply.is_null() {
            return Err("the server refused the call".to_owned());
        }
        // SAFETY: the reply is not null, and is freed once, after its text was copied.
        unsafe {
            let outcome = outcome_of(reply);
            api!(RedisModule_FreeCallReply)(reply);
            outcome
        }
    }
}

/// # Safety
/// `reply` is a live reply of `RedisModule_Call`.
unsafe fn outcome_of(reply: *mut raw::RedisModuleCallReply) -> Result<(), String> {
    // SAFETY: the caller's promise; the server answers with `len` bytes that live as long as the reply, or null.
    unsafe {
        if api!(RedisModule_CallReplyType)(reply) != raw::REDISMODULE_REPLY_ERROR as i32 {
            return Ok(());
        }
        let mut len = 0;
        let text = api!(RedisModule_CallReplyStringPtr)(reply, &raw mut len);
        if text.is_null() {
            return Err("unknown error".to_owned());
        }
        Err(String::from_utf8_lossy(slice::from_raw_parts(text.cast(), len)).into_owned())
    }
}
