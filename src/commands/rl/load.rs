//! `RL.LOAD`

use liq_core::grammar::RequestError;
use liq_core::rl::limiter::Limiter;

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess, Persisted};
use crate::keyspace;
use crate::refusal::Refusal;

pub struct Load;

impl Command for Load {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"rl.load",
        arity: 3,
        flags: c"write",
        key: KeyAccess::Create,
        summary: c"Carries whole limiters in a rewritten append-only file",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::text(c"payload")],
        internal: true,
    };

    /// Stores the state; the expiry stands in the file behind it.
    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, mut rest) = keyspace::key_and_rest(arguments)?;
        let payload = rest.required()?;
        let problem = |problem: String| RequestError::argument("payload", problem, payload);
        let limiter = Limiter::decode_versioned(payload).map_err(problem)?;
        let mut key = keyspace::write::<Limiter>(context, name)?;
        key.store(limiter);
        key.changed();
        context.replicate_verbatim();
        context.reply_status(c"OK");
        Ok(())
    }
}
