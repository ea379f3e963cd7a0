//! `TICK.RANGE key from to [REV] [COUNT n] [SIDE s]`: raw ticks.

use liq_core::market::request;

use super::argument_docs::SIDE;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{keyspace, reply};

pub struct Range;

impl Command for Range {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"tick.range",
        arity: -4,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"The newest ticks themselves, by time",
        complexity: c"O(N + M) with N chunks of 64 ticks and M rows",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            ArgSpec::text(c"from"),
            ArgSpec::text(c"to"),
            ArgSpec::word(c"rev", c"REV").optional(),
            ArgSpec::integer(c"count").after(c"COUNT").optional(),
            SIDE.after(c"SIDE").optional(),
        ],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = request::Range::parse(args)?;
        keyspace::read::<TickStore, _>(context, key, |found| {
            let rows = found.map(|stored| stored.market.range(&request)).unwrap_or_default();
            reply::send(context, &rows);
            Ok(())
        })
    }
}
