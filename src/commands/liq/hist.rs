//! `LIQ.HIST key [WINDOW d] [SIDE s] [AT ts]`: the distribution, bucket by bucket.

use liq_core::liq::request;

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading::Read;
use crate::ffi::{ArgSpec, CommandInfo, KeyAccess};

pub struct Hist;

impl Read for Hist {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.hist",
        arity: -2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"The distribution of the sizes in a window, bucket by bucket",
        complexity: c"O(B) in the buckets occupied",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, WINDOW, SIDE, AT],
        internal: false,
    };

    type Request<'a> = request::Hist;
}
