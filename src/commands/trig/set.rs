//! `TRIG.SET key id [LONG|SHORT] legs … [EXPIRES ts] [PAYLOAD bytes] [NX|XX] [AT now]`: arms a trigger.

use liq_core::grammar::RequestError;
use liq_core::market::reply::SetReply;
use liq_core::market::request::SetTrigger;
use liq_core::market::store::Time;
use liq_core::market::triggers::{Condition, SetError};

use super::argument_docs::SET;
use super::writing::Writing;
use crate::commands::clock::check_at;
use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{config, keyspace, memory, reply};

pub struct Set;

impl Command for Set {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"trig.set",
        arity: -5,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Arms a stop-loss, take-profit, trailing stop or alert",
        complexity: c"O(log N) amortized in the triggers armed",
        since: c"0.1.0",
        args: SET,
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = SetTrigger::parse(args)?;
        let max_future_ms = config::tick_max_future_ms();
        check_at(context.now_ms(), request.at_ms, max_future_ms)?;
        let time = Time::new(context.now_ms(), max_future_ms).at(request.at_ms);
        let most = config::max_triggers();
        let mut open = keyspace::write::<TickStore>(context, key)?;
        let market = &open.existing()?.market;
        // XX makes none, nor does what is there already.
        if request.condition != Some(Condition::Known)
            && let Err(refusal) = memory::check_new(context)
            && !market.triggers().holds(request.id)
        {
            return Err(refusal);
        }
        let order = request.order();
        open.existing()?.market.may_set_trigger(&order, most, time).map_err(|error| refusal(error, &request))?;
        let mut writing = Writing::begin(context, open, time)?;
        let standing = writing.set(&order, most).map_err(|error| refusal(error, &request))?;
        let Some(standing) = standing else {
            writing.finish(None)?;
            reply::send(context, &None::<SetReply>);
            return Ok(());
        };
        let market = writing.market()?;
        let answer = SetReply::of(&standing, market, market.now_ms(time));
        writing.finish(Some(c"trig.set"))?;
        memory::tell_of_stops(context);
        reply::send(context, &answer);
        Ok(())
    }
}

/// The refusal of a trigger that cannot be set.
fn refusal(error: SetError, request: &SetTrigger<'_>) -> Refusal {
    match error {
        SetError::TooMany(most) => {
            let problem = format!("would be more than {most} triggers (liq.max-triggers)");
            RequestError::argument("id", problem, request.id).into()
        }
        SetError::Expired => {
            let text = request.expires_ms.unwrap_or_default().to_string();
            RequestError::argument("EXPIRES", "is past", text.as_bytes()).into()
        }
        SetError::Id | SetError::Payload | SetError::NoArming => Refusal::because(format_args!("{error}")),
    }
}
