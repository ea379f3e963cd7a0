//! `LIQ.DIGEST key [WINDOW d] [SIDE s] [SIZE n] [AT ts]`: the distribution as a t-digest.

use liq_core::liq::request;

use super::argument_docs::{AT, SIDE, WINDOW};
use super::reading::Read;
use crate::ffi::{ArgSpec, CommandInfo, KeyAccess};

pub struct Digest;

impl Read for Digest {
    const INFO: CommandInfo = CommandInfo {
        name: c"liq.digest",
        arity: -2,
        flags: c"readonly",
        key: KeyAccess::Read,
        summary: c"The sizes in a window as a mergeable t-digest",
        complexity: c"O(B) in the buckets occupied",
        since: c"0.1.0",
        args: &[ArgSpec::KEY, WINDOW, SIDE, ArgSpec::integer(c"size").after(c"SIZE").optional(), AT],
        internal: false,
    };

    const NEEDS_KEY: bool = true;

    type Request<'a> = request::Digest;
}
