//! `LIQ.VWAP key [WINDOW d | SINCE ts] [SIDE s] [BANDS k] [PRICE p] [AT ts]`: the VWAP and what derives from it.

use liq_core::liq::request;

use super::argument_docs::{AT, SIDE};
use super::reading::Read;
use crate::ffi::{ArgSpec, CommandInfo, KeyAccess};

pub struct Vwap;

const SPAN: ArgSpec =
    ArgSpec::one_of(c"span", &[ArgSpec::text(c"window").after(c"WINDOW"), ArgSpec::integer(c"since").after(c"SINCE")])
        .optional();

impl Read for Vwap {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.vwap",
        arity: -2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"Volume-weighted average price of a window, with bands and entry levels",
        complexity: c"O(1), O(N) in the events and panes of a window not asked for lately",
        since: c"0.1.0",
        args: &[
            ArgSpec::KEY,
            SPAN,
            SIDE,
            ArgSpec::real(c"bands").after(c"BANDS").optional(),
            ArgSpec::real(c"price").after(c"PRICE").optional(),
            AT,
        ],
        internal: false,
    };

    type Request<'a> = request::Vwap;
}
