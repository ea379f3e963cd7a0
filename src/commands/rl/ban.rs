//! `RL.BAN`

use liq_core::rl::limiter::Limiter;
use liq_core::rl::request;

use super::keep;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;

pub struct Ban;

impl Command for Ban {
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
        let (name, rest) = arguments.key_and_rest()?;
        let request = request::Ban::parse(rest)?;
        let now_us = context.now_us();
        let mut key = keyspace::write::<Limiter>(context, name)?;
        match key.value().map(|limiter| limiter.ban(request.ban_ms, now_us)) {
            Some(true) => keep::update(context, name, &mut key, now_us),
            Some(false) => {}
            None => {
                let mut limiter = Limiter::new(now_us);
                limiter.ban(request.ban_ms, now_us);
                keep::make(context, name, &mut key, limiter, now_us)?;
            }
        }
        context.reply_status(c"OK");
        Ok(())
    }
}
