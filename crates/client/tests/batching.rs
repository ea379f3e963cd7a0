//! The batcher against a real server: counts, order, back-pressure, and exactly-once through a server's death.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use liq_harness::{Options, Server, wait_until};
use redis::aio::ConnectionManager;
use redis_liq::{Batcher, ClockMode, Error, Event, LiqCommands, NotAdded, RangeQuery, SeriesOptions, Side};

const START_MS: u64 = 1_737_910_800_000;

fn event(number: u64) -> Event<'static> {
    Event::new(START_MS + number, Side::Sell, 1000.0, 1.0 + number as f64).id(number.to_string())
}

async fn manager(server: &Server) -> ConnectionManager {
    redis::Client::open(server.url_resp3()).unwrap().get_connection_manager().await.unwrap()
}

fn replayed(server: &Server, keys: &[&str]) {
    let options = SeriesOptions::new().clock(ClockMode::Event).tail(65_536);
    keys.iter().for_each(|key| server.connect().liq_create(*key, &options).unwrap());
}

/// The events of a key, in order, by their number.
fn stored(server: &Server, key: &str) -> Vec<u64> {
    let events = server.connect().liq_range(key, &RangeQuery::default().count(100_000)).unwrap();
    events.iter().map(|event| event.size as u64 - 1).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn full_batches_go_at_once_and_the_rest_after_the_delay() {
    let server = Server::start();
    replayed(&server, &["a", "b"]);
    let batcher = Batcher::builder().spawn(manager(&server).await);
    for number in 0..120 {
        batcher.add("a", event(number)).await.unwrap();
    }
    batcher.add("b", event(0)).await.unwrap();
    // Nobody flushes: the delay does.
    let all_there = || stored(&server, "a").len() == 120 && stored(&server, "b").len() == 1;
    tokio::task::block_in_place(|| wait_until("both keys hold their events", all_there));
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.failed, totals.retries), (121, 0, 0));
    assert_eq!(totals.replies.stored(), 121);
    // 50, 50 and 20 of the one and one of the other, unless a slow machine lets some fall due before; not one by one.
    assert!((4..=20).contains(&totals.batches), "{} batches", totals.batches);
    assert_eq!(stored(&server, "a"), (0..120).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_flush_waits_for_what_was_added_before() {
    let server = Server::start();
    replayed(&server, &["a"]);
    let batcher = Batcher::builder().max_delay(Duration::from_secs(3600)).spawn(manager(&server).await);
    for number in 0..7 {
        batcher.add("a", event(number)).await.unwrap();
    }
    let totals = batcher.flush().await.unwrap();
    assert_eq!((totals.delivered, totals.batches), (7, 1));
    assert_eq!(stored(&server, "a").len(), 7);
    assert_eq!(batcher.flush().await.unwrap().delivered, 7, "an empty flush answers at once");
}

#[tokio::test]
async fn a_dropped_batcher_delivers_what_it_holds() {
    let server = Server::start();
    replayed(&server, &["a"]);
    let batcher = Batcher::builder().max_delay(Duration::from_secs(3600)).spawn(manager(&server).await);
    for number in 0..70 {
        batcher.add("a", event(number)).await.unwrap();
    }
    drop(batcher);
    let url = server.url();
    let delivered = tokio::task::spawn_blocking(move || {
        let mut con = redis::Client::open(url).unwrap().get_connection().unwrap();
        wait_until("all events are there", || con.liq_info("a").unwrap().events == 70);
    });
    delivered.await.unwrap();
}

#[tokio::test]
async fn a_full_batcher_makes_the_feed_wait() {
    let mut server = Server::start();
    replayed(&server, &["a"]);
    let batcher = Batcher::builder().capacity(10).max_events(5).spawn(manager(&server).await);
    server.kill();
    for number in 0..10 {
        batcher.try_add("a", event(number)).unwrap();
    }
    assert_eq!(batcher.try_add("a", event(10)), Err(NotAdded::Full));
    let waiting = tokio::time::timeout(Duration::from_millis(50), batcher.add("a", event(10))).await;
    assert!(waiting.is_err(), "an add without room waits");
    server.start_again();
    batcher.add("a", event(11)).await.unwrap();
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.failed), (11, 0));
    assert!(totals.retries > 0);
}

#[tokio::test]
async fn what_the_module_would_refuse_is_not_added() {
    let server = Server::start();
    let batcher = Batcher::builder().spawn(manager(&server).await);
    let bad = Event::new(1, Side::Buy, f64::NAN, 1.0);
    assert!(matches!(batcher.add("a", bad).await, Err(NotAdded::Invalid(_))));
    assert_eq!(batcher.close().await.delivered, 0);
}

#[tokio::test]
async fn a_batch_refused_for_good_goes_to_the_handler() {
    let server = Server::start();
    redis::cmd("SET").arg("text").arg("1").exec(&mut server.connect()).unwrap();
    let failed = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&failed);
    let batcher = Batcher::builder()
        .producer("p", 100)
        .on_failure(move |batch| kept.lock().unwrap().push(batch))
        .spawn(manager(&server).await);
    batcher.add("text", event(1)).await.unwrap();
    batcher.add("good", event(1)).await.unwrap();
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.failed), (1, 1));
    assert_eq!(totals.last_error, Some(Error::WrongType));
    let failed = failed.lock().unwrap();
    assert_eq!((&*failed[0].key, &*failed[0].producer, failed[0].events.len()), ("text", "p", 1));
    assert!((100..=101).contains(&failed[0].seq));
}

#[tokio::test]
async fn a_server_that_stays_away_is_given_up() {
    let mut server = Server::start();
    let batcher = Batcher::builder().give_up_after(Duration::from_millis(100)).spawn(manager(&server).await);
    server.kill();
    batcher.add("a", event(1)).await.unwrap();
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.failed), (0, 1));
    assert!(totals.last_error.unwrap().is_transient());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_killed_again_and_again_counts_every_event_once() {
    const KILLS: u64 = 5;
    const EVENTS_PER_LIFE: u64 = 2000;
    const KEYS: [&str; 3] = ["{a}", "{b}", "{c}"];
    let mut server = Options::default().durable().start();
    let options = SeriesOptions::new().clock(ClockMode::Event).tail(256);
    KEYS.iter().for_each(|key| server.connect().liq_create(*key, &options).unwrap());
    let batcher = Batcher::builder().max_events(10).capacity(500).spawn(manager(&server).await);
    let key_of = |number: u64| KEYS[number as usize % KEYS.len()];
    let event_of = |number: u64| Event::new(START_MS + number, Side::Sell, 1000.0, 1.0 + number as f64);
    let mut number = 0;
    for _ in 0..KILLS {
        for _ in 0..EVENTS_PER_LIFE {
            batcher.add(key_of(number), event_of(number)).await.unwrap();
            number += 1;
        }
        // In the middle of a delivery, and then the feed goes on as long as there is room.
        tokio::task::block_in_place(|| server.kill());
        while batcher.try_add(key_of(number), event_of(number)) != Err(NotAdded::Full) {
            number += 1;
        }
        tokio::task::block_in_place(|| server.start_again());
    }
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.failed), (number, 0));
    assert!(totals.retries >= KILLS, "no batch met a dead server: {totals:?}");
    let mut con = server.connect();
    let infos: Vec<_> = KEYS.iter().map(|key| con.liq_info(*key).unwrap()).collect();
    let held: u64 = infos.iter().map(|info| info.events).sum();
    let recorded: u64 = infos.iter().map(|info| info.total_accepted + info.total_filtered).sum();
    assert_eq!((held, recorded), (number, number));
}
