//! `LIQ.MADD key [EXCHANGE name] [BATCH producer seq] [AT now] [IDS] EVENTS ts side price size [id] …`: adds a batch.

use liq_core::liq::request;

use super::argument_docs::{AT, BATCH, EVENT_SIDE, EXCHANGE, PRICE, SIZE, TS};
use super::recording::Recording;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::{config, keyspace, reply};

pub struct Madd;

const EVENTS: &[ArgSpec] = &[
    ArgSpec::KEY,
    EXCHANGE,
    BATCH,
    AT,
    ArgSpec::word(c"ids", c"IDS").optional(),
    ArgSpec::block(c"event", &[TS, EVENT_SIDE, PRICE, SIZE, ArgSpec::text(c"id").optional()])
        .after(c"EVENTS")
        .multiple(),
];

impl Command for Madd {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"liq.madd",
        arity: -7,
        flags: c"write",
        key: KeyAccess::Update,
        summary: c"Adds liquidations in one batch and counts what became of them",
        complexity: c"O(N) in the events of the batch",
        since: c"0.1.0",
        args: EVENTS,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = request::Madd::parse(args, config::max_batch())?;
        let reply = Recording::open(context, key, request.at_ms)?.add_batch(&request)?;
        reply::send(context, &reply);
        Ok(())
    }
}
