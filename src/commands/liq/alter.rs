//! `LIQ.ALTER`

use super::argument_docs::KEY_AND_OPTIONS;
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;

pub struct Alter;

impl Command for Alter {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.alter",
        arity: -2,
        flags: c"write",
        key: KeyAccess::Update,
        summary: c"Changes the options of a series",
        complexity: c"O(1), O(N) in the events held when windows or precision change",
        since: c"0.1.0",
        args: KEY_AND_OPTIONS,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        todo!()
    }
}
