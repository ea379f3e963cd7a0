//! What goes with a batch of events: exactly-once delivery and another clock.

/// The options of `LIQ.MADD` and `LIQ.MADDPACK`.
///
/// ```
/// use redis_liq::BatchOptions;
///
/// let seq = 42; // grows with every batch; the same again when a batch is sent again
/// let options = BatchOptions::new().producer("ingest-binance", seq);
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BatchOptions {
    producer: Option<(String, u64)>,
    at_ms: Option<u64>,
}

impl BatchOptions {
    /// At-least-once delivery, by the server's clock.
    pub fn new() -> Self {
        Self::default()
    }

    /// `BATCH`: makes the delivery exactly-once. The series remembers the last `seq` (0 … 2^63−1) of each of its 64 most
    /// recent producers (1 … 64 bytes); a batch whose `seq` is not greater changes nothing and counts as duplicate.
    #[must_use]
    pub fn producer(mut self, name: impl Into<String>, seq: u64) -> Self {
        self.producer = Some((name.into(), seq));
        self
    }

    /// `AT`: replaces the server's clock, Unix milliseconds; for replays.
    #[must_use]
    pub fn at_ms(mut self, now_ms: u64) -> Self {
        self.at_ms = Some(now_ms);
        self
    }

    pub(crate) fn numbered(&self) -> Option<(&str, u64)> {
        self.producer.as_ref().map(|(name, seq)| (name.as_str(), *seq))
    }

    pub(crate) const fn now_ms(&self) -> Option<u64> {
        self.at_ms
    }
}
