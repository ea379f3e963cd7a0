//! `RL.CHECK`

use liq_core::rl::reply::RateReply;
use liq_core::rl::request;

use super::argument_docs::{COST, LIMITS};
use super::keep::{Held, NO_LIMITS};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::totals::TOTALS;
use crate::types::ratelimit::now;
use crate::{keyspace, reply};

pub struct Check;

impl Command for Check {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"rl.check",
        arity: -2,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Takes a cost from all limits of a key or from none",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, LIMITS.optional(), COST],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, rest) = keyspace::key_and_rest(arguments)?;
        let request = request::Check::parse(rest)?;
        let now = now();
        let mut held = Held::open(context, name)?;
        let limiter = held.limiter_or_new(now)?;
        let outcome = limiter.check(&request.rules, request.cost, now).map_err(|_| NO_LIMITS)?;
        let closed = held.keep(outcome.change)?;
        TOTALS.checks.add(1);
        if !outcome.verdict.allowed && request.cost > 0 {
            TOTALS.blocks.add(1);
            closed.notify(c"rl.block");
        }
        reply::send(context, &RateReply::from(&outcome.verdict));
        Ok(())
    }
}
