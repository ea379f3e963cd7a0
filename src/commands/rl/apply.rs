//! `RL.APPLY`

use liq_core::grammar::{RequestError, timestamp_ms};
use liq_core::rl::limiter::Limiter;

use super::keep::NEVER;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess, Persisted};
use crate::keyspace;
use crate::refusal::Refusal;

pub struct Apply;

impl Command for Apply {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"rl.apply",
        arity: -3,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Carries what a limiter has become to replicas and the append-only file",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::text(c"payload"), ArgSpec::integer(c"expires").optional()],
        internal: true,
    };

    /// Stores the state, and the expiry where that moved, and passes both on.
    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, mut rest) = keyspace::key_and_rest(arguments)?;
        let payload = rest.required()?;
        let problem = |problem: String| RequestError::argument("payload", problem, payload);
        let limiter = Limiter::decode_versioned(payload).map_err(problem)?;
        let expires_ms = rest.next().map(|text| timestamp_ms("expires", text)).transpose()?;
        let mut key = keyspace::write::<Limiter>(context, name)?;
        match key.value() {
            Some(held) => *held = limiter,
            None => key.store(limiter),
        }
        if let Some(expires_ms) = expires_ms {
            key.expire_at_ms_here((expires_ms != NEVER).then_some(expires_ms));
        }
        key.changed();
        context.replicate_verbatim();
        context.reply_status(c"OK");
        Ok(())
    }
}
