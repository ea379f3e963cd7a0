//! `LIQ.STATS key [WINDOW d] [AT ts] [SIDE s] [EXCHANGE name] [BY EXCHANGE | BUCKET d]`: statistics of a window.

use liq_core::liq::request;

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
}
