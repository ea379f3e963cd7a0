//! `LIQ.RANGE key from to [REV] [COUNT n] [MINSIZE x] [SIDE s] [EXCHANGE name]`: raw events.

use liq_core::liq::request;

use super::argument_docs::{EXCHANGE, SIDE};
use super::reading::Read;
use crate::ffi::{ArgSpec, CommandInfo, KeyAccess};

pub struct Range;

impl Read for Range {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.range",
        arity: -4,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"The newest events themselves, by time",
        complexity: c"O(log N + M) with M rows",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            ArgSpec::text(c"from"),
            ArgSpec::text(c"to"),
            ArgSpec::word(c"rev", c"REV").optional(),
            ArgSpec::integer(c"count").after(c"COUNT").optional(),
            ArgSpec::real(c"min-size").after(c"MINSIZE").optional(),
            SIDE,
            EXCHANGE,
        ],
        internal: false,
    };

    type Request<'a> = request::Range<'a>;
}
