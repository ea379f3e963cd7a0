//! `CANDLE.RANGE key interval [from to] [REV] [COUNT n] [FILL] [CLOSED] [AS kline|ohlcv|pack] [STUDY name n …] …
//! [AT ts]`: candles.

use liq_core::market::reply::{CandleRows, StudyColumn, pack_rows};
use liq_core::market::request::{Candles, Form};
use liq_core::market::store::{Row, Time};

use crate::ffi::{ArgSpec, Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::types::tickstore::TickStore;
use crate::{config, keyspace, reply};

pub struct Range;

const FORMS: &[ArgSpec] =
    &[ArgSpec::word(c"kline", c"KLINE"), ArgSpec::word(c"ohlcv", c"OHLCV"), ArgSpec::word(c"pack", c"PACK")];

impl Command for Range {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"candle.range",
        arity: -3,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"Candles of any interval",
        complexity:
            c"O(N) in the candles that the rows are made of; a block of about 60 counts as one where it lies in one row",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            ArgSpec::text(c"interval"),
            ArgSpec::block(c"between", &[ArgSpec::text(c"from"), ArgSpec::text(c"to")]).optional(),
            ArgSpec::word(c"rev", c"REV").optional(),
            ArgSpec::integer(c"count").after(c"COUNT").optional(),
            ArgSpec::word(c"fill", c"FILL").optional(),
            ArgSpec::word(c"closed", c"CLOSED").optional(),
            ArgSpec::one_of(c"form", FORMS).after(c"AS").optional(),
            ArgSpec::block(c"study", &[ArgSpec::text(c"name"), ArgSpec::real(c"n").multiple()])
                .after(c"STUDY")
                .optional()
                .multiple(),
            ArgSpec::integer(c"at").after(c"AT").optional(),
        ],
        internal: false,
    };

    fn run(context: &Context<'_>, arguments: Arguments<'_>) -> Result<(), Refusal> {
        let (key, args) = keyspace::key_and_rest(arguments)?;
        let request = Candles::parse(args)?;
        let time = Time::new(context.now_ms(), config::tick_max_future_ms());
        keyspace::read::<TickStore, _>(context, key, |found| {
            let Some(stored) = found else {
                send(context, request.form, &[], &[]);
                return Ok(());
            };
            let rows = stored.market.candles(&request, time)?;
            let studies = match request.studies.is_empty() {
                true => Vec::new(),
                false => stored.market.study_columns(&request, &rows, time)?,
            };
            send(context, request.form, &rows, &studies);
            Ok(())
        })
    }
}

fn send(context: &Context<'_>, form: Option<Form>, rows: &[Row], studies: &[StudyColumn]) {
    match form.unwrap_or(Form::Kline) {
        Form::Kline => reply::send(context, &CandleRows { rows, is_short: false, studies }),
        Form::Ohlcv => reply::send(context, &CandleRows { rows, is_short: true, studies }),
        Form::Pack => context.reply_bytes(&pack_rows(rows, studies)),
    }
}
