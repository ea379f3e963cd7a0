//! `TICK.CREATE key [NX] [options]`: makes a market.

use liq_core::market::request;
use liq_core::market::store::Market;

use super::argument_docs::KEY_NX_AND_OPTIONS;
use crate::commands::creation;
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{config, keyspace, streams};

pub struct Create;

impl Command for Create {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"tick.create",
        arity: -2,
        flags: c"write deny-oom",
        key: KeyAccess::Create,
        summary: c"Makes a market with the options named",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: KEY_NX_AND_OPTIONS,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = request::Create::parse(args)?;
        let default = config::default_market_options();
        let options = default.altered(&request.options)?;
        request.options.check_keep(default.keep)?;
        for (option, stream) in [("CLOSES", &options.closes), ("FIRES", &options.fires)] {
            if let Some(stream) = stream {
                streams::check(context, key, option, &stream.key)?;
            }
        }
        creation::create(context, key, request.only_new, || TickStore::new(Market::new(options)))
    }
}
