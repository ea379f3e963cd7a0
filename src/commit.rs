//! How every write of every family ends, in one order: replicas and the append-only file are told, the value and its
//! expiry settle, watchers are told, the key is closed, and only then may others hear of it, who may do anything to the
//! key: a subscriber of keyspace events is any module's code.

use std::ffi::CStr;

use crate::ffi::{Context, KeyName, Persisted};
use crate::keyspace::Writable;

/// What replicas and the append-only file are told of a write.
#[derive(Debug, Clone, Copy)]
pub enum Record<'a> {
    /// The running command as it came: it says everything.
    Verbatim,
    /// A command with the key as its first argument, then these.
    Command(&'static CStr, &'a [&'a [u8]]),
    /// Nothing, as nobody listens; the change is counted for the save points of snapshots.
    Counted,
}

/// What becomes of the key's expiry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expiry {
    /// It stays as it is.
    Kept,
    /// Unix milliseconds, or never, here only: what is recorded says it, or replicas see it by themselves.
    Here(Option<u64>),
    /// Unix milliseconds, or never; replicas and the append-only file are told by a plain PEXPIREAT or PERSIST.
    Everywhere(Option<u64>),
}

/// A key that its command has let go of.
pub struct Closed<'call> {
    context: &'call Context<'call>,
    key: KeyName<'call>,
}

impl<'call> Closed<'call> {
    /// The key's name.
    pub fn key(&self) -> KeyName<'call> {
        self.key
    }

    /// Publishes a keyspace event of the module class.
    pub fn notify(&self, event: &CStr) {
        self.context.notify(event, self.key);
    }
}

/// Lets go of a key that nothing was changed in.
pub fn close<'call, T: Persisted>(context: &'call Context<'call>, open: Writable<'call, T>) -> Closed<'call> {
    Closed { context, key: open.name() }
}

/// Ends a write.
pub fn commit<'call, T: Persisted>(
    context: &'call Context<'call>,
    open: Writable<'call, T>,
    record: Record<'_>,
    expiry: Expiry,
) -> Closed<'call> {
    let key = open.name();
    match record {
        Record::Verbatim | Record::Counted => context.replicate_verbatim(),
        Record::Command(command, arguments) => context.replicate(command, key, arguments),
    }
    match expiry {
        Expiry::Kept | Expiry::Here(_) => {}
        Expiry::Everywhere(Some(at_ms)) => context.replicate(c"PEXPIREAT", key, &[at_ms.to_string().as_bytes()]),
        Expiry::Everywhere(None) => context.replicate(c"PERSIST", key, &[]),
    }
    open.settle(match expiry {
        Expiry::Kept => None,
        Expiry::Here(at_ms) | Expiry::Everywhere(at_ms) => Some(at_ms),
    });
    context.signal_modified(key);
    Closed { context, key }
}
