//! What `RL.LOAD` and `RL.APPLY` carry: whole limiters; a write carries what its limiter has become.

use liq_core::grammar::{Args, timestamp_ms};
use liq_core::rl::limiter::Limiter;

use super::keep::NEVER;
use crate::commands::replayed::{Replayed, internal, payload};
use crate::commit::Expiry;
use crate::ffi::{ArgSpec, CommandInfo, Persisted};
use crate::keyspace::Writable;
use crate::refusal::Refusal;

impl Replayed for Limiter {
    const LOAD: CommandInfo =
        internal(c"rl.load", c"Internal: carries whole limiters to replicas", c"O(L) in the limits, at most 8");
    const APPLY: CommandInfo = CommandInfo {
        arity: -3,
        flags: c"write fast",
        args: &[ArgSpec::KEY, ArgSpec::text(c"payload"), ArgSpec::integer(c"expires").optional()],
        ..internal(c"rl.apply", c"Internal: carries what a limiter has become", c"O(L) in the limits, at most 8")
    };

    /// The expiry stands behind the state where it moved.
    fn apply(open: &mut Writable<'_, Self>, mut args: Args<'_>) -> Result<Expiry, Refusal> {
        let limiter = payload(args.required()?, Self::decode_versioned)?;
        let expires_ms = args.next().map(|text| timestamp_ms("expires", text)).transpose()?;
        match open.value() {
            Some(held) => *held = limiter,
            None => open.put(limiter),
        }
        Ok(match expires_ms {
            None => Expiry::Kept,
            Some(NEVER) => Expiry::Here(None),
            at_ms => Expiry::Here(at_ms),
        })
    }
}
