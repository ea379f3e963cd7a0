//! `LIQ.RANK key size [size …] [WINDOW d] [SIDE s] [AT ts]`: percent ranks of sizes.

use liq_core::liq::request;

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::reply;

pub struct Rank;

impl Command for Rank {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.rank",
        arity: -3,
        flags: c"readonly fast",
        key: KeyAccess::Read,
        summary: c"Which share of a window is at or below given sizes",
        complexity: c"O(S) in the sizes asked for",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::real(c"size").multiple(), WINDOW, SIDE, AT],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = arguments.key_and_rest()?;
        let request = request::Rank::parse(args)?;
        reading::read(context, key, request.scope.window_ms, |series, now_ms| {
            reply::send(context, &*series.ranks(now_ms, &request)?);
            Ok(())
        })
    }
}
