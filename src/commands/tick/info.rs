//! `TICK.INFO key`: options, holdings and totals.

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{keyspace, reply};

pub struct Info;

impl Command for Info {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"tick.info",
        arity: 2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"Options, totals, gaps and memory of a market",
        complexity: c"O(B) in the blocks held, whose memory is measured",
        since: c"0.1.0",
        args: &[ArgSpec::KEY],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, _) = keyspace::key_and_rest(arguments)?;
        keyspace::read_known::<TickStore, _>(context, key, |found| {
            let (stored, known) = found.ok_or(Refusal::NoSuchKey)?;
            reply::send(context, &stored.market.info(known.memory_bytes));
            Ok(())
        })
    }
}
