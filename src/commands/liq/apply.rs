//! `LIQ.APPLY`

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;

pub struct Apply;

impl Command for Apply {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.apply",
        arity: 3,
        flags: c"write",
        key: KeyAccess::Update,
        summary: c"Carries decided writes to replicas and the append-only file",
        complexity: c"O(N) in the events carried",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::text(c"payload")],
        internal: true,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        todo!()
    }
}
