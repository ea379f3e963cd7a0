//! `TRIG.DEL key id [id …] | PREFIX p`: disarms triggers.

use liq_core::market::request::DeleteTriggers;
use liq_core::market::store::Time;

use super::argument_docs::DEL;
use super::writing::Writing;
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{config, keyspace, reply};

pub struct Del;

impl Command for Del {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"trig.del",
        arity: -3,
        flags: c"write",
        key: KeyAccess::Update,
        summary: c"Disarms triggers by id or by the begin of their ids",
        complexity: c"O(M log N) for M of N triggers",
        since: c"0.1.0",
        args: DEL,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = DeleteTriggers::parse(args)?;
        let mut open = keyspace::write::<TickStore>(context, key)?;
        if open.value().is_none() {
            reply::send(context, &0_u64);
            return Ok(());
        }
        let time = Time::new(context.now_ms(), config::tick_max_future_ms());
        let mut writing = Writing::begin(context, open, time)?;
        let market = writing.market()?;
        let gone: Vec<u64> = match request {
            DeleteTriggers::Ids(ids) => ids.into_iter().filter_map(|id| market.delete_trigger(id)).collect(),
            DeleteTriggers::Prefix(prefix) => market.delete_triggers(prefix),
        };
        writing.deleted(&gone);
        writing.finish((!gone.is_empty()).then_some(c"trig.del"))?;
        reply::send(context, &(gone.len() as u64));
        Ok(())
    }
}
