//! `LIQ.APPLY key payload`, internal: a decided write on its way to replicas and the append-only file.

use liq_core::grammar::RequestError;

use crate::commit::{Expiry, Record, commit};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;
use crate::types::liqseries::LiqSeries;

pub struct Apply;

impl Command for Apply {
    type Refusal = Refusal;

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
        let (key, mut args) = keyspace::key_and_rest(arguments)?;
        let payload = args.required()?;
        let mut open = keyspace::write::<LiqSeries>(context, key)?;
        let applied = open.existing()?.series.apply(payload);
        applied.map_err(|problem| RequestError::argument("payload", problem.to_string(), payload))?;
        commit(context, open, Record::Verbatim, Expiry::Kept);
        context.reply_status(c"OK");
        Ok(())
    }
}
