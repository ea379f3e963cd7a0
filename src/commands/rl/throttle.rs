//! `CL.THROTTLE`, as redis-cell has it.

use liq_core::rl::request;

use super::keep::Held;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
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
        let now = now();
        let mut held = Held::open(context, name)?;
        let (throttled, change) = held.limiter_or_new(now)?.throttle(&request.rule, request.quantity, now);
        let closed = held.keep(change)?;
        TOTALS.checks.add(1);
        if throttled.limited {
            TOTALS.blocks.add(1);
            closed.notify(c"rl.block");
        }
        reply::send(context, &throttled);
        Ok(())
    }
}
