//! The batcher through a network that loses replies: what was carried out and not heard of counts once.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

use liq_harness::{Fault, Proxy, Server};
use redis_liq::{Batcher, ClockMode, Event, LiqCommands, SeriesOptions, Side};

const START_MS: u64 = 1_737_910_800_000;
/// More than the raw tail holds, so that a repeated batch cannot be known by its events: only by its number.
const EVENTS_PER_BATCH: usize = 400;
const TAIL: u32 = 256;
const EVENTS: u64 = 20_000;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_reply_was_lost_counts_once() {
    let server = Server::start();
    let keys = ["{a}", "{b}"];
    let options = SeriesOptions::new().clock(ClockMode::Event).tail(TAIL);
    keys.iter().for_each(|key| server.connect().liq_create(*key, &options).unwrap());
    let proxy = Proxy::before(&server);
    proxy.set(Fault::Lose { every: 5, holding: "accepted" });
    let client = redis::Client::open(proxy.url()).unwrap();
    let batcher = Batcher::builder().max_events(EVENTS_PER_BATCH).spawn(client.get_connection_manager().await.unwrap());
    for (number, key) in (0..EVENTS).zip(keys.into_iter().cycle()) {
        batcher.add(key, Event::new(START_MS + number, Side::Sell, 1000.0, 1.0 + number as f64)).await.unwrap();
    }
    let totals = batcher.close().await;
    let lost = proxy.lost() as u64;
    assert!(lost >= 5, "only {lost} replies were lost");
    assert_eq!((totals.delivered, totals.failed), (EVENTS, 0));
    assert!(totals.retries >= lost && totals.recovered > 0, "{totals:?}");
    assert_eq!(totals.replies.stored() + totals.recovered, EVENTS);
    let mut con = server.connect();
    let held: u64 = keys.iter().map(|key| con.liq_info(*key).unwrap().events).sum();
    assert_eq!(held, EVENTS);
}
