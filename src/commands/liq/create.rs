//! `LIQ.CREATE key [options]`: makes a series.

use liq_core::liq::series::OptionsPatch;

use super::argument_docs::KEY_AND_OPTIONS;
use super::recording;
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::{config, keyspace, signals};

pub struct Create;

impl Command for Create {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.create",
        arity: -2,
        flags: c"write deny-oom fast",
        key: KeyAccess::Create,
        summary: c"Makes a series with the options named",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: KEY_AND_OPTIONS,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = arguments.key_and_rest()?;
        let patch = OptionsPatch::parse(args)?;
        let options = config::default_options().created(&patch)?;
        if let Some(stream) = &options.signals {
            signals::check_stream(context, key, &stream.key)?;
        }
        let mut open = keyspace::write(context, key)?;
        if open.value().is_some() {
            return Err(Refusal::KeyExists);
        }
        recording::create(context, key, &mut open, options);
        open.changed();
        context.reply_status(c"OK");
        Ok(())
    }
}
