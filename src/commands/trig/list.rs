//! `TRIG.LIST key [ID id | PREFIX p] [AFTER arming] [COUNT 100]`: what is armed, waits or is pending.

use liq_core::market::reply::TriggerRow;
use liq_core::market::request::{DEFAULT_TRIGGERS, ListTriggers};

use super::argument_docs::LIST;
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{keyspace, reply};

pub struct List;

impl Command for List {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"trig.list",
        arity: -2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"Triggers that are armed, wait or are pending, by arming",
        complexity: c"O(log N + M) for M of N triggers, O(N log N) with PREFIX or many pending",
        since: c"0.1.0",
        args: LIST,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = ListTriggers::parse(args)?;
        let count = request.count.unwrap_or(DEFAULT_TRIGGERS) as usize;
        keyspace::read::<TickStore, _>(context, key, |found| {
            let rows = found.map(|stored| {
                let rows = stored.market.list_triggers(request.which, request.after.unwrap_or(0), count);
                rows.iter().map(TriggerRow::from).collect::<Vec<_>>()
            });
            reply::send(context, &rows.unwrap_or_default());
            Ok(())
        })
    }
}
