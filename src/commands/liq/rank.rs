//! `LIQ.RANK key size [size …] [WINDOW d] [SIDE s] [AT ts]`: percent ranks of sizes.

use liq_core::liq::request;

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading::Read;
use crate::ffi::{ArgSpec, CommandInfo, KeyAccess};

pub struct Rank;

impl Read for Rank {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.rank",
        arity: -3,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"Which share of a window is at or below given sizes",
        complexity: c"O(S) in the sizes asked for, O(N) in the events and panes of a window not asked for lately",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, ArgSpec::real(c"size").multiple(), WINDOW, SIDE, AT],
        internal: false,
    };

    type Request<'a> = request::Rank;
}
