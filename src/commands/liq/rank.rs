//! `LIQ.RANK key size [size …] [WINDOW d] [SIDE s] [AT ts]`: percent ranks of sizes.

use liq_core::grammar::{Args, RequestError};
use liq_core::liq::reading::ReadError;
use liq_core::liq::request;
use liq_core::liq::series::{Series, Time};
use liq_core::wire::{Encode, Sink};

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading::Read;
use crate::ffi::{ArgSpec, CommandInfo, KeyAccess};

pub struct Rank;

impl Read for Rank {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.rank",
        arity: -3,
        flags: c"readonly fast",
        key: KeyAccess::Read,
        summary: c"Which share of a window is at or below given sizes",
        complexity: c"O(S) in the sizes asked for",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::real(c"size").multiple(), WINDOW, SIDE, AT],
        internal: false,
    };

    type Request<'a> = request::Rank;

    fn parse(args: Args<'_>) -> Result<Self::Request<'_>, RequestError> {
        request::Rank::parse(args)
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
        series.ranks(time, request)?.encode(reply);
        Ok(())
    }
}
