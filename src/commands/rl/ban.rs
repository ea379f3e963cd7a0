//! `RL.BAN`

use liq_core::rl::request;

use super::keep::Held;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;
use crate::totals::TOTALS;
use crate::types::ratelimit::now;

pub struct Ban;

impl Command for Ban {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"rl.ban",
        arity: 3,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Refuses everything for a while, or lifts that",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::text(c"duration")],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, rest) = keyspace::key_and_rest(arguments)?;
        let request = request::Ban::parse(rest)?;
        let now = now();
        let mut held = Held::open(context, name)?;
        let change = held.limiter_or_new(now)?.ban(request.ban_ms, now);
        held.keep(change)?;
        if request.ban_ms > 0 {
            TOTALS.bans.add(1);
        }
        context.reply_status(c"OK");
        Ok(())
    }
}
