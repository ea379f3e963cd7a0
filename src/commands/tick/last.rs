//! `TICK.LAST key [BY source] [MAXAGE d] [FULL] [WINDOW d] [AT ts]`: the last price and its age.

use liq_core::market::candle::RememberedWindow;
use liq_core::market::request;
use liq_core::market::store::{Market, Time};

use super::argument_docs::AT;
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{config, keyspace, reply};

pub struct Last;

const SOURCES: &[ArgSpec] = &[
    ArgSpec::word(c"last", c"LAST"),
    ArgSpec::word(c"bid", c"BID"),
    ArgSpec::word(c"ask", c"ASK"),
    ArgSpec::word(c"mid", c"MID"),
    ArgSpec::word(c"mark", c"MARK"),
    ArgSpec::word(c"index", c"INDEX"),
];

impl Command for Last {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"tick.last",
        arity: -2,
        flags: c"readonly fast",
        key: KeyAccess::Read,
        summary: c"The last price of a market with its age, and the venue's ticker",
        complexity: c"O(1), O(log N) with AT, O(B) in the blocks of the window with WINDOW",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            ArgSpec::one_of(c"source", SOURCES).after(c"BY").optional(),
            ArgSpec::text(c"max-age").after(c"MAXAGE").optional(),
            ArgSpec::word(c"full", c"FULL").optional(),
            ArgSpec::text(c"window").after(c"WINDOW").optional(),
            AT,
        ],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = request::Last::parse(args)?;
        let time = Time::new(context.now_ms(), config::tick_max_future_ms());
        keyspace::read::<TickStore, _>(context, key, |found| {
            let answer = match found {
                Some(TickStore { market, window, .. }) => market.last(&request, time, window),
                None => {
                    let market = Market::new(config::default_market_options());
                    market.last(&request, time, &mut RememberedWindow::default())
                }
            };
            reply::send(context, &answer);
            Ok(())
        })
    }
}
