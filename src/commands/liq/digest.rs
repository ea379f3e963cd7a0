//! `LIQ.DIGEST`

use super::argument_docs::{AT, SIDE, SIZE, WINDOW};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;

pub struct Digest;

impl Command for Digest {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.digest",
        arity: -2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"The sizes in a window as a mergeable t-digest",
        complexity: c"O(B) in the buckets occupied",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, WINDOW, SIDE, ArgSpec::integer(c"size").after(c"SIZE").optional(), AT],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        todo!()
    }
}
