//! `LIQ.CREATE`

use super::argument_docs::KEY_AND_OPTIONS;
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;

pub struct Create;

impl Command for Create {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.create",
        arity: -2,
        flags: c"write deny-oom fast",
        key: KeyAccess::Create,
        summary: c"Makes a series with the options named",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: KEY_AND_OPTIONS,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        todo!()
    }
}
