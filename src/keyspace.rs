//! The only place that opens keys: typed, with the contract's refusals.

use liq_core::grammar::{Args, RequestError};

use crate::ffi::{Arguments, Context, HoldsAnotherType, KeyName, Persisted, ReadKey, WriteKey};
use crate::refusal::Refusal;

impl From<HoldsAnotherType> for Refusal {
    fn from(_: HoldsAnotherType) -> Self {
        Self::WrongType
    }
}

/// The key a command is about, its first argument, and what stands behind it.
pub fn key_and_rest(arguments: Arguments<'_>) -> Result<(KeyName<'_>, Args<'_>), Refusal> {
    let (key, rest) = arguments.key_and_rest().ok_or(RequestError::Arity)?;
    Ok((key, Args::new(rest)))
}

/// Lends the value of `name` to `body`, or nothing when the key is missing.
pub fn read<T: Persisted, R>(
    context: &Context<'_>,
    name: KeyName<'_>,
    body: impl FnOnce(Option<&mut T>) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    body(ReadKey::open(context, name)?.value())
}

/// What the server knows of a key.
#[derive(Debug, Clone, Copy)]
pub struct Known {
    /// Bytes of memory that the value takes.
    pub memory_bytes: usize,
    /// When the key expires, Unix milliseconds; `None` for never.
    pub expires_ms: Option<u64>,
}

/// Like [`read`], with what the server knows of the key.
pub fn read_known<T: Persisted, R>(
    context: &Context<'_>,
    name: KeyName<'_>,
    body: impl FnOnce(Option<(&mut T, Known)>) -> Result<R, Refusal>,
) -> Result<R, Refusal> {
    let mut key = ReadKey::open(context, name)?;
    let known = Known { memory_bytes: key.memory_bytes(), expires_ms: key.expires_at_ms() };
    body(key.value().map(|value| (value, known)))
}

/// A key beside the one that the command is about, and not among its arguments, open for reading. It is opened first: that
/// it expired or is missing may be heard of by subscribers of keyspace events, who may do anything to a key that is open.
pub struct Beside<'call, T>(ReadKey<'call, T>);

impl<'call, T: Persisted> Beside<'call, T> {
    /// Opens `name`; refused when it holds another type.
    pub fn open(context: &'call Context<'call>, name: &[u8]) -> Result<Self, Refusal> {
        Ok(Self(ReadKey::open_named(context, name)?))
    }

    /// The value, or nothing when the key is missing.
    pub fn value(&mut self) -> Option<&T> {
        self.0.value().map(|value| &*value)
    }
}

/// A key open for writing, known to hold a `T` or nothing. What was changed in the value stands; everything else
/// happens when the write is committed (`commit`).
pub struct Writable<'call, T> {
    context: &'call Context<'call>,
    name: KeyName<'call>,
    key: WriteKey<'call, T>,
    change: Change<T>,
}

/// What becomes of the value when the write is committed.
enum Change<T> {
    /// It stays where it is.
    Kept,
    /// This one takes its place.
    Put(Box<T>),
    /// It goes, and the key with it.
    Deleted,
}

/// Opens `name` for writing.
pub fn write<'call, T: Persisted>(
    context: &'call Context<'call>,
    name: KeyName<'call>,
) -> Result<Writable<'call, T>, Refusal> {
    Ok(Writable { context, name, key: WriteKey::open(context, name)?, change: Change::Kept })
}

/// As [`write`], for what the module does by itself: idle times and counts of use stay what they are.
pub fn write_untouched<'call, T: Persisted>(
    context: &'call Context<'call>,
    name: KeyName<'call>,
) -> Result<Writable<'call, T>, Refusal> {
    Ok(Writable { context, name, key: WriteKey::open_untouched(context, name)?, change: Change::Kept })
}

impl<'call, T: Persisted> Writable<'call, T> {
    /// The key's name.
    pub fn name(&self) -> KeyName<'call> {
        self.name
    }

    /// The value, if the key is there, as it will be when the write is committed.
    pub fn value(&mut self) -> Option<&mut T> {
        match &mut self.change {
            Change::Kept => self.key.value(),
            Change::Put(value) => Some(value),
            Change::Deleted => None,
        }
    }

    /// The value, or `ERR no such key`.
    pub fn existing(&mut self) -> Result<&mut T, Refusal> {
        self.value().ok_or(Refusal::NoSuchKey)
    }

    /// Refuses to make a key while the server is out of memory: for commands that the server itself lets through because
    /// they need not make one.
    pub fn check_memory(&self) -> Result<(), Refusal> {
        if self.context.is_out_of_memory() { Err(Refusal::OutOfMemory) } else { Ok(()) }
    }

    /// Puts `value` in place of what is there, without an expiry.
    pub fn put(&mut self, value: T) {
        self.change = Change::Put(Box::new(value));
    }

    /// Deletes the key.
    pub fn delete(&mut self) {
        self.change = Change::Deleted;
    }

    /// Carries out what is to become of value and expiry (`None`: kept), and closes the key.
    pub(crate) fn settle(self, expires_at_ms: Option<Option<u64>>) {
        let Self { context, name, mut key, change } = self;
        match change {
            Change::Kept => {}
            Change::Deleted => return key.delete(),
            Change::Put(value) => {
                key.store(value);
                // Storing told other modules of a new key: it is looked for anew.
                drop(key);
                let Ok(stored) = WriteKey::open(context, name) else { return };
                key = stored;
            }
        }
        if let Some(at_ms) = expires_at_ms
            && key.value().is_some()
        {
            key.expire_at_ms(at_ms);
        }
    }
}
