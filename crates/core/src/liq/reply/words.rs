//! The words of replies: sides, statuses, modes.

use crate::liq::series::{Side, Status};
use crate::memory::Mode;
use crate::wire::{Decode, Encode, Malformed, Sink, Source};

/// How a word is written and read.
macro_rules! word {
    ($($type:ty: $wanted:literal, $read:expr;)+) => {
        $(
            impl Encode for $type {
                fn encode(&self, sink: &mut impl Sink) {
                    sink.text(self.name());
                }
            }

            impl Decode for $type {
                fn decode<S: Source>(source: S) -> Result<Self, Malformed> {
                    source.word($wanted, $read)
                }
            }
        )+
    };
}

word! {
    Side: "a side", Side::parse;
    Status: "a status", |word| Status::ALL.into_iter().find(|status| status.name().as_bytes() == word);
    Mode: "a memory mode", |word| Mode::ALL.into_iter().find(|mode| mode.name().as_bytes() == word);
}
