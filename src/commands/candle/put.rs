//! `CANDLE.PUT key level [WHOLE] (OHLCV row … | KLINE row … | PACK payload)`: the venue's own candles.

use liq_core::grammar::RequestError;
use liq_core::market::format::decided;
use liq_core::market::reply::PutReply;
use liq_core::market::request::Put as Request;
use liq_core::market::store::{Changes, Market, PutTally, Tally, Time, Whole};

use crate::commands::fires::{self, Teller};
use crate::commands::{closes, expiry};
use crate::commit::{Record, close, commit};
use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess, Persisted};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{config, keyspace, memory, reply};

pub struct Put;

const ROWS: &[ArgSpec] = &[
    ArgSpec::block(
        c"ohlcv",
        &[
            ArgSpec::integer(c"start"),
            ArgSpec::real(c"open"),
            ArgSpec::real(c"high"),
            ArgSpec::real(c"low"),
            ArgSpec::real(c"close"),
            ArgSpec::real(c"volume"),
        ],
    )
    .after(c"OHLCV")
    .multiple(),
    ArgSpec::text(c"kline").after(c"KLINE").multiple(),
    ArgSpec::text(c"payload").after(c"PACK"),
];

impl Command for Put {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"candle.put",
        arity: -5,
        flags: c"write",
        key: KeyAccess::Update,
        summary: c"Takes closed candles from the venue: they rule over what was built here",
        complexity: c"O(N) in the rows, each with the block of about 60 candles that it lies in",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            ArgSpec::text(c"level"),
            ArgSpec::word(c"whole", c"WHOLE").optional(),
            ArgSpec::one_of(c"rows", ROWS),
        ],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let (request, places) = Request::parse_placed(args, config::max_batch())?;
        let now_ms = context.now_ms();
        let time = Time::new(now_ms, config::tick_max_future_ms());
        let mut open = keyspace::write::<TickStore>(context, key)?;
        let is_new = open.value().is_none();
        if is_new {
            open.put(TickStore::new(Market::new(config::default_market_options())));
        }
        let stored = open.existing()?;
        check(&stored.market, &request, &places)?;
        let (rows, still_open) = stored.market.ended_rows(request.unit, &request.rows, time);
        let mut changes = Changes::default();
        // Rows judge no trigger, but time has passed.
        stored.market.expire_triggers(time, &mut changes);
        let whole = Whole::of(request.is_whole, &request.rows, rows);
        let tally = stored.market.put_rows(request.unit, rows, whole, Some(&mut changes));
        let tally = PutTally { open: still_open, ..tally };
        let is_stored = tally.inserted + tally.replaced + tally.same + tally.removed > 0;
        if !is_stored && changes.fired() == 0 {
            let telling = fires::take(&mut stored.market, &changes, Teller::Triggers, None);
            fires::deliver(context, &close(context, open), &telling);
            reply::send(context, &PutReply::from(&tally));
            return Ok(());
        }
        let mut payload = Vec::new();
        decided::begin(&mut payload, now_ms, stored.market.resolution(), None);
        decided::push_rows(&mut payload, request.unit, rows, whole);
        decided::end(&mut payload, &Tally::default());
        fires::note(&stored.market, &changes, 0, &mut payload);
        let telling = fires::take(&mut stored.market, &changes, Teller::Triggers, Some(&mut payload));
        let expiry = expiry::of_market(stored, is_stored, now_ms);
        let stream = if changes.is_empty() { None } else { stored.market.options().closes.clone() };
        let closed = if is_new {
            let blob = stored.encode_versioned();
            memory::check_new(context)?;
            commit(context, open, Record::Command(TickStore::LOAD_COMMAND, &[&blob]), expiry)
        } else {
            commit(context, open, Record::Command(c"TICK.APPLY", &[&payload]), expiry)
        };
        telling.tell_expired(&closed);
        closes::tell(context, &closed, stream.as_ref(), &changes);
        fires::deliver(context, &closed, &telling);
        reply::send(context, &PutReply::from(&tally));
        Ok(())
    }
}

/// Refuses a level that is not kept, and starts that begin no candle of it.
fn check(market: &Market, request: &Request, places: &[usize]) -> Result<(), RequestError> {
    let unit = request.unit;
    if !market.levels().list().iter().any(|level| level.unit() == unit) {
        return Err(RequestError::argument("level", "not kept by this market (KEEP)", unit.name.as_bytes()));
    }
    let zone = market.levels().zone();
    let begins_none = |start_ms: u64| unit.interval().span(start_ms, zone).start_ms != start_ms;
    let refused = request.rows.iter().zip(places).filter(|(row, _)| begins_none(row.start_ms));
    // The first that was given.
    match refused.min_by_key(|(_, place)| **place) {
        Some((row, place)) => {
            let problem = format!("begins no candle of {}", unit.name);
            Err(RequestError::argument("start", problem, row.start_ms.to_string().as_bytes()).in_item(*place))
        }
        None => Ok(()),
    }
}
