//! The replies of `LIQ.ADD`, `LIQ.MADD` and `LIQ.MADDPACK`.

use super::{Encode, Sink};
use crate::series::{Judgement, Side, Status, Tally};

impl Encode for Judgement {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(6);
        sink.word("status");
        sink.word(self.status.name());
        sink.word("rank");
        sink.optional_double(self.rank);
        sink.word("threshold");
        sink.optional_double(self.threshold);
        sink.word("vwap");
        sink.optional_double(self.vwap);
        sink.word("deviation");
        sink.optional_double(self.deviation_pct);
        sink.word("signal");
        match self.signal {
            Some(signal) => sink.word(Side::name(signal.action)),
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
            sink.word(status.name());
            sink.count(self.0.of(status));
        }
        sink.word("signals");
        sink.count(self.0.signals);
    }
}
