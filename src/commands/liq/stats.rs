//! `LIQ.STATS`

use super::argument_docs::{AT, EXCHANGE, SIDE, WINDOW};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;

pub struct Stats;

const BREAKDOWN: ArgSpec = ArgSpec::one_of(
    c"breakdown",
    &[
        ArgSpec::block(c"by", &[ArgSpec::word(c"by-exchange", c"EXCHANGE")]).after(c"BY"),
        ArgSpec::text(c"bucket").after(c"BUCKET"),
    ],
)
.optional();

impl Command for Stats {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.stats",
        arity: -2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"Counts, volumes, imbalance and distribution of a window",
        complexity: c"O(P) in the panes of the window",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, WINDOW, AT, SIDE, EXCHANGE, BREAKDOWN],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        todo!()
    }
}
