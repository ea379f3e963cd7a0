//! `LIQ.RESET key`: forgets events and totals, keeps the options.

use crate::commit::{Expiry, Record, commit};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;
use crate::types::liqseries::LiqSeries;

pub struct Reset;

impl Command for Reset {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"liq.reset",
        arity: 2,
        flags: c"write",
        key: KeyAccess::Clear,
        summary: c"Forgets the events and totals of a series and keeps its options",
        complexity: c"O(N) in the memory freed",
        since: c"0.1.0",
        args: &[ArgSpec::KEY],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, _) = keyspace::key_and_rest(arguments)?;
        let mut open = keyspace::write::<LiqSeries>(context, key)?;
        open.existing()?.series.reset();
        commit(context, open, Record::Verbatim, Expiry::Kept);
        context.reply_status(c"OK");
        Ok(())
    }
}
