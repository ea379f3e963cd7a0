//! `LIQ.RANGE`.

use std::borrow::Cow;

use crate::liq::reply::StoredEvent;
use crate::liq::request::{DEFAULT_COUNT, Range};
use crate::liq::series::{RawEvent, Series};

impl Series {
    /// Raw events between two moments; what left the raw tail is not among them.
    pub fn range<'a>(&'a self, request: &Range<'_>) -> Vec<StoredEvent<'a>> {
        let tail = &self.events.tail;
        let venue = request.exchange.map(|name| self.exchanges.number(Some(name)));
        let told_under = self.exchanges.told_under();
        // With REV the later edge may stand first, as XREVRANGE has it.
        let swapped = request.reverse && request.from_ms > request.to_ms;
        let (from_ms, to_ms) =
            if swapped { (request.to_ms, request.from_ms) } else { (request.from_ms, request.to_ms) };
        if venue == Some(None) || from_ms > to_ms {
            return Vec::new();
        }
        let span = tail.until(from_ms as i64 - 1)..tail.until(to_ms as i64);
        let wanted = |event: RawEvent| {
            let shown = request.min_size.is_none_or(|min_size| event.size >= min_size)
                && request.side.is_none_or(|side| event.side == side)
                && venue.flatten().is_none_or(|venue| told_under(event.venue) == venue);
            shown.then(|| StoredEvent {
                timestamp_ms: event.ts_ms,
                side: event.side,
                price: event.price,
                size: event.size,
                exchange: self.exchanges.name(event.venue).map(Cow::Borrowed),
            })
        };
        let count = request.count.unwrap_or(DEFAULT_COUNT);
        if request.reverse {
            tail.events(&span).rev().filter_map(wanted).take(count).collect()
        } else {
            tail.events(&span).filter_map(wanted).take(count).collect()
        }
    }
}
