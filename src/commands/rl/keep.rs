//! What becomes of a limiter that a command changed: stored or deleted, given its expiry, and replicated as it is.

use liq_core::limiter::Limiter;

use crate::ffi::{Context, KeyName, Persisted};
use crate::keyspace::Writable;
use crate::refusal::Refusal;

/// What `RL.CHECK`, `RL.PEEK` and `RL.SYNC` say of a key that has neither limits nor a ban.
pub const NO_LIMITS: Refusal =
    Refusal::Because(std::borrow::Cow::Borrowed("no limits: give LIMIT, or RL.CREATE the key first"));

/// Stores a limiter under a key that was missing, unless it says nothing that a missing key does not.
pub fn make(
    context: &Context<'_>,
    name: KeyName<'_>,
    key: &mut Writable<'_, Limiter>,
    limiter: Limiter,
    now_us: u64,
) -> Result<(), Refusal> {
    if limiter.has_lapsed(now_us) {
        return Ok(());
    }
    key.check_memory()?;
    context.replicate(c"RL.APPLY", name, &limiter.encode_versioned());
    let expires_ms = limiter.expires_ms();
    key.store(limiter);
    if expires_ms.is_some() {
        key.expire_at_ms_here(expires_ms);
    }
    key.changed();
    Ok(())
}

/// Keeps what a command changed in the limiter that the key holds.
pub fn update(context: &Context<'_>, name: KeyName<'_>, key: &mut Writable<'_, Limiter>, now_us: u64) {
    let Some(limiter) = key.value() else { return };
    if limiter.has_lapsed(now_us) {
        key.delete();
        context.replicate_all(c"DEL", name, &[]);
    } else {
        let (bytes, expires_ms) = (limiter.encode_versioned(), limiter.expires_ms());
        // A key that stays keeps the expiry that somebody may have given it.
        if expires_ms.is_some() {
            key.expire_at_ms_here(expires_ms);
        }
        context.replicate(c"RL.APPLY", name, &bytes);
    }
    key.changed();
}
