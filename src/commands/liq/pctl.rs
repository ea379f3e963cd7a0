//! `LIQ.PCTL key p [p …] [WINDOW d] [SIDE s] [AT ts]`: percentiles of the sizes.

use liq_core::liq::request;

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::reply;

pub struct Pctl;

impl Command for Pctl {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.pctl",
        arity: -3,
        flags: c"readonly fast",
        key: KeyAccess::Read,
        summary: c"Percentiles of the sizes in a window",
        complexity: c"O(P) in the percentiles asked for",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::real(c"percentile").multiple(), WINDOW, SIDE, AT],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = arguments.key_and_rest()?;
        let request = request::Pctl::parse(args)?;
        reading::read(context, key, request.scope.window_ms, |series, now_ms| {
            reply::send(context, &*series.percentiles(now_ms, &request)?);
            Ok(())
        })
    }
}
