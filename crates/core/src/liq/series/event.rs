//! One liquidation, and the small types it is made of.

/// Side of the forced order, as Binance reports it: `sell` means that a long was liquidated, `buy` a short.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// A short was liquidated.
    Buy = 0,
    /// A long was liquidated.
    Sell = 1,
}

impl Side {
    /// Both sides, in the order of their indices.
    pub const BOTH: [Self; 2] = [Self::Buy, Self::Sell];

    /// Reads `buy`/`sell`, or the liquidated position `short`/`long`, in any case.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let is = |name: &str| text.eq_ignore_ascii_case(name.as_bytes());
        if is("buy") || is("short") {
            Some(Self::Buy)
        } else if is("sell") || is("long") {
            Some(Self::Sell)
        } else {
            None
        }
    }

    /// `buy` or `sell`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }

    /// Place in a pair of per-side values.
    pub const fn index(self) -> usize {
        self as usize
    }
}

/// Smallest and largest notional of an event, in the quote currency.
pub const SIZE_RANGE: std::ops::RangeInclusive<f64> = 1e-9..=1e15;

/// Smallest and largest price, quote per base.
pub const PRICE_RANGE: std::ops::RangeInclusive<f64> = 1e-12..=1e15;

/// Longest name of an exchange, in bytes.
pub const MAX_EXCHANGE_BYTES: usize = 32;

/// Longest id of an event, in bytes.
pub const MAX_ID_BYTES: usize = 64;

/// A liquidation as it is asked to be recorded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Event<'a> {
    /// When it happened, Unix milliseconds.
    pub ts_ms: u64,
    /// Side of the forced order.
    pub side: Side,
    /// Quote per base.
    pub price: f64,
    /// Notional in the quote currency.
    pub size: f64,
    /// Where it happened.
    pub exchange: Option<&'a [u8]>,
    /// 64-bit digest of the event's id, 0 for none.
    pub id_hash: u64,
}

impl Event<'_> {
    /// The digest of the exchange's name and the event's id: what tells events apart whose exchange has no number. Never 0.
    pub fn id_hash_with_exchange(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64_with_seed(self.exchange.unwrap_or_default(), self.id_hash).max(1)
    }
}

/// The digest of an event id that is stored and compared in its stead: XXH3-64, never 0.
pub fn hash_id(id: &[u8]) -> u64 {
    xxhash_rust::xxh3::xxh3_64(id).max(1)
}
