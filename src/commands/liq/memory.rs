//! `LIQ.MEMORY`: how short memory is.

use liq_core::liq::reply::MemoryInfo;
use liq_core::rl::limiter::Limiter;
use liq_core::wire::Bytes;

use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess, Persisted};
use crate::refusal::Refusal;
use crate::types::liqseries::LiqSeries;
use crate::types::tickstore::TickStore;
use crate::{memory, reply};

pub struct Memory;

impl Command for Memory {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"liq.memory",
        arity: 1,
        flags: c"readonly allow-stale",
        key: KeyAccess::None,
        summary: c"How short memory is, and what series and markets give up for it",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: &[],
        internal: false,
    };

    fn run(context: &Context<'_>, _arguments: Arguments<'_>) -> Result<(), Refusal> {
        let mut info = MemoryInfo::of(&memory::state(context));
        info.series = LiqSeries::slot().live();
        info.limiters = Limiter::slot().live();
        info.markets = TickStore::slot().live();
        info.evicted_keys = context.info_number(c"stats", c"evicted_keys");
        info.warning = memory::warning(context).map(|warning| Bytes(warning.into_bytes()));
        reply::send(context, &info);
        Ok(())
    }
}
