//! `LIQ.PCTL key p [p …] [WINDOW d] [SIDE s] [AT ts]`: percentiles of the sizes.

use liq_core::grammar::{Args, RequestError};
use liq_core::liq::reading::ReadError;
use liq_core::liq::request;
use liq_core::liq::series::{Series, Time};
use liq_core::wire::{Encode, Sink};

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading::Read;
use crate::ffi::{ArgSpec, CommandInfo, KeyAccess};

pub struct Pctl;

impl Read for Pctl {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.pctl",
        arity: -3,
        flags: c"readonly fast",
        key: KeyAccess::Read,
        summary: c"Percentiles of the sizes in a window",
        complexity: c"O(P) in the percentiles asked for",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::real(c"percentile").multiple(), WINDOW, SIDE, AT],
        internal: false,
    };

    type Request<'a> = request::Pctl;

    fn parse(args: Args<'_>) -> Result<Self::Request<'_>, RequestError> {
        request::Pctl::parse(args)
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
        series.percentiles(time, request)?.encode(reply);
        Ok(())
    }
}
