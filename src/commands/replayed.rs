//! The internal commands of every data type, which clients may not call: whole values (`Load`) and decided writes
//! (`Apply`) on their way to replicas and into the append-only file. Their bytes are hostile.

use std::ffi::CStr;
use std::marker::PhantomData;

use liq_core::grammar::{Args, RequestError};

use crate::commit::{Expiry, Record, commit};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess, Persisted};
use crate::keyspace::{self, Writable};
use crate::refusal::Refusal;

/// A type whose values and writes are replayed.
pub trait Replayed: Persisted {
    /// Carries a whole value; named like [`Persisted::LOAD_COMMAND`], in small letters.
    const LOAD: CommandInfo;
    /// Carries a decided write.
    const APPLY: CommandInfo;

    /// Repeats the decided write that stands behind the key, and says what becomes of the expiry.
    fn apply(open: &mut Writable<'_, Self>, args: Args<'_>) -> Result<Expiry, Refusal>;
}

const KEY_AND_PAYLOAD: &[ArgSpec] = &[ArgSpec::KEY, ArgSpec::text(c"payload")];

/// What the server is told of an internal command.
pub const fn internal(name: &'static CStr, summary: &'static CStr, complexity: &'static CStr) -> CommandInfo {
    CommandInfo {
        name,
        arity: 3,
        flags: c"write",
        key: KeyAccess::Update,
        summary,
        complexity,
        since: c"0.1.0",
        args: KEY_AND_PAYLOAD,
        internal: true,
    }
}

/// `payload`, read by `decode`; what is wrong with it is said of it.
pub fn payload<T>(bytes: &[u8], decode: impl FnOnce(&[u8]) -> Result<T, String>) -> Result<T, RequestError> {
    decode(bytes).map_err(|problem| RequestError::argument("payload", problem, bytes))
}

/// The command that stores a whole value in place of what is there.
pub struct Load<T>(PhantomData<T>);

impl<T: Replayed> Command for Load<T> {
    type Refusal = Refusal;

    const INFO: CommandInfo = T::LOAD;

    /// Stores the value; its expiry stands behind it, in a command of its own.
    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, mut args) = keyspace::key_and_rest(arguments)?;
        let value = payload(args.required()?, T::decode_versioned)?;
        let mut open = keyspace::write(context, key)?;
        open.put(value);
        commit(context, open, Record::Verbatim, Expiry::Kept);
        context.reply_status(c"OK");
        Ok(())
    }
}

/// The command that repeats a decided write.
pub struct Apply<T>(PhantomData<T>);

impl<T: Replayed> Command for Apply<T> {
    type Refusal = Refusal;

    const INFO: CommandInfo = T::APPLY;

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let mut open = keyspace::write(context, key)?;
        let expiry = T::apply(&mut open, args)?;
        commit(context, open, Record::Verbatim, expiry);
        context.reply_status(c"OK");
        Ok(())
    }
}
