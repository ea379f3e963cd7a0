//! `RL.SYNC`

use liq_core::grammar::{RequestError, format_duration};
use liq_core::rl::limiter::{Kind, NoSuchLimit, us_from_ms};
use liq_core::rl::reply::RateReply;
use liq_core::rl::request;

use super::argument_docs::{KIND, PERIOD};
use super::keep::{Held, NO_LIMITS};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::ratelimit::now;
use crate::{config, keyspace, reply};

pub struct Sync;

impl Command for Sync {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"rl.sync",
        arity: -6,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Takes over what the exchange says is used of a limit",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            PERIOD,
            KIND,
            ArgSpec::integer(c"used").after(c"USED"),
            ArgSpec::integer(c"at").after(c"AT").optional(),
            ArgSpec::word(c"force", c"FORCE").optional(),
        ],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, rest) = keyspace::key_and_rest(arguments)?;
        let request = request::Sync::parse(rest)?;
        let now = now();
        let reported_us = reported_us(&request, now.wall_us())?;
        let mut held = Held::open(context, name)?;
        let limiter = held.limiter().ok_or(NO_LIMITS)?;
        let outcome = limiter.sync(request.told, reported_us, now).map_err(|NoSuchLimit| no_such_limit(&request))?;
        held.keep(outcome.change)?;
        reply::send(context, &RateReply::from(&outcome.verdict));
        Ok(())
    }
}

/// When the figure was reported: now, or `AT`, which may be ahead of the clock no further than events may.
fn reported_us(request: &request::Sync, wall_us: u64) -> Result<u64, RequestError> {
    let Some(at_ms) = request.at_ms else { return Ok(wall_us) };
    let latest_us = wall_us.saturating_add(us_from_ms(config::max_future_ms()));
    if us_from_ms(at_ms) > latest_us {
        let allowed = format_duration(config::max_future_ms());
        let problem = format!("ahead of the server's clock by more than liq.max-future ({allowed})");
        return Err(RequestError::argument("AT", problem, at_ms.to_string().as_bytes()));
    }
    Ok(us_from_ms(at_ms))
}

fn no_such_limit(request: &request::Sync) -> Refusal {
    let problem = match request.told.kind {
        Kind::Gcra => "the key has no smooth limit with this period",
        Kind::Sliding => "the key has no SLIDING limit with this period",
        Kind::Aligned => "the key has no ALIGNED limit with this period",
    };
    RequestError::argument("PERIOD", problem, format_duration(request.told.period_ms).as_bytes()).into()
}
