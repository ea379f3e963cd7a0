//! The options of `LIQ.CREATE` and `LIQ.ALTER`.

use std::time::Duration;

use liq_core::liq::series::OptionsPatch;
use liq_core::settings::{ClockMode, StreamPatch};

/// What a series keeps and how it judges; what is not named stays at the module's default (`LIQ.ALTER`: as it is).
///
/// Ranges are checked by the server, which names the option and its bounds when it refuses one.
///
/// ```
/// use std::time::Duration;
/// use redis_liq::SeriesOptions;
///
/// let options = SeriesOptions::new()
///     .retention(Duration::from_secs(24 * 3600))
///     .percentile(80.0)
///     .min_size(5_000.0)
///     .signals("signals:{BTCUSDT}");
/// ```
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SeriesOptions {
    patch: OptionsPatch,
    /// Apart from the rest, because any number can be asked for and the server says which are percentiles.
    percentile: Option<f64>,
}

impl SeriesOptions {
    /// Nothing named.
    pub fn new() -> Self {
        Self::default()
    }

    /// `RETENTION`: how far back windows may reach; 1 minute … 31 days, default 24 h.
    #[must_use]
    pub fn retention(mut self, length: Duration) -> Self {
        self.patch.retention_ms = Some(whole_ms(length));
        self
    }

    /// `WINDOW`: the window of the percentile filter, and of percentiles and ranks asked without one. Default: the
    /// retention.
    #[must_use]
    pub fn window(mut self, length: Duration) -> Self {
        self.patch.window_ms = Some(whole_ms(length));
        self
    }

    /// `PERCENTILE`: events below this percentile of the window are filtered; 0 … 100 with at most 6 decimals, 0 is
    /// off, default 80.
    #[must_use]
    pub fn percentile(mut self, percent: f64) -> Self {
        self.percentile = Some(percent);
        self
    }

    /// `MINEVENTS`: the filter passes everything while its window holds fewer. Default 1.
    #[must_use]
    pub fn min_events(mut self, events: u64) -> Self {
        self.patch.min_events = Some(events);
        self
    }

    /// `MINSIZE`: smaller events are only counted, in the quote currency. Default 0.
    #[must_use]
    pub fn min_size(mut self, notional: f64) -> Self {
        self.patch.min_size = Some(notional);
        self
    }

    /// `VWAPWINDOW`: the window of the VWAP that signals use. Default 1 h.
    #[must_use]
    pub fn vwap_window(mut self, length: Duration) -> Self {
        self.patch.vwap_window_ms = Some(whole_ms(length));
        self
    }

    /// `LONGOFFSET`: percent below the VWAP at which liquidated longs signal a buy; 0 is off, default 2.
    #[must_use]
    pub fn long_offset(mut self, percent: f64) -> Self {
        self.patch.long_offset_pct = Some(percent);
        self
    }

    /// `SHORTOFFSET`: percent above the VWAP at which liquidated shorts signal a sell; 0 is off, default 2.
    #[must_use]
    pub fn short_offset(mut self, percent: f64) -> Self {
        self.patch.short_offset_pct = Some(percent);
        self
    }

    /// `SIGNALS`: appends signals to this stream, capped as it was, at first about 1000; an empty key turns them off. In a cluster the
    /// stream must be in the slot of the series.
    #[must_use]
    pub fn signals(mut self, stream: impl AsRef<[u8]>) -> Self {
        self.patch.signals = Some(StreamPatch { key: stream.as_ref().into(), max_len: None });
        self
    }

    /// `SIGNALS … MAXLEN`: as [`signals`](Self::signals), keeping about `max_len` entries.
    #[must_use]
    pub fn signals_capped(mut self, stream: impl AsRef<[u8]>, max_len: u32) -> Self {
        self.patch.signals = Some(StreamPatch { key: stream.as_ref().into(), max_len: Some(max_len) });
        self
    }

    /// `ACCEPTED`: appends every accepted event to this stream, capped as it was, at first about 1000; an empty key turns
    /// it off. In a cluster the stream must be in the slot of the series.
    #[must_use]
    pub fn accepted(mut self, stream: impl AsRef<[u8]>) -> Self {
        self.patch.accepted = Some(StreamPatch { key: stream.as_ref().into(), max_len: None });
        self
    }

    /// `ACCEPTED … MAXLEN`: as [`accepted`](Self::accepted), keeping about `max_len` entries.
    #[must_use]
    pub fn accepted_capped(mut self, stream: impl AsRef<[u8]>, max_len: u32) -> Self {
        self.patch.accepted = Some(StreamPatch { key: stream.as_ref().into(), max_len: Some(max_len) });
        self
    }

    /// `MARKET`: the market whose trades give VWAP, deviation and signals of adding, instead of the liquidations'; an empty
    /// key turns it off. In a cluster it must be in the slot of the series.
    #[must_use]
    pub fn market(mut self, market: impl AsRef<[u8]>) -> Self {
        self.patch.market = Some(market.as_ref().into());
        self
    }

    /// `CLOCK`: what now is; [`ClockMode::Event`] for replays.
    #[must_use]
    pub fn clock(mut self, mode: ClockMode) -> Self {
        self.patch.clock = Some(mode);
        self
    }

    /// `PRECISION`: k of the relative error 2^-(k+1); 5 … 8, default 7 (0.39 %).
    #[must_use]
    pub fn precision(mut self, bits: u8) -> Self {
        self.patch.precision = Some(bits);
        self
    }

    /// `TAIL`: newest events kept raw; 256 … 65,536, default 4096.
    #[must_use]
    pub fn tail(mut self, events: u32) -> Self {
        self.patch.tail = Some(events);
        self
    }

    /// `IDLE`: the key expires when nothing was stored for this long; zero is never. Default: twice the retention.
    #[must_use]
    pub fn idle(mut self, length: Duration) -> Self {
        self.patch.idle_ms = Some(whole_ms(length));
        self
    }

    pub(crate) fn to_args(&self) -> Vec<Vec<u8>> {
        let mut out = self.patch.to_args();
        if let Some(percent) = self.percentile {
            out.extend([b"PERCENTILE".to_vec(), percent_text(percent).into_bytes()]);
        }
        out
    }
}

/// A length of time in whole milliseconds, saturating.
pub(crate) fn whole_ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}

/// A percentile in plain decimals: the module's grammar has no exponents.
pub(crate) fn percent_text(percent: f64) -> String {
    format!("{percent}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use liq_core::grammar::{Args, Percentile};

    use super::*;

    fn parse(options: &SeriesOptions) -> OptionsPatch {
        let args = options.to_args();
        let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
        OptionsPatch::parse(Args::new(&args)).unwrap()
    }

    #[test]
    fn what_was_named_arrives() {
        let options = SeriesOptions::new()
            .retention(Duration::from_secs(7_200))
            .window(Duration::from_secs(3_600))
            .percentile(99.9)
            .min_events(10)
            .min_size(0.5)
            .vwap_window(Duration::from_secs(60))
            .long_offset(1.5)
            .short_offset(0.0)
            .signals_capped("signals:{x}", 7)
            .accepted_capped("accepted:{x}", 9)
            .market("tick:{x}")
            .clock(ClockMode::Event)
            .precision(8)
            .tail(512)
            .idle(Duration::ZERO);
        let expected = OptionsPatch {
            retention_ms: Some(7_200_000),
            window_ms: Some(3_600_000),
            percentile: Percentile::from_millionths(99_900_000),
            min_events: Some(10),
            min_size: Some(0.5),
            vwap_window_ms: Some(60_000),
            long_offset_pct: Some(1.5),
            short_offset_pct: Some(0.0),
            signals: Some(StreamPatch { key: (*b"signals:{x}").into(), max_len: Some(7) }),
            accepted: Some(StreamPatch { key: (*b"accepted:{x}").into(), max_len: Some(9) }),
            market: Some((*b"tick:{x}").into()),
            clock: Some(ClockMode::Event),
            precision: Some(8),
            tail: Some(512),
            idle_ms: Some(0),
        };
        assert_eq!(parse(&options), expected);
        assert_eq!(parse(&SeriesOptions::new()), OptionsPatch::default());
    }

    #[test]
    fn the_smallest_percentile_has_no_exponent() {
        assert_eq!(parse(&SeriesOptions::new().percentile(1e-6)).percentile, Percentile::from_millionths(1));
    }
}
