//! `TICK.ALTER key [options]`: changes the options that are named.

use liq_core::grammar::RequestError;
use liq_core::market::store::{AlterError, OptionsPatch};
use liq_core::market::tape::Order;

use super::argument_docs::KEY_AND_OPTIONS;
use crate::commands::expiry::{self, Idles};
use crate::commands::fires;
use crate::commit::{Expiry, Record, commit};
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{keyspace, streams};

pub struct Alter;

impl Command for Alter {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"tick.alter",
        arity: -2,
        flags: c"write",
        key: KeyAccess::Update,
        summary: c"Changes the options of a market",
        complexity: c"O(1), O(N) in the candles and ticks that leave when KEEP or TAIL change",
        since: c"0.1.0",
        args: KEY_AND_OPTIONS,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let patch = OptionsPatch::parse(args)?;
        // What a primary decided is not judged again: the stream was checked there, and the expiry follows from there.
        let is_replayed = context.is_replayed();
        for (option, stream) in [("CLOSES", &patch.closes), ("FIRES", &patch.fires)] {
            if let Some(stream) = stream.as_ref().filter(|stream| !stream.key.is_empty() && !is_replayed) {
                streams::check(context, key, option, &stream.key)?;
            }
        }
        let mut open = keyspace::write::<TickStore>(context, key)?;
        let stored = open.existing()?;
        let idle_ms = stored.idle_ms();
        if !is_replayed {
            patch.check_keep(stored.market.options().keep)?;
        }
        stored.market.alter(&patch).map_err(|error| refusal(error, &patch))?;
        let is_idle_altered = stored.idle_ms() != idle_ms;
        let expiry =
            if is_idle_altered && !is_replayed { expiry::altered(stored, context.now_ms()) } else { Expiry::Kept };
        let arguments = patch.to_args();
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let closed = commit(context, open, Record::Command(c"TICK.ALTER", &arguments), expiry);
        if !is_replayed {
            // What waits for a stream may have one now.
            fires::catch_up(context, closed.key());
        }
        context.reply_status(c"OK");
        Ok(())
    }
}

/// The refusal of an option that cannot change keeping what is held, with what was asked for.
fn refusal(error: AlterError, patch: &OptionsPatch) -> Refusal {
    let name = match error {
        AlterError::Held(name) => name,
        AlterError::Options(error) => return error.into(),
    };
    let got = match name {
        "TZ" => patch.zone.map(|zone| zone.to_string()),
        "ORDER" => patch.order.map(Order::name).map(str::to_owned),
        _ => patch.clock.map(|clock| clock.name().to_owned()),
    };
    let problem = "cannot be changed while ticks or candles are held";
    RequestError::argument(name, problem, got.unwrap_or_default().as_bytes()).into()
}
