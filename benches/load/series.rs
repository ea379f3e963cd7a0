//! Series of a wanted size: events of the generated market, evenly spread over the window.

use liq_core::liq::request::{NewEvent, encode_events};
use liq_core::liq::series::Side;
use liq_sample::{DOZEN, Feed};

use crate::support::Client;

pub const DAY_MS: u64 = 86_400_000;
/// 2026-01-01 00:00 UTC: the start of a pane of every width.
pub const START_MS: u64 = 1_767_225_600_000;
const BATCH: usize = 10_000;

/// `count` events, evenly spread over the day that begins at [`START_MS`], with the sizes and prices of a market.
pub fn day_of_events(count: u64, seed: u64) -> impl Iterator<Item = NewEvent<'static>> {
    events(seed)
        .take(count as usize)
        .enumerate()
        .map(move |(place, event)| NewEvent { ts_ms: Some(START_MS + place as u64 * DAY_MS / count), ..event })
}

/// Endless events without a time.
pub fn events(seed: u64) -> impl Iterator<Item = NewEvent<'static>> {
    Feed::new(DOZEN[0], seed, START_MS).map(|event| NewEvent {
        ts_ms: None,
        side: if event.side == "sell" { Side::Sell } else { Side::Buy },
        price: event.price,
        size: event.size,
        exchange: Some(b"BINANCE"),
        id: None,
    })
}

/// Creates `key` with a day of `count` events. Its clock is its newest event, so that the day stays in the window.
pub fn create(client: &mut Client, key: &str, count: u64, seed: u64) {
    client.run(&format!("LIQ.CREATE {key} CLOCK EVENT")).ok();
    let mut batch = Vec::with_capacity(BATCH);
    for event in day_of_events(count, seed) {
        batch.push(event);
        if batch.len() == BATCH {
            add(client, key, &batch);
            batch.clear();
        }
    }
    if !batch.is_empty() {
        add(client, key, &batch);
    }
}

fn add(client: &mut Client, key: &str, batch: &[NewEvent<'_>]) {
    let payload = encode_events(batch);
    let reply = client.call(&[b"LIQ.MADDPACK", key.as_bytes(), &payload]);
    let counted = reply.field("accepted").int() + reply.field("filtered").int() + reply.field("duplicate").int();
    assert_eq!(counted, batch.len() as i64, "{reply:?}");
}
