//! `LIQ.MADDPACK key payload [BATCH producer seq] [AT now]`: adds a batch packed as MessagePack.

use liq_core::liq::request;

use super::argument_docs::{AT, BATCH};
use super::recording::Recording;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::{config, keyspace, reply};

pub struct MaddPack;

impl Command for MaddPack {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"liq.maddpack",
        arity: -3,
        flags: c"write",
        key: KeyAccess::Update,
        summary: c"Adds liquidations packed as MessagePack and counts what became of them",
        complexity: c"O(N) in the events of the batch",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::text(c"payload"), BATCH, AT],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = request::MaddPack::parse(args)?.decode(config::max_batch())?;
        let reply = Recording::open(context, key, request.at_ms)?.add_batch(&request)?;
        reply::send(context, &reply);
        Ok(())
    }
}
