//! `LIQ.CREATE` and `TICK.CREATE`, behind their options: a key that holds a new value.

use super::expiry::{self, Idles};
use crate::commit::{Record, commit};
use crate::ffi::{Context, KeyName, Persisted};
use crate::refusal::Refusal;
use crate::{keyspace, memory};

/// Makes the key; `only_new` leaves one that is there as it is, and answers null.
pub fn create<T: Persisted + Idles>(
    context: &Context<'_>,
    key: KeyName<'_>,
    only_new: bool,
    make: impl FnOnce() -> T,
) -> Result<(), Refusal> {
    let mut open = keyspace::write::<T>(context, key)?;
    if open.value().is_some() {
        if !only_new {
            return Err(Refusal::KeyExists);
        }
        context.reply_null();
        return Ok(());
    }
    memory::check_new(context)?;
    let mut stored = make();
    let expiry = expiry::anew(&mut stored, context.now_ms());
    // As bytes, since defaults differ where it is replicated to.
    let blob = stored.encode_versioned();
    open.put(stored);
    commit(context, open, Record::Command(T::LOAD_COMMAND, &[&blob]), expiry);
    context.reply_status(c"OK");
    Ok(())
}
