//! What a read is about: window, side, moment, and the options of the single reads.

use std::time::Duration;

use liq_core::grammar::MAX_TIMESTAMP_MS;
use liq_core::liq::request;
use liq_core::liq::request::Breakdown;
use liq_core::liq::series::Side;

use crate::options::whole_ms;

/// Which events a read is about; the default is both sides in the series' own window, now.
///
/// ```
/// use std::time::Duration;
/// use redis_liq::{Scope, Side};
///
/// let last_hour_of_longs = Scope::window(Duration::from_secs(3600)).side(Side::Sell);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope(request::Scope);

impl Scope {
    /// `WINDOW`: events of the last `length`.
    pub fn window(length: Duration) -> Self {
        Self(request::Scope { window_ms: Some(whole_ms(length)), ..request::Scope::default() })
    }

    /// `SIDE`: forced orders of one side only.
    #[must_use]
    pub fn side(mut self, side: Side) -> Self {
        self.0.side = Some(side);
        self
    }

    /// `AT`: this moment instead of now, Unix milliseconds.
    #[must_use]
    pub fn at_ms(mut self, moment_ms: u64) -> Self {
        self.0.at_ms = Some(moment_ms);
        self
    }

    /// The window that `LIQ.STATS` has when none is named, for the other questions too.
    pub(crate) fn or_one_hour(mut self) -> Self {
        const HOUR_MS: u64 = 3_600_000;
        self.0.window_ms.get_or_insert(HOUR_MS);
        self
    }

    pub(crate) fn to_args(self) -> Vec<Vec<u8>> {
        let mut out = Vec::new();
        self.0.push_args(&mut out);
        out
    }
}

/// The options of `LIQ.VWAP`; the default is the series' VWAP window.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct VwapQuery(request::Vwap);

impl VwapQuery {
    /// Of a sliding window, or one side of it, or at another moment.
    pub fn of(scope: Scope) -> Self {
        Self(request::Vwap { scope: scope.0, ..request::Vwap::default() })
    }

    /// `SINCE`: anchored to a moment, Unix milliseconds: a session VWAP.
    pub fn since_ms(moment_ms: u64) -> Self {
        Self(request::Vwap { since_ms: Some(moment_ms), ..request::Vwap::default() })
    }

    /// `SIDE`: forced orders of one side only.
    #[must_use]
    pub fn side(mut self, side: Side) -> Self {
        self.0.scope.side = Some(side);
        self
    }

    /// `AT`: this moment instead of now, Unix milliseconds.
    #[must_use]
    pub fn at_ms(mut self, moment_ms: u64) -> Self {
        self.0.scope.at_ms = Some(moment_ms);
        self
    }

    /// `BANDS`: also the average ± this many standard deviations.
    #[must_use]
    pub fn bands(mut self, deviations: f64) -> Self {
        self.0.bands = Some(deviations);
        self
    }

    /// `PRICE`: also this price's deviation from the average.
    #[must_use]
    pub fn price(mut self, price: f64) -> Self {
        self.0.price = Some(price);
        self
    }

    pub(crate) fn to_args(&self) -> Vec<Vec<u8>> {
        self.0.to_args()
    }
}

/// The options of `LIQ.STATS`; the default is both sides of all venues in the last hour.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StatsQuery {
    scope: Scope,
    exchange: Option<String>,
}

impl StatsQuery {
    /// Of another window, one side, or another moment.
    pub fn of(scope: Scope) -> Self {
        Self { scope, exchange: None }
    }

    /// `EXCHANGE`: of one venue only.
    #[must_use]
    pub fn exchange(mut self, name: impl Into<String>) -> Self {
        self.exchange = Some(name.into());
        self
    }

    pub(crate) fn to_args(&self, breakdown: Option<Breakdown>) -> Vec<Vec<u8>> {
        let exchange = self.exchange.as_deref().map(str::as_bytes);
        request::Stats { scope: self.scope.0, exchange, breakdown }.to_args()
    }
}

/// The options of `LIQ.RANGE`; the default is the oldest 1000 events of the raw tail.
#[derive(Debug, Clone, PartialEq)]
pub struct RangeQuery {
    from_ms: u64,
    to_ms: u64,
    newest_first: bool,
    count: Option<usize>,
    min_size: Option<f64>,
    side: Option<Side>,
    exchange: Option<String>,
}

impl Default for RangeQuery {
    fn default() -> Self {
        Self::between_ms(0, MAX_TIMESTAMP_MS)
    }
}

impl RangeQuery {
    /// Events between two moments, Unix milliseconds, both included.
    pub fn between_ms(from_ms: u64, to_ms: u64) -> Self {
        Self { from_ms, to_ms, newest_first: false, count: None, min_size: None, side: None, exchange: None }
    }

    /// `REV`: newest first.
    #[must_use]
    pub fn newest_first(mut self) -> Self {
        self.newest_first = true;
        self
    }

    /// `COUNT`: at most so many; 1000 when not named.
    #[must_use]
    pub fn count(mut self, events: usize) -> Self {
        self.count = Some(events);
        self
    }

    /// `MINSIZE`: only events of at least this notional.
    #[must_use]
    pub fn min_size(mut self, notional: f64) -> Self {
        self.min_size = Some(notional);
        self
    }

    /// `SIDE`: forced orders of one side only.
    #[must_use]
    pub fn side(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }

    /// `EXCHANGE`: of one venue only.
    #[must_use]
    pub fn exchange(mut self, name: impl Into<String>) -> Self {
        self.exchange = Some(name.into());
        self
    }

    pub(crate) fn to_args(&self) -> Vec<Vec<u8>> {
        let Self { from_ms, to_ms, newest_first: reverse, count, min_size, side, .. } = *self;
        let exchange = self.exchange.as_deref().map(str::as_bytes);
        request::Range { from_ms, to_ms, reverse, count, min_size, side, exchange }.to_args()
    }
}

/// The options of `LIQ.DIGEST`; the default is 200 centroids of the series' own window.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DigestQuery(request::Digest);

impl DigestQuery {
    /// Of another window, one side, or another moment.
    pub fn of(scope: Scope) -> Self {
        Self(request::Digest { scope: scope.0, size: None })
    }

    /// `SIZE`: at most so many centroids; 20 … 1000.
    #[must_use]
    pub fn centroids(mut self, most: usize) -> Self {
        self.0.size = Some(most);
        self
    }

    pub(crate) fn to_args(self) -> Vec<Vec<u8>> {
        self.0.to_args()
    }
}
