//! `LIQ.HIST key [WINDOW d] [SIDE s] [AT ts]`: the distribution, bucket by bucket.

use liq_core::liq::request;

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::reply;

pub struct Hist;

impl Command for Hist {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.hist",
        arity: -2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"The distribution of the sizes in a window, bucket by bucket",
        complexity: c"O(B) in the buckets occupied",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, WINDOW, SIDE, AT],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = arguments.key_and_rest()?;
        let request = request::Hist::parse(args)?;
        reading::read(context, key, request.scope.window_ms, |series, now_ms| {
            reply::send(context, &*series.histogram(now_ms, &request)?);
            Ok(())
        })
    }
}
