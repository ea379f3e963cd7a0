//! `LIQ.PCTL key p [p …] [WINDOW d] [SIDE s] [AT ts]`: percentiles of the sizes.

use liq_core::liq::request;

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading::Read;
use crate::ffi::{ArgSpec, CommandInfo, KeyAccess};

pub struct Pctl;

impl Read for Pctl {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.pctl",
        arity: -3,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"Percentiles of the sizes in a window",
        complexity: c"O(P) in the percentiles asked for, O(N) in the events and panes of a window not asked for lately",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::real(c"percentile").multiple(), WINDOW, SIDE, AT],
        internal: false,
    };

    type Request<'a> = request::Pctl;
}
