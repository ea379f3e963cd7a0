//! `LIQ.INFO`.

use std::time::Duration;

use crate::liq::reply::SeriesInfo;
use crate::liq::series::{Series, Status};
use crate::settings::{DEFAULT_MAXLEN, Stream};
use crate::wire::Bytes;

impl Series {
    /// The settings, what is held and what was counted; `memory_bytes` is measured by who knows the allocator.
    pub fn info(&self, memory_bytes: usize) -> SeriesInfo {
        let (options, tally) = (&self.options, &self.tally);
        let (tail, archive) = (&self.events.tail, &self.events.archive);
        let name = |stream: Option<&Stream>| stream.map(|stream| Bytes::from(&*stream.key)).unwrap_or_default();
        let max_len = |stream: Option<&Stream>| stream.map_or(DEFAULT_MAXLEN, |stream| stream.max_len).into();
        let length = Duration::from_millis;
        SeriesInfo {
            retention: length(options.retention_ms),
            window: length(options.filter_window_ms()),
            percentile: f64::from(options.percentile.millionths()) / 1e6,
            min_events: options.min_events,
            min_size: options.min_size,
            vwap_window: length(options.vwap_window_ms),
            long_offset_pct: options.long_offset_pct,
            short_offset_pct: options.short_offset_pct,
            signals: name(options.signals.as_ref()),
            signals_max_len: max_len(options.signals.as_ref()),
            accepted: name(options.accepted.as_ref()),
            accepted_max_len: max_len(options.accepted.as_ref()),
            market: options.market.as_deref().map(Bytes::from).unwrap_or_default(),
            clock: options.clock,
            precision: options.precision.into(),
            precision_now: self.precision_now().into(),
            tail: options.tail.into(),
            tail_now: self.tail_now().into(),
            idle: length(options.idle_ms()),
            events: self.events.count(),
            tail_events: tail.len() as u64,
            tail_first_ms: tail.first_ms(),
            panes: archive.panes().len() as u64,
            pane: length(archive.coarse_ms()),
            first_ms: self.events.first_ms(),
            last_ms: self.events.newest_ms(),
            memory_bytes: memory_bytes as u64,
            total_accepted: tally.of(Status::Accepted),
            total_filtered: tally.of(Status::Filtered),
            total_small: tally.of(Status::Small),
            total_duplicate: tally.of(Status::Duplicate),
            total_late: tally.of(Status::Late),
            total_future: tally.of(Status::Future),
            total_signals: tally.signals,
            total_stale_signals: tally.stale_signals,
            exchanges: self.exchanges.names().iter().map(|name| Bytes::from(&**name)).collect(),
        }
    }
}
