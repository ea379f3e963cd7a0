//! `LIQ.ALTER key [options]`: changes the options that are named.

use liq_core::grammar::RequestError;
use liq_core::liq::series::{AlterError, OptionsPatch};

use super::argument_docs::KEY_AND_OPTIONS;
use super::naming;
use crate::commands::expiry;
use crate::commit::{Expiry, Record, commit};
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;
use crate::types::liqseries::LiqSeries;

pub struct Alter;

impl Command for Alter {
    type Refusal = Refusal;

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
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let patch = OptionsPatch::parse(args)?;
        // What a primary decided is not judged again: named keys were checked there, and the expiry follows from there.
        let is_replayed = context.is_replayed();
        if !is_replayed {
            naming::check(context, key, &patch)?;
        }
        let mut open = keyspace::write::<LiqSeries>(context, key)?;
        let stored = open.existing()?;
        let idle_ms = stored.series.options().idle_ms();
        stored.series.alter(&patch).map_err(|error| refusal(error, &patch))?;
        stored.traded = None;
        let is_idle_altered = stored.series.options().idle_ms() != idle_ms;
        let expiry =
            if is_idle_altered && !is_replayed { expiry::altered(stored, context.now_ms()) } else { Expiry::Kept };
        let arguments = patch.to_args();
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        commit(context, open, Record::Command(c"LIQ.ALTER", &arguments), expiry);
        context.reply_status(c"OK");
        Ok(())
    }
}

/// The refusal of an option that cannot change keeping the data, with what was asked for.
fn refusal(error: AlterError, patch: &OptionsPatch) -> Refusal {
    let (name, problem, got) = match error {
        AlterError::Held(name @ "CLOCK") => {
            (name, "cannot be changed while events are held", patch.clock.map(|clock| clock.name().to_owned()))
        }
        AlterError::Held(name) => {
            (name, "cannot be raised while events are held", patch.precision.map(|bits| bits.to_string()))
        }
        other => return other.into(),
    };
    RequestError::argument(name, problem, got.unwrap_or_default().as_bytes()).into()
}
