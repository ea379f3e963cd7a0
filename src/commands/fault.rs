//! `LIQ._FAULT`: panics on request, so that a test can show that the server outlives it.

use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;

pub struct Fault;

impl Command for Fault {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"liq._fault",
        arity: 1,
        flags: c"readonly",
        key: KeyAccess::None,
        summary: c"Panics. Only in test builds",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: &[],
        internal: false,
    };

    #[allow(clippy::panic, reason = "what the command is for")]
    fn run(_: &Context<'_>, _: Arguments<'_>) -> Result<(), Refusal> {
        panic!("on request")
    }
}
