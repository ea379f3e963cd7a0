//! `RL.PEEK`

use liq_core::rl::limiter::Limiter;
use liq_core::rl::reply::RateReply;
use liq_core::rl::request;

use super::argument_docs::COST;
use super::keep::NO_LIMITS;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::ratelimit::now;
use crate::{keyspace, reply};

pub struct Peek;

impl Command for Peek {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"rl.peek",
        arity: -2,
        flags: c"readonly fast",
        key: KeyAccess::Read,
        summary: c"Tells whether a cost would pass, taking nothing",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, COST],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, rest) = keyspace::key_and_rest(arguments)?;
        let request = request::Peek::parse(rest)?;
        let now = now();
        let verdict = keyspace::read::<Limiter, _>(context, name, |limiter| {
            limiter.and_then(|limiter| limiter.peek(&[], request.cost, now)).ok_or(NO_LIMITS)
        })?;
        reply::send(context, &RateReply::from(&verdict));
        Ok(())
    }
}
