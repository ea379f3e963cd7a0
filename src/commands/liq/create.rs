//! `LIQ.CREATE key [NX] [options]`: makes a series.

use liq_core::liq::request;
use liq_core::liq::series::Series;

use super::argument_docs::KEY_NX_AND_OPTIONS;
use super::naming;
use crate::commands::expiry;
use crate::commit::{Record, commit};
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess, Persisted};
use crate::refusal::Refusal;
use crate::types::liqseries::LiqSeries;
use crate::{config, keyspace, memory};

pub struct Create;

impl Command for Create {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"liq.create",
        arity: -2,
        flags: c"write deny-oom fast",
        key: KeyAccess::Create,
        summary: c"Makes a series with the options named",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: KEY_NX_AND_OPTIONS,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = request::Create::parse(args)?;
        let options = config::default_options().created(&request.options)?;
        naming::check(context, key, &request.options)?;
        let mut open = keyspace::write::<LiqSeries>(context, key)?;
        if open.value().is_some() {
            if !request.only_new {
                return Err(Refusal::KeyExists);
            }
            context.reply_null();
            return Ok(());
        }
        memory::check_new(context)?;
        let mut stored = LiqSeries::new(Series::new(options));
        let expiry = expiry::anew(&mut stored, context.now_ms());
        // As bytes, since defaults differ where it is replicated to.
        let blob = stored.encode_versioned();
        open.put(stored);
        commit(context, open, Record::Command(LiqSeries::LOAD_COMMAND, &[&blob]), expiry);
        context.reply_status(c"OK");
        Ok(())
    }
}
