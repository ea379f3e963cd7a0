//! `RL.RESET`

use liq_core::rl::limiter::Change;

use super::keep::Held;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;
use crate::types::ratelimit::now;

pub struct Reset;

impl Command for Reset {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"rl.reset",
        arity: 2,
        flags: c"write fast",
        key: KeyAccess::Clear,
        summary: c"Forgets what is used of a key's limits, and any ban",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[ArgSpec::KEY],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, _) = keyspace::key_and_rest(arguments)?;
        let now = now();
        let mut held = Held::open(context, name)?;
        let change = held.limiter().map(|limiter| limiter.reset(now));
        held.keep(change.unwrap_or(Change::Nothing))?;
        context.reply_integer(change.is_some().into());
        Ok(())
    }
}
