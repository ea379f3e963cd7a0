//! `TICK.MADD key [BATCH producer seq] [GAP] [AT now] ([IDS] TICKS ts side price qty [id] … | PACK payload)`: a batch.

use liq_core::market::request;

use super::argument_docs::{AT, BATCH, GAP, PRICE, QTY, SIDE, TS};
use super::feeding::Feeding;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::{config, keyspace, reply};

pub struct Madd;

const TICKS: &[ArgSpec] = &[
    ArgSpec::KEY,
    BATCH,
    GAP,
    AT,
    ArgSpec::word(c"ids", c"IDS").optional(),
    ArgSpec::one_of(
        c"ticks",
        &[
            ArgSpec::block(c"tick", &[TS, SIDE, PRICE, QTY, ArgSpec::text(c"id").optional()])
                .after(c"TICKS")
                .multiple(),
            ArgSpec::text(c"payload").after(c"PACK"),
        ],
    ),
];

impl Command for Madd {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"tick.madd",
        arity: -4,
        flags: c"write",
        key: KeyAccess::Update,
        summary: c"Feeds trades to a market one by one and counts what became of them",
        complexity: c"O(N) in the ticks of the batch",
        since: c"0.1.0",
        args: TICKS,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = request::Madd::parse(args, config::max_batch())?;
        let reply = Feeding::open(context, key, request.at_ms)?.add_batch(&request)?;
        reply::send(context, &reply);
        Ok(())
    }
}
