//! `CL.THROTTLE`, as redis-cell has it.

use liq_core::rl::limiter::{Limiter, Throttled};
use liq_core::rl::request;

use super::keep;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess, KeyName};
use crate::refusal::Refusal;
use crate::totals::TOTALS;
use crate::types::ratelimit::now;
use crate::{keyspace, reply};

pub struct Throttle;

impl Command for Throttle {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"cl.throttle",
        arity: -5,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Takes a quantity from one smooth limit, with redis-cell's arguments and reply",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            ArgSpec::integer(c"max_burst"),
            ArgSpec::integer(c"count_per_period"),
            ArgSpec::integer(c"period"),
            ArgSpec::integer(c"quantity").optional(),
        ],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, rest) = keyspace::key_and_rest(arguments)?;
        let request = request::Throttle::parse(rest)?;
        let throttled = throttle(context, name, &request)?;
        TOTALS.checks.add(1);
        if throttled.limited {
            TOTALS.blocks.add(1);
            context.notify(c"rl.block", name);
        }
        reply::send(context, &throttled);
        Ok(())
    }
}

fn throttle(context: &Context<'_>, name: KeyName<'_>, request: &request::Throttle) -> Result<Throttled, Refusal> {
    let now = now();
    let mut key = keyspace::write::<Limiter>(context, name)?;
    if let Some(limiter) = key.value() {
        let (throttled, change) = limiter.throttle(&request.rule, request.quantity, now);
        keep::update(context, name, &mut key, change);
        return Ok(throttled);
    }
    let mut limiter = Limiter::new(now);
    let (throttled, change) = limiter.throttle(&request.rule, request.quantity, now);
    keep::make(context, name, &mut key, limiter, change)?;
    Ok(throttled)
}
