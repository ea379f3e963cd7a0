//! `LIQ.TRIM`: frees what the module can free.

use liq_core::grammar::{Args, RequestError};

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::memory;
use crate::refusal::Refusal;

pub struct Trim;

impl Command for Trim {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"liq.trim",
        arity: -1,
        flags: c"write",
        key: KeyAccess::None,
        summary: c"Frees the memory of all series and markets that nobody would miss, and answers how much it was",
        complexity: c"O(N) in the keys of the server, in slices; other clients are served meanwhile",
        since: c"0.1.0",
        args: &[ArgSpec::word(c"aggressive", c"AGGRESSIVE").optional()],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let mut args = Args::new(arguments.all());
        let trim = if args.take_keyword("AGGRESSIVE") { memory::Trim::Aggressive } else { memory::Trim::Plain };
        match args.next() {
            None => memory::trim(context, trim),
            Some(other) => Err(RequestError::unknown_option(other).into()),
        }
    }
}
