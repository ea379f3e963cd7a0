//! `LIQ.DIGEST key [WINDOW d] [SIDE s] [SIZE n] [AT ts]`: the distribution as a t-digest.

use liq_core::liq::request;

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::reply;

pub struct Digest;

impl Command for Digest {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.digest",
        arity: -2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"The sizes in a window as a mergeable t-digest",
        complexity: c"O(B) in the buckets occupied",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, WINDOW, SIDE, ArgSpec::integer(c"size").after(c"SIZE").optional(), AT],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = arguments.key_and_rest()?;
        let request = request::Digest::parse(args)?;
        reading::read_existing(context, key, |series, now_ms| {
            reply::send(context, &series.digest(now_ms, &request)?);
            Ok(())
        })
    }
}
