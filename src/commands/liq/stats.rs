//! `LIQ.STATS key [WINDOW d] [AT ts] [SIDE s] [EXCHANGE name] [BY EXCHANGE | BUCKET d]`: statistics of a window.

use liq_core::grammar::{Args, RequestError};
use liq_core::liq::reading::ReadError;
use liq_core::liq::request;
use liq_core::liq::series::{Series, Time};
use liq_core::wire::{Encode, Sink};

use super::argument_docs::{AT, EXCHANGE, SIDE, WINDOW};
use super::reading::Read;
use crate::ffi::{ArgSpec, CommandInfo, KeyAccess};

pub struct Stats;

const BREAKDOWN: ArgSpec = ArgSpec::one_of(
    c"breakdown",
    &[
        ArgSpec::block(c"by", &[ArgSpec::word(c"by-exchange", c"EXCHANGE")]).after(c"BY"),
        ArgSpec::text(c"bucket").after(c"BUCKET"),
    ],
)
.optional();

impl Read for Stats {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.stats",
        arity: -2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"Counts, volumes, imbalance and distribution of a window",
        complexity: c"O(P) in the panes of the window",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, WINDOW, AT, SIDE, EXCHANGE, BREAKDOWN],
        internal: false,
    };

    type Request<'a> = request::Stats<'a>;

    fn parse(args: Args<'_>) -> Result<Self::Request<'_>, RequestError> {
        request::Stats::parse(args)
    }

    fn window_ms(request: &Self::Request<'_>) -> Option<u64> {
        request.scope.window_ms
    }

    fn answer(
        series: &mut Series,
        time: Time,
        request: &Self::Request<'_>,
        reply: &mut impl Sink,
    ) -> Result<(), ReadError> {
        series.stats(time, request)?.encode(reply);
        Ok(())
    }
}
