//! A limiter from the opening of its key to the end of the command: found or made, kept or deleted with its expiry, and
//! replicated as what it has become.

use std::borrow::Cow;

use liq_core::rl::limiter::{Change, Limiter, Now};

use crate::commit::{Closed, Expiry, Record, close, commit};
use crate::ffi::{Context, KeyName, Persisted};
use crate::keyspace::{self, Writable};
use crate::refusal::Refusal;

/// What `RL.CHECK`, `RL.PEEK` and `RL.SYNC` say of a key that has neither limits nor a ban.
pub const NO_LIMITS: Refusal = Refusal::Because(Cow::Borrowed("no limits: give LIMIT, or RL.CREATE the key first"));

/// The expiry that `RL.APPLY` carries for a key that stays.
pub const NEVER: u64 = 0;

/// The limiter of a key that is open for writing.
pub struct Held<'call> {
    context: &'call Context<'call>,
    key: Writable<'call, Limiter>,
    is_new: bool,
}

impl<'call> Held<'call> {
    /// Opens the key.
    pub fn open(context: &'call Context<'call>, name: KeyName<'call>) -> Result<Self, Refusal> {
        Ok(Self { context, key: keyspace::write(context, name)?, is_new: false })
    }

    /// The limiter, if the key is there.
    pub fn limiter(&mut self) -> Option<&mut Limiter> {
        self.key.value()
    }

    /// The limiter, or an empty one that is stored with what it is given.
    pub fn limiter_or_new(&mut self, now: Now) -> Result<&mut Limiter, Refusal> {
        self.is_new = self.key.value().is_none();
        if self.is_new {
            self.key.put(Limiter::new(now));
        }
        self.key.existing()
    }

    /// Ends the command with what it changed. A new limiter that says nothing that a missing key does not is not stored.
    pub fn keep(mut self, change: Change) -> Result<Closed<'call>, Refusal> {
        let context = self.context;
        let expiry = match change {
            Change::Nothing => return Ok(close(context, self.key)),
            Change::Lapsed if self.is_new => return Ok(close(context, self.key)),
            Change::Lapsed => {
                self.key.delete();
                return Ok(commit(context, self.key, Record::Command(c"DEL", &[]), Expiry::Kept));
            }
            Change::State => Expiry::Kept,
            Change::ExpiresAt(expires_ms) => Expiry::Here(Some(expires_ms)),
            Change::Stays => Expiry::Here(None),
        };
        if self.is_new {
            self.key.check_memory()?;
        }
        if context.is_unheard() {
            return Ok(commit(context, self.key, Record::Counted, expiry));
        }
        let state = self.key.existing()?.encode_versioned();
        Ok(match expiry {
            Expiry::Here(expires_ms) => {
                let expires = expires_ms.unwrap_or(NEVER).to_string();
                let record = Record::Command(c"RL.APPLY", &[&state, expires.as_bytes()]);
                commit(context, self.key, record, expiry)
            }
            _ => commit(context, self.key, Record::Command(c"RL.APPLY", &[&state]), expiry),
        })
    }
}
