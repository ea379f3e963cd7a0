//! `LIQ.INFO`

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;

pub struct Info;

impl Command for Info {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.info",
        arity: 2,
        flags: c"readonly fast",
        key: KeyAccess::Read,
        summary: c"Options, totals and memory of a series",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: &[ArgSpec::KEY],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        todo!()
    }
}
