//! An event as a series keeps it: its exchange a number, its id a digest.

use super::Side;

/// An event as the tail keeps it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RawEvent {
    /// Unix milliseconds.
    pub ts_ms: u64,
    /// Side of the forced order.
    pub side: Side,
    /// Quote per base.
    pub price: f64,
    /// Notional in the quote currency.
    pub size: f64,
    /// Number of the exchange in the series' list; 0 for none.
    pub venue: u8,
    /// Digest of the id; 0 for none.
    pub id_hash: u64,
}

impl RawEvent {
    /// Side and exchange in one byte.
    pub const fn tag(&self) -> u8 {
        self.venue << 1 | self.side as u8
    }
}

/// The side and the exchange of a tag.
pub const fn untag(tag: u8) -> (Side, u8) {
    (if tag & 1 == 0 { Side::Buy } else { Side::Sell }, tag >> 1)
}
