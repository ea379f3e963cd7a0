//! `TICK.ADD key ts side price qty [ID id] [GAP] [AT now]`: moves the last price, the candles and everything that waits.

use liq_core::market::request;

use super::argument_docs::{AT, GAP, PRICE, QTY, SIDE, TS};
use super::feeding::Feeding;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;

pub struct Add;

impl Command for Add {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"tick.add",
        arity: -6,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Feeds one trade to a market",
        complexity: c"O(1) amortized for the newest, O(log N) for others",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, TS, SIDE, PRICE, QTY, ArgSpec::text(c"id").after(c"ID").optional(), GAP, AT],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = request::Add::parse(args)?;
        let mut feeding = Feeding::open(context, key, request.at_ms)?;
        let mut report = request.tick.resolve(feeding.clock_ms(), request.gap);
        feeding.check_id(&mut report)?;
        feeding.begin(None);
        let status = feeding.add(&report)?;
        feeding.finish_one(status)
    }
}
