//! The reply of `LIQ.INFO`.

use crate::liq::series::{DEFAULT_MAXLEN, Options, Status, Tally};
use crate::wire::{Encode, Sink};

/// The settings of a series, what it holds and what it counted.
#[derive(Debug, Clone)]
pub struct InfoReply<'a> {
    /// The settings.
    pub options: &'a Options,
    /// Events held.
    pub events: u64,
    /// Raw ones among them.
    pub tail_events: u64,
    /// Timestamp of the oldest raw event: `LIQ.RANGE` tells of events from then on.
    pub tail_first_ms: Option<u64>,
    /// Panes held.
    pub panes: u64,
    /// Width of a coarse pane, ms.
    pub pane_ms: u64,
    /// Timestamp of the oldest event held.
    pub first_ms: Option<u64>,
    /// Timestamp of the newest event held.
    pub last_ms: Option<u64>,
    /// Bytes.
    pub memory_bytes: u64,
    /// What was counted.
    pub tally: &'a Tally,
    /// Names of exchanges.
    pub exchanges: &'a [Box<[u8]>],
}

impl InfoReply<'_> {
    fn encode_options(&self, sink: &mut impl Sink) {
        let options = self.options;
        sink.text("retention");
        sink.count(options.retention_ms);
        sink.text("window");
        sink.count(options.filter_window_ms());
        sink.text("percentile");
        sink.double(f64::from(options.percentile.millionths()) / 1e6);
        sink.text("minevents");
        sink.count(options.min_events);
        sink.text("minsize");
        sink.double(options.min_size);
        sink.text("vwapwindow");
        sink.count(options.vwap_window_ms);
        sink.text("longoffset");
        sink.double(options.long_offset_pct);
        sink.text("shortoffset");
        sink.double(options.short_offset_pct);
        let (stream, max_len) = match &options.signals {
            Some(signals) => (&*signals.key, signals.max_len),
            None => (&b""[..], DEFAULT_MAXLEN),
        };
        sink.text("signals");
        sink.bytes(stream);
        sink.text("maxlen");
        sink.count(max_len.into());
        sink.text("clock");
        sink.text(options.clock.name());
        sink.text("precision");
        sink.count(options.precision.into());
        sink.text("tail");
        sink.count(options.tail.into());
        sink.text("idle");
        sink.count(options.idle_ms());
    }

    fn encode_holdings(&self, sink: &mut impl Sink) {
        let counts = [
            ("events", Some(self.events)),
            ("tail_events", Some(self.tail_events)),
            ("tail_first", self.tail_first_ms),
            ("panes", Some(self.panes)),
            ("pane_ms", Some(self.pane_ms)),
            ("first", self.first_ms),
            ("last", self.last_ms),
            ("memory", Some(self.memory_bytes)),
        ];
        for (name, value) in counts {
            sink.text(name);
            sink.optional_count(value);
        }
    }
}

/// Counts in the order of the contract.
const TOTALS: [(&str, Status); 6] = [
    ("total_accepted", Status::Accepted),
    ("total_filtered", Status::Filtered),
    ("total_small", Status::Small),
    ("total_duplicate", Status::Duplicate),
    ("total_late", Status::Late),
    ("total_future", Status::Future),
];

impl Encode for InfoReply<'_> {
    fn encode(&self, sink: &mut impl Sink) {
        sink.map(14 + 8 + TOTALS.len() + 3);
        self.encode_options(sink);
        self.encode_holdings(sink);
        for (name, status) in TOTALS {
            sink.text(name);
            sink.count(self.tally.of(status));
        }
        sink.text("total_signals");
        sink.count(self.tally.signals);
        sink.text("total_stale_signals");
        sink.count(self.tally.stale_signals);
        sink.text("exchanges");
        sink.array(self.exchanges.len());
        self.exchanges.iter().for_each(|name| sink.bytes(name));
    }
}
