//! `TICK.QUOTE key ts [BID price qty] [ASK price qty] [MARK price] [INDEX price] [AT now]`: prices without trades, or a sign
//! that time has passed.

use liq_core::market::request::QuoteRequest;

use super::argument_docs::{AT, QTY, TS};
use super::feeding::Feeding;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::keyspace;
use crate::refusal::Refusal;

pub struct Quote;

impl Command for Quote {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"tick.quote",
        arity: -3,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Tells a market its best bid and ask, mark and index price, or that its feed lives",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            TS,
            ArgSpec::block(c"bid", &[ArgSpec::real(c"price"), QTY]).after(c"BID").optional(),
            ArgSpec::block(c"ask", &[ArgSpec::real(c"price"), QTY]).after(c"ASK").optional(),
            ArgSpec::real(c"mark").after(c"MARK").optional(),
            ArgSpec::real(c"index").after(c"INDEX").optional(),
            AT,
        ],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = QuoteRequest::parse(args)?;
        let mut feeding = Feeding::open(context, key, request.at_ms)?;
        let quote = request.resolve(feeding.clock_ms());
        feeding.begin(None);
        let status = feeding.quote(&quote)?;
        feeding.finish_one(status)
    }
}
