//! `LIQ._NOOP key …`: answers in the shape of LIQ.ADD without reading its arguments or opening its key, so that a
//! benchmark can tell what a command costs that does nothing. Not in release files.

use liq_core::wire::{Encode, Sink};

use crate::ffi::{Arguments, Command, CommandInfo, Context, KeyAccess};
use crate::refusal::Refusal;
use crate::reply;

pub struct Noop;

impl Command for Noop {
    type Refusal = Refusal;

    const INFO: CommandInfo = CommandInfo {
        name: c"liq._noop",
        arity: -2,
        flags: c"write fast",
        key: KeyAccess::Update,
        summary: c"Does nothing. Only in benchmark builds",
        complexity: c"O(1)",
        since: c"0.1.0",
        args: &[],
        internal: false,
    };

    fn run(context: &Context<'_>, _: Arguments<'_>) -> Result<(), Refusal> {
        reply::send(context, &Judgement);
        Ok(())
    }
}

/// A reply of LIQ.ADD, with numbers as long as real ones are.
struct Judgement;

impl Encode for Judgement {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(6);
        sink.text("status");
        sink.text("filtered");
        for (name, value) in
            [("rank", 63.194_444_4), ("threshold", 25_088.0), ("vwap", 63_870.482_913_7), ("deviation", -0.512_093_84)]
        {
            sink.text(name);
            sink.double(value);
        }
        sink.text("signal");
        sink.null();
    }
}
