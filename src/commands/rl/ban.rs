//! `RL.BAN`

use liq_core::rl::limiter::Limiter;
use liq_core::rl::request;

use super::keep;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;
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
        let mut key = keyspace::write::<Limiter>(context, name)?;
        if let Some(limiter) = key.value() {
            let change = limiter.ban(request.ban_ms, now);
            keep::update(context, name, &mut key, change);
        } else {
            let mut limiter = Limiter::new(now);
            let change = limiter.ban(request.ban_ms, now);
            keep::make(context, name, &mut key, limiter, change)?;
        }
        context.reply_status(c"OK");
        Ok(())
    }
}
