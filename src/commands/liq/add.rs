//! `LIQ.ADD key ts side price size [EXCHANGE name] [ID id] [AT now]`: adds and judges one event.

use liq_core::liq::reply::AddReply;
use liq_core::liq::request;

use super::argument_docs::{AT, EVENT_SIDE, EXCHANGE, PRICE, SIZE, TS};
use super::recording::Recording;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::{keyspace, reply};

pub struct Add;

impl Command for Add {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"liq.add",
        arity: -6,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Adds one liquidation and judges it against the events before it",
        complexity: c"O(1) amortized",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, TS, EVENT_SIDE, PRICE, SIZE, EXCHANGE, ArgSpec::text(c"id").after(c"ID").optional(), AT],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = request::Add::parse(args)?;
        let mut recording = Recording::open(context, key, request.at_ms)?;
        let event = request.event.resolve(recording.clock_ms());
        let judgement = recording.add(&event)?;
        recording.finish()?;
        reply::send(context, &AddReply::from(&judgement));
        Ok(())
    }
}
