//! `RL.APPLY`

use liq_core::grammar::RequestError;
use liq_core::rl::limiter::Limiter;

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess, Persisted};
use crate::keyspace;
use crate::refusal::Refusal;

pub struct Apply;

impl Command for Apply {
    const INFO: CommandInfo = CommandInfo {
        name: c"rl.apply",
        arity: 3,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Carries what a limiter has become to replicas and the append-only file",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::text(c"payload")],
        internal: true,
    };

    /// Stores the state with the expiry that follows from it, and passes it on.
    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, mut rest) = arguments.key_and_rest()?;
        let payload = rest.required()?;
        let problem = |problem: String| RequestError::argument("payload", problem, payload);
        let limiter = Limiter::decode_versioned(payload).map_err(problem)?;
        let mut key = keyspace::write::<Limiter>(context, name)?;
        let expires_ms = limiter.expires_ms();
        match key.value() {
            Some(held) => *held = limiter,
            None => key.store(limiter),
        }
        if expires_ms.is_some() {
            key.expire_at_ms_here(expires_ms);
        }
        key.changed();
        context.replicate_verbatim();
        context.reply_status(c"OK");
        Ok(())
    }
}
