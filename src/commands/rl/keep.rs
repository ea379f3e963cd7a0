//! What becomes of a limiter that a command changed: stored or deleted, given its expiry, and replicated as it is.

use liq_core::rl::limiter::{Limiter, expiry_ms};

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
    tell(context, name, &limiter);
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
    match limiter.lapses_at_us() {
        Some(lapses_us) if lapses_us <= now_us => {
            key.delete();
            context.replicate(c"DEL", name, &[]);
        }
        Some(lapses_us) => {
            tell(context, name, limiter);
            key.expire_at_ms_here(Some(expiry_ms(lapses_us)));
        }
        // A key that stays keeps the expiry that somebody may have given it.
        None => tell(context, name, limiter),
    }
    key.changed();
}

/// Sends what the limiter has become to the replicas and the append-only file.
fn tell(context: &Context<'_>, name: KeyName<'_>, limiter: &Limiter) {
    if context.is_unheard() {
        // Goes nowhere, and counts the change for the save points of snapshots.
        context.replicate_verbatim();
    } else {
        context.replicate(c"RL.APPLY", name, &[&limiter.encode_versioned()]);
    }
}
