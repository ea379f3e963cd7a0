//! `LIQ.LOAD key blob`, internal: a whole series on its way to replicas and the append-only file.

use liq_core::grammar::RequestError;

use crate::commit::{Expiry, Record, commit};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess, Persisted};
use crate::keyspace;
use crate::refusal::Refusal;
use crate::types::liqseries::LiqSeries;

pub struct Load;

impl Command for Load {
    type Refusal = Refusal;

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
        let (key, mut args) = keyspace::key_and_rest(arguments)?;
        let payload = args.required()?;
        let problem = |problem: String| RequestError::argument("payload", problem, payload);
        let stored = LiqSeries::decode_versioned(payload).map_err(problem)?;
        let mut open = keyspace::write(context, key)?;
        open.put(stored);
        commit(context, open, Record::Verbatim, Expiry::Kept);
        context.reply_status(c"OK");
        Ok(())
    }
}
