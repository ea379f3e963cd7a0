//! The replies of `LIQ.ADD`, `LIQ.MADD` and `LIQ.MADDPACK`.

use crate::liq::series::{Judgement, Side, Status, Tally};
use crate::wire::{Encode, Sink};

impl Encode for Judgement {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(6);
        sink.text("status");
        sink.text(self.status.name());
        sink.text("rank");
        sink.optional_double(self.rank);
        sink.text("threshold");
        sink.optional_double(self.threshold);
        sink.text("vwap");
        sink.optional_double(self.vwap);
        sink.text("deviation");
        sink.optional_double(self.deviation_pct);
        sink.text("signal");
        match self.signal {
            Some(signal) => sink.text(Side::name(signal.action)),
            None => sink.null(),
        }
    }
}

/// How many events of a batch met which fate, and how many signals they gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct BatchReply(pub Tally);

impl Encode for BatchReply {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(Status::ALL.len() + 1);
        for status in Status::ALL {
            sink.text(status.name());
            sink.count(self.0.of(status));
        }
        sink.text("signals");
        sink.count(self.0.signals);
    }
}
