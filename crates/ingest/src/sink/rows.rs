//! Items as they lie in the spool, and what goes out of it as it travels.

use std::borrow::Cow;
use std::sync::Arc;

use liq_core::liq::request::{EventId, NewEvent, decode_events, encode_events};
use liq_core::market::request::{NewTick, decode_ticks, encode_ticks};
use liq_spool::{Batch, Consignment, Entry, Labels, Series};

use super::Arrived;
use super::courier::Shipment;
use super::packed::Packed;
use crate::event::Event;
use crate::item::{Home, Item};
use crate::market::{MarketItem, Told};
use crate::venue::Venue;

/// An item as it is spooled; nothing of what is not kept there.
pub(super) fn entry_of(
    key: &Arc<str>,
    Arrived { item, at_us }: &Arrived,
    is_per_exchange: bool,
    smallest: &impl Fn(&Event) -> f64,
) -> Option<Entry> {
    let (key, at_us, symbol) = (Arc::clone(key), *at_us, Arc::clone(item.symbol()));
    match item {
        Item::Liquidation(event) => {
            let exchange = if is_per_exchange { Arc::clone(&event.exchange) } else { Arc::default() };
            let labels = Labels { symbol, exchange, ..Labels::default() };
            let body = encode_events(&[wire_form(event)]);
            Some(Entry { key, labels, at_us, body, size: event.size, floor: Some(smallest(event)) })
        }
        Item::Market(MarketItem { venue, is_numbered, told: Told::Trade(trade), .. }) => {
            let venue = Some(Cow::Borrowed(venue.name()));
            let labels = Labels { symbol, exchange: Arc::default(), venue, is_numbered: *is_numbered };
            let body = encode_ticks(&[trade.wire()]);
            let mut entry = Entry { key, labels, at_us, body, size: trade.worth(), floor: None };
            if trade.follows_gap {
                entry.follow_gap();
            }
            Some(entry)
        }
        Item::Market(_) => None,
    }
}

/// Whether a body holds an event of such a series.
pub(super) fn is_sound(labels: &Labels, body: &[u8]) -> bool {
    match labels.venue {
        Some(_) => decode_ticks(body, 1).is_ok_and(|ticks| !ticks.is_empty()),
        None => decode_events(body, 1).is_ok_and(|events| !events.is_empty()),
    }
}

/// What a series' key is made of.
pub(super) fn home_of(series: &Series) -> Home {
    let Labels { symbol, exchange, venue, is_numbered } = &series.labels;
    match venue.as_deref().and_then(Venue::parse) {
        Some(venue) => Home::Market { symbol: Arc::clone(symbol), venue, is_numbered: *is_numbered },
        None => Home::Series { symbol: Arc::clone(symbol), exchange: Arc::clone(exchange) },
    }
}

/// What goes to one key, as it travels.
pub(super) fn shipment_of(consignment: &Consignment) -> Shipment {
    let Consignment { series, producer, batches, .. } = consignment;
    let is_market = series.labels.venue.is_some();
    let batches = batches.iter().map(|batch| packed(batch, is_market)).collect();
    Shipment { key: Arc::clone(&series.key), producer: Arc::clone(producer), batches }
}

fn packed(Batch { seq, follows_gap, bodies }: &Batch, is_market: bool) -> Packed {
    if is_market {
        let ticks: Vec<NewTick<'_>> = bodies.iter().filter_map(|body| decode_ticks(body, 1).ok()?.pop()).collect();
        return Packed::from_ticks(*seq, *follows_gap, &ticks);
    }
    let events: Vec<NewEvent<'_>> = bodies.iter().filter_map(|body| decode_events(body, 1).ok()?.pop()).collect();
    Packed::from_wire(*seq, &events)
}

/// An event as it travels.
pub fn wire_form(event: &Event) -> NewEvent<'_> {
    NewEvent {
        ts_ms: Some(event.ts_ms),
        side: event.side,
        price: event.price,
        size: event.size,
        exchange: Some(event.exchange.as_bytes()),
        id: (!event.id.is_empty()).then_some(EventId::Text(event.id.as_bytes())),
    }
}
