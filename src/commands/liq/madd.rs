//! `LIQ.MADD`

use super::argument_docs::{AT, BATCH, EVENT_SIDE, EXCHANGE, PRICE, SIZE, TS};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;

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
        todo!()
    }
}
