//! What a liquidation is: time, side, price, size, venue and id, and what of them the module accepts.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use liq_core::grammar::MAX_TIMESTAMP_MS;
use liq_core::liq::request::{EventId, NewEvent};
use liq_core::liq::series::{MAX_EXCHANGE_BYTES, MAX_ID_BYTES, PRICE_RANGE, SIZE_RANGE, Side};

/// When an event happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Timestamp {
    /// Unix milliseconds.
    Ms(u64),
    /// When the server receives it (`*`).
    Server,
}

impl From<u64> for Timestamp {
    /// From Unix milliseconds.
    fn from(ms: u64) -> Self {
        Self::Ms(ms)
    }
}

impl From<SystemTime> for Timestamp {
    /// Cut to milliseconds; what lies before 1970 is 1970.
    fn from(time: SystemTime) -> Self {
        let since_epoch = time.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self::Ms(u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX))
    }
}

/// One liquidation.
///
/// ```
/// use redis_liq::{Event, Side};
///
/// let event = Event::new(1_737_910_000_123, Side::Sell, 99_850.5, 12_500.0).exchange("binance").id("8886774");
/// assert!(event.check().is_ok());
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Event<'a> {
    /// When it happened.
    pub timestamp: Timestamp,
    /// The side of the forced order.
    pub side: Side,
    /// Quote per base, 1e-12 … 1e15.
    pub price: f64,
    /// Notional in the quote currency (USD for BTCUSDT), 1e-9 … 1e15.
    pub size: f64,
    /// The venue: 1 … 32 printable bytes.
    pub exchange: Option<Cow<'a, str>>,
    /// What tells this event from an equal one: at most 64 bytes.
    pub id: Option<Cow<'a, str>>,
}

impl<'a> Event<'a> {
    /// An event without venue and id.
    pub fn new(timestamp: impl Into<Timestamp>, side: Side, price: f64, size: f64) -> Self {
        Self { timestamp: timestamp.into(), side, price, size, exchange: None, id: None }
    }

    /// Names the venue.
    #[must_use]
    pub fn exchange(mut self, name: impl Into<Cow<'a, str>>) -> Self {
        self.exchange = Some(name.into());
        self
    }

    /// Gives the venue's id of the event, so that a replay of it is recognised as a duplicate.
    #[must_use]
    pub fn id(mut self, id: impl Into<Cow<'a, str>>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Finds what the module would refuse, and so would refuse the whole batch for.
    pub fn check(&self) -> Result<(), InvalidEvent> {
        if let Timestamp::Ms(ms) = self.timestamp
            && ms > MAX_TIMESTAMP_MS
        {
            return Err(InvalidEvent::Timestamp(ms));
        }
        if !PRICE_RANGE.contains(&self.price) {
            return Err(InvalidEvent::Price(self.price));
        }
        if !SIZE_RANGE.contains(&self.size) {
            return Err(InvalidEvent::Size(self.size));
        }
        if let Some(name) = &self.exchange
            && !is_exchange_name(name)
        {
            return Err(InvalidEvent::Exchange(name.chars().take(MAX_ID_BYTES).collect()));
        }
        match &self.id {
            Some(id) if id.len() > MAX_ID_BYTES => Err(InvalidEvent::Id(id.len())),
            _ => Ok(()),
        }
    }

    /// The form the module's grammar writes.
    pub(crate) fn as_request(&self) -> NewEvent<'_> {
        NewEvent {
            ts_ms: match self.timestamp {
                Timestamp::Ms(ms) => Some(ms),
                Timestamp::Server => None,
            },
            side: self.side,
            price: self.price,
            size: self.size,
            exchange: self.exchange.as_deref().map(str::as_bytes),
            id: self.id.as_deref().filter(|id| !id.is_empty()).map(|id| EventId::Text(id.as_bytes())),
        }
    }

    /// The same event, owning its texts.
    pub fn into_owned(self) -> Event<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Event {
            timestamp: self.timestamp,
            side: self.side,
            price: self.price,
            size: self.size,
            exchange: self.exchange.map(own),
            id: self.id.map(own),
        }
    }
}

fn is_exchange_name(name: &str) -> bool {
    (1..=MAX_EXCHANGE_BYTES).contains(&name.len()) && name.bytes().all(|byte| byte >= b' ' && byte != 0x7f)
}

/// Why the module would refuse an event.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidEvent {
    /// After 2^53 ms.
    #[error("timestamp: must be 0 to 2^53 ms, got {0}")]
    Timestamp(u64),
    /// Out of range, or not a number.
    #[error("price: must be 1e-12 to 1e15, got {0}")]
    Price(f64),
    /// Out of range, or not a number.
    #[error("size: must be 1e-9 to 1e15, got {0}")]
    Size(f64),
    /// Empty, too long, or not printable.
    #[error("exchange: must be 1 to 32 printable bytes, got '{0}'")]
    Exchange(String),
    /// Longer than 64 bytes.
    #[error("id: must be at most 64 bytes, got {0}")]
    Id(usize),
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::panic, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn what_the_module_would_refuse_is_found_before_it_is_sent() {
        let good = Event::new(0, Side::Buy, 1.0, 1.0);
        assert_eq!(good.check(), Ok(()));
        let bad = [
            Event { timestamp: Timestamp::Ms((1 << 53) + 1), ..good.clone() },
            Event { price: 0.0, ..good.clone() },
            Event { price: f64::NAN, ..good.clone() },
            Event { size: f64::INFINITY, ..good.clone() },
            Event { size: -1.0, ..good.clone() },
            good.clone().exchange(""),
            good.clone().exchange("x".repeat(33)),
            good.clone().exchange("two\nlines"),
            good.clone().id("x".repeat(65)),
        ];
        for event in bad {
            assert!(event.check().is_err(), "{event:?}");
        }
    }

    #[test]
    fn system_time_is_cut_to_milliseconds() {
        let time = UNIX_EPOCH + std::time::Duration::from_micros(1_999);
        assert_eq!(Timestamp::from(time), Timestamp::Ms(1));
    }
}
