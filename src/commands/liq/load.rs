//! `LIQ.LOAD`

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;

pub struct Load;

impl Command for Load {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.load",
        arity: 3,
        flags: c"write",
        key: KeyAccess::Create,
        summary: c"Carries whole series to replicas and the append-only file",
        complexity: c"O(N) in the bytes carried",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::text(c"payload")],
        internal: true,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        todo!()
    }
}
