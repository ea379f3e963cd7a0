//! `LIQ.ALTER key [options]`: changes the options that are named.

use liq_core::liq::series::OptionsPatch;

use super::argument_docs::KEY_AND_OPTIONS;
use super::expiry;
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::liqseries::LiqSeries;
use crate::{keyspace, signals};

pub struct Alter;

impl Command for Alter {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.alter",
        arity: -2,
        flags: c"write",
        key: KeyAccess::Update,
        summary: c"Changes the options of a series",
        complexity: c"O(1), O(N) in the events held when windows or precision change",
        since: c"0.1.0",
        args: KEY_AND_OPTIONS,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = arguments.key_and_rest()?;
        let patch = OptionsPatch::parse(args)?;
        // What a primary decided is not judged again: the stream was checked there, and the expiry follows from there.
        let is_replayed = context.is_replayed();
        if let Some(stream) = patch.signals.as_ref().filter(|stream| !stream.key.is_empty() && !is_replayed) {
            signals::check_stream(context, key, &stream.key)?;
        }
        let mut open = keyspace::write::<LiqSeries>(context, key)?;
        let series = &mut open.existing()?.series;
        let idle_ms = series.options().idle_ms();
        series.alter(&patch)?;
        let is_idle_altered = series.options().idle_ms() != idle_ms;
        context.replicate_all(c"LIQ.ALTER", key, &patch.to_args());
        if is_idle_altered && !is_replayed {
            expiry::set(&mut open, context.now_ms());
        }
        open.changed();
        context.reply_status(c"OK");
        Ok(())
    }
}
