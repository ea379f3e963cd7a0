//! `LIQ.RANGE key from to [REV] [COUNT n] [MINSIZE x] [SIDE s] [EXCHANGE name]`: raw events.

use liq_core::liq::request;

use super::argument_docs::{EXCHANGE, SIDE};
use super::reading;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::reply;

pub struct Range;

impl Command for Range {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.range",
        arity: -4,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"The newest events themselves, by time",
        complexity: c"O(log N + M) with M rows",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            ArgSpec::text(c"from"),
            ArgSpec::text(c"to"),
            ArgSpec::word(c"rev", c"REV").optional(),
            ArgSpec::integer(c"count").after(c"COUNT").optional(),
            ArgSpec::real(c"min-size").after(c"MINSIZE").optional(),
            SIDE,
            EXCHANGE,
        ],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = arguments.key_and_rest()?;
        let request = request::Range::parse(args)?;
        reading::read(context, key, None, |series, _| {
            reply::send(context, &*series.range(&request));
            Ok(())
        })
    }
}
