//! What becomes of a limiter that a command changed: stored or deleted, given its expiry, and replicated as it is.

use liq_core::rl::limiter::{Change, Limiter};

use crate::ffi::{Context, KeyName, Persisted};
use crate::keyspace::Writable;
use crate::refusal::Refusal;

/// What `RL.CHECK`, `RL.PEEK` and `RL.SYNC` say of a key that has neither limits nor a ban.
pub const NO_LIMITS: Refusal =
    Refusal::Because(std::borrow::Cow::Borrowed("no limits: give LIMIT, or RL.CREATE the key first"));

/// The expiry that `RL.APPLY` carries for a key that stays.
pub const NEVER: u64 = 0;

/// Stores a limiter under a key that was missing, unless it says nothing that a missing key does not.
pub fn make(
    context: &Context<'_>,
    name: KeyName<'_>,
    key: &mut Writable<'_, Limiter>,
    limiter: Limiter,
    change: Change,
) -> Result<(), Refusal> {
    if matches!(change, Change::Nothing | Change::Lapsed) {
        return Ok(());
    }
    key.check_memory()?;
    tell(context, name, &limiter, change);
    key.store(limiter);
    if let Change::ExpiresAt(expires_ms) = change {
        key.expire_at_ms_here(Some(expires_ms));
    }
    key.changed();
    Ok(())
}

/// Keeps what a command changed in the limiter that the key holds.
pub fn update(context: &Context<'_>, name: KeyName<'_>, key: &mut Writable<'_, Limiter>, change: Change) {
    let Some(limiter) = key.value() else { return };
    match change {
        Change::Nothing => return,
        Change::Lapsed => {
            key.delete();
            context.replicate(c"DEL", name, &[]);
        }
        Change::State => tell(context, name, limiter, change),
        Change::ExpiresAt(expires_ms) => {
            tell(context, name, limiter, change);
            key.expire_at_ms_here(Some(expires_ms));
        }
        Change::Stays => {
            tell(context, name, limiter, change);
            key.expire_at_ms_here(None);
        }
    }
    key.changed();
}

/// Sends what the limiter has become to the replicas and the append-only file, with its expiry where that moved.
fn tell(context: &Context<'_>, name: KeyName<'_>, limiter: &Limiter, change: Change) {
    if context.is_unheard() {
        // Goes nowhere, and counts the change for the save points of snapshots.
        context.replicate_verbatim();
        return;
    }
    let state = limiter.encode_versioned();
    let expires_ms = match change {
        Change::ExpiresAt(expires_ms) => expires_ms,
        Change::Stays => NEVER,
        Change::Nothing | Change::State | Change::Lapsed => return context.replicate(c"RL.APPLY", name, &[&state]),
    };
    context.replicate(c"RL.APPLY", name, &[&state, expires_ms.to_string().as_bytes()]);
}
