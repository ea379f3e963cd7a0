//! `TICK.RANGE`.

use crate::market::request::{DEFAULT_COUNT, Range};
use crate::market::store::Market;
use crate::market::tape::{Held, Wanted};

impl Market {
    /// Raw ticks between two moments; what left the raw tail is not among them.
    pub fn range(&self, request: &Range) -> Vec<Held> {
        // With REV the later edge may stand first, as XREVRANGE has it.
        let is_swapped = request.is_reversed && request.from_ms > request.to_ms;
        let (from_ms, to_ms) =
            if is_swapped { (request.to_ms, request.from_ms) } else { (request.from_ms, request.to_ms) };
        let mut rows = Vec::new();
        let wanted = Wanted {
            from_ms,
            to_ms,
            is_reversed: request.is_reversed,
            count: request.count.unwrap_or(DEFAULT_COUNT),
            side: request.side,
        };
        self.tail().range(&wanted, |tick| rows.push(Held::of(tick)));
        rows
    }
}
