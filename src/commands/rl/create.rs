//! `RL.CREATE`

use liq_core::rl::request;

use super::argument_docs::LIMITS;
use super::keep::Held;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;
use crate::types::ratelimit::now;

pub struct Create;

impl Command for Create {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"rl.create",
        arity: -6,
        flags: c"write deny-oom fast",
        key: KeyAccess::Update,
        summary: c"Stores the limits of a key, which then stays when nothing is used",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, LIMITS],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, rest) = keyspace::key_and_rest(arguments)?;
        let request = request::Create::parse(rest)?;
        let now = now();
        let mut held = Held::open(context, name)?;
        let change = held.limiter_or_new(now)?.create(&request.rules, now);
        held.keep(change)?;
        context.reply_status(c"OK");
        Ok(())
    }
}
