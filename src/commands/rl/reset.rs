//! `RL.RESET`

use liq_core::rl::limiter::Limiter;

use super::keep;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;

pub struct Reset;

impl Command for Reset {
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
        let (name, _) = arguments.key_and_rest()?;
        let now_us = context.now_us();
        let mut key = keyspace::write::<Limiter>(context, name)?;
        let found = key.value().map(|limiter| limiter.reset(now_us)).is_some();
        keep::update(context, name, &mut key, now_us);
        context.reply_integer(found.into());
        Ok(())
    }
}
