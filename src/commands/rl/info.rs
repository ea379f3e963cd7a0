//! `RL.INFO`

use liq_core::rl::limiter::Limiter;
use liq_core::rl::reply::RateInfo;

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::ratelimit::now;
use crate::{keyspace, reply};

pub struct Info;

impl Command for Info {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"rl.info",
        arity: 2,
        flags: c"readonly fast",
        key: KeyAccess::Read,
        summary: c"The limits of a key, and what is used of each",
        complexity: c"O(L) in the limits, at most 8",
        since: c"0.1.0",
        args: &[ArgSpec::KEY],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (name, _) = keyspace::key_and_rest(arguments)?;
        let now = now();
        keyspace::read_known::<Limiter, _>(context, name, |found| {
            let (limiter, known) = found.ok_or(Refusal::NoSuchKey)?;
            reply::send(context, &RateInfo::of(limiter, known.memory_bytes as u64, known.expires_ms, now));
            Ok(())
        })
    }
}
