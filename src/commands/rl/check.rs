//! `RL.CHECK`

use liq_core::rl::limiter::{Limiter, Outcome};
use liq_core::rl::request;

use super::argument_docs::{COST, LIMITS};
use super::keep::{self, NO_LIMITS};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess, KeyName};
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
        let outcome = check(context, name, &request)?;
        TOTALS.checks.add(1);
        if !outcome.verdict.allowed && request.cost > 0 {
            TOTALS.blocks.add(1);
            context.notify(c"rl.block", name);
        }
        reply::send(context, &outcome.verdict);
        Ok(())
    }
}

fn check(context: &Context<'_>, name: KeyName<'_>, request: &request::Check) -> Result<Outcome, Refusal> {
    let now = now();
    let mut key = keyspace::write::<Limiter>(context, name)?;
    if let Some(limiter) = key.value() {
        let outcome = limiter.check(&request.rules, request.cost, now).map_err(|_| NO_LIMITS)?;
        keep::update(context, name, &mut key, outcome.change);
        return Ok(outcome);
    }
    let mut limiter = Limiter::new(now);
    let outcome = limiter.check(&request.rules, request.cost, now).map_err(|_| NO_LIMITS)?;
    keep::make(context, name, &mut key, limiter, outcome.change)?;
    Ok(outcome)
}
