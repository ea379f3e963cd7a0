//! Streams that keys append to: on whose behalf, and which ones may be named.

use std::sync::atomic::{AtomicU64, Ordering};

use liq_core::grammar::RequestError;

use crate::commit::Closed;
use crate::ffi::{Access, Argument, Context, KeyName, Level, Word};
use crate::hash_slot::share_a_slot;
use crate::refusal::Refusal;

/// Failures are counted each, and logged at most this often.
const LOG_INTERVAL_MS: u64 = 10_000;

/// Refuses a stream, the value of `option`, that could not be appended to for `key`: in another slot of the cluster, the
/// key itself, or not the caller's to write.
pub fn check(context: &Context<'_>, key: KeyName<'_>, option: &'static str, stream: &[u8]) -> Result<(), Refusal> {
    if context.is_cluster() && !share_a_slot(key.bytes(), stream) {
        return Err(RequestError::argument(option, "must be in the key's hash slot", stream).into());
    }
    if key.bytes() == stream {
        return Err(RequestError::argument(option, "cannot be the key itself", stream).into());
    }
    match context.write_access(stream) {
        Access::Granted => Ok(()),
        Access::Denied => Err(Refusal::NoPermission(format!("{option}: no permission to write to the stream").into())),
    }
}

/// The bytes of an entry's names and values in turn, as arguments.
pub fn bytes<'a>(fields: &[&'a [u8]]) -> impl ExactSizeIterator<Item = Argument<'a>> {
    fields.iter().map(|field| Argument::Bytes(field))
}

/// Appends an entry of `fields`, names and values in turn, to `stream` as the calling user, once the key is closed.
pub fn append<'a>(
    context: &Context<'_>,
    closed: &Closed<'_>,
    (stream, max_len): (&'a [u8], u32),
    fields: impl ExactSizeIterator<Item = Argument<'a>>,
) -> Result<(), String> {
    static MAXLEN: Word = Word::new("MAXLEN");
    static ABOUT: Word = Word::new("~");
    static NEXT: Word = Word::new("*");
    if context.is_cluster() && !share_a_slot(closed.key().bytes(), stream) {
        return Err("the stream is not in the key's hash slot".to_owned());
    }
    let text = max_len.to_string();
    let trimming = [Argument::Word(&MAXLEN), Argument::Word(&ABOUT), Argument::Bytes(text.as_bytes())];
    // 0 is never trimmed.
    let trimming = if max_len == 0 { &[][..] } else { &trimming };
    let mut arguments = Vec::with_capacity(2 + trimming.len() + fields.len());
    arguments.push(Argument::Bytes(stream));
    arguments.extend_from_slice(trimming);
    arguments.push(Argument::Word(&NEXT));
    fields.for_each(|field| arguments.push(field));
    context.call_as_user(c"XADD", arguments.iter().copied())
}

/// Says in the log that an entry was not appended, now and then.
pub fn log_failure(context: &Context<'_>, closed: &Closed<'_>, what: &str, problem: &str) {
    static LOGGED_AT_MS: AtomicU64 = AtomicU64::new(0);
    let now_ms = context.now_ms();
    if now_ms.saturating_sub(LOGGED_AT_MS.load(Ordering::Relaxed)) >= LOG_INTERVAL_MS {
        LOGGED_AT_MS.store(now_ms, Ordering::Relaxed);
        let key = closed.key().bytes().escape_ascii();
        context.log(Level::Warning, &format!("{what} of '{key}' was not appended: {problem}"));
    }
}
