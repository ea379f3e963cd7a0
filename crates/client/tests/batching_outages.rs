//! The batcher through outages it has to sit out or leave, and what becomes of batches it gave up.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::sync::{Arc, Mutex};
use std::time::Duration;

use liq_harness::{Fault, Options, Proxy, Server, wait_until};
use redis::aio::ConnectionManager;
use redis_liq::{
    AsyncLiqCommands, BatchOptions, Batcher, ClockMode, Event, FailedBatch, LiqCommands, SeriesOptions, Side,
};

const START_MS: u64 = 1_737_910_800_000;

fn event(number: u64) -> Event<'static> {
    Event::new(START_MS + number, Side::Sell, 1000.0, 1.0 + number as f64)
}

async fn manager(url: &str) -> ConnectionManager {
    redis::Client::open(url).unwrap().get_connection_manager().await.unwrap()
}

fn connect(server: &Server) -> redis::Connection {
    redis::Client::open(server.url()).unwrap().get_connection().unwrap()
}

fn create(server: &Server, keys: &[&str]) {
    // A short tail: what is known again is known by its number, not by its content.
    let options = SeriesOptions::new().clock(ClockMode::Event).tail(256);
    keys.iter().for_each(|key| connect(server).liq_create(*key, &options).unwrap());
}

fn held(server: &Server, key: &str) -> u64 {
    connect(server).liq_info(key).unwrap().events
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_that_pass_are_waited_out() {
    let server = Server::start();
    create(&server, &["a"]);
    let proxy = Proxy::before(&server);
    let batcher = Batcher::builder().max_events(5).spawn(manager(&proxy.url()).await);
    let mut number = 0;
    for error in [
        "READONLY You can't write against a read only replica.",
        "NOAUTH Authentication required.",
        "MASTERDOWN Link with MASTER is down",
        "MOVED 1 127.0.0.1:1",
        "LOADING Redis is loading the dataset in memory",
        "OOM command not allowed",
        "ERR unknown command 'LIQ.MADDPACK', with args beginning with: ",
    ] {
        tokio::task::block_in_place(|| proxy.set(Fault::Answer(error)));
        let seen = proxy.commands();
        for _ in 0..10 {
            batcher.add("a", event(number)).await.unwrap();
            number += 1;
        }
        tokio::task::block_in_place(|| wait_until("the batcher was answered twice", || proxy.commands() > seen + 1));
        tokio::task::block_in_place(|| proxy.set(Fault::None));
        assert_eq!(batcher.flush().await.unwrap().failed, 0, "{error}");
    }
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, held(&server, "a")), (number, number));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_demoted_master_behind_the_same_address_is_left() {
    let old = Options::default().tcp().expect_warning("Master replication ID changed").start();
    create(&old, &["a"]);
    let new = Server::replica_of(&old, &[]);
    let address = old.dir().join("address");
    std::os::unix::fs::symlink(old.socket(), &address).unwrap();
    let proxy = Proxy::to_socket(&address);
    let batcher = Batcher::builder().max_events(5).spawn(manager(&proxy.url()).await);
    for number in 0..20 {
        batcher.add("a", event(number)).await.unwrap();
    }
    assert_eq!(batcher.flush().await.unwrap().delivered, 20);
    tokio::task::block_in_place(|| {
        old.wait_for_replica(&new);
        new.connect().run("REPLICAOF NO ONE").ok();
        // The connection to the old master stands, and only its answers tell.
        std::fs::remove_file(&address).unwrap();
        std::os::unix::fs::symlink(new.socket(), &address).unwrap();
        // Of itself: a replica all the same.
        let port = old.port();
        old.connect().run(&format!("REPLICAOF 127.0.0.1 {port}")).ok();
    });
    for number in 20..40 {
        batcher.add("a", event(number)).await.unwrap();
    }
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.failed, held(&new, "a")), (40, 0, 40));
    tokio::task::block_in_place(|| old.connect().run("REPLICAOF NO ONE").ok());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_given_up_can_be_sent_again_long_after() {
    const EVENTS: u64 = 965;
    let server = Server::start();
    create(&server, &["a", "b"]);
    let proxy = Proxy::before(&server);
    let failed: Arc<Mutex<Vec<FailedBatch>>> = Arc::default();
    let kept = Arc::clone(&failed);
    let batcher = Batcher::builder()
        .max_events(50)
        .give_up_after(Duration::from_millis(50))
        .on_failure(move |batch| kept.lock().unwrap().push(batch))
        .spawn(manager(&proxy.url()).await);
    // In turn what comes through, what does not, and what does though nobody hears of it.
    for part in 0..6 {
        let fault = match part % 3 {
            0 => Fault::None,
            1 => Fault::Refuse,
            _ => Fault::Lose { every: 1, holding: "accepted" },
        };
        tokio::task::block_in_place(|| proxy.set(fault));
        for number in part * EVENTS / 6..(part + 1) * EVENTS / 6 {
            batcher.add(["a", "b"][number as usize % 2], event(number)).await.unwrap();
        }
        let _ = batcher.flush().await.unwrap();
    }
    tokio::task::block_in_place(|| proxy.set(Fault::None));
    for number in EVENTS..EVENTS + 100 {
        batcher.add(["a", "b"][number as usize % 2], event(number)).await.unwrap();
    }
    let totals = batcher.close().await;
    let failed = std::mem::take(&mut *failed.lock().unwrap());
    assert!(totals.failed > 300 && failed.len() > 6, "{totals:?}");
    assert_eq!(totals.delivered + totals.failed, EVENTS + 100);
    let mut connection = manager(&server.url()).await;
    for batch in failed.iter().chain(&failed) {
        let options = BatchOptions::new().producer(&*batch.producer, batch.seq);
        let _ = connection.liq_maddpack(&*batch.key, &batch.events, &options).await.unwrap();
    }
    assert_eq!(held(&server, "a") + held(&server, "b"), EVENTS + 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_key_is_held_until_the_handler_is_done() {
    let server = Server::start();
    create(&server, &["a"]);
    let proxy = Proxy::before(&server);
    let direct = manager(&server.url()).await;
    let batcher = Batcher::builder()
        .max_events(10)
        .give_up_after(Duration::from_millis(50))
        .on_failure_async(move |batch: FailedBatch| {
            let mut direct = direct.clone();
            async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                let options = BatchOptions::new().producer(&*batch.producer, batch.seq);
                let _ = direct.liq_maddpack(&*batch.key, &batch.events, &options).await.unwrap();
            }
        })
        .spawn(manager(&proxy.url()).await);
    tokio::task::block_in_place(|| proxy.set(Fault::Refuse));
    for number in 0..40 {
        batcher.add("a", event(number)).await.unwrap();
    }
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.failed, held(&server, "a")), (0, 40, 40));
    let events = connect(&server).liq_range("a", &redis_liq::RangeQuery::default()).unwrap();
    assert!(events.windows(2).all(|pair| pair[0].size < pair[1].size), "they came out of order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_panics_loses_nothing() {
    let server = Server::start();
    create(&server, &["a"]);
    let (calls, kept) = (Arc::new(Mutex::new(0)), Arc::new(Mutex::new(0)));
    let (counted, taken) = (Arc::clone(&calls), Arc::clone(&kept));
    let batcher = Batcher::builder()
        .max_events(10)
        .on_failure(move |batch| {
            // The guard is let go first, or the lock would be poisoned.
            let call = {
                let mut calls = counted.lock().unwrap();
                *calls += 1;
                *calls
            };
            assert!(call % 2 == 0, "the first time it panics");
            *taken.lock().unwrap() += batch.events.len();
        })
        .spawn(manager(&server.url()).await);
    redis::cmd("SET").arg("text").arg("1").exec(&mut connect(&server)).unwrap();
    for number in 0..30 {
        batcher.add("text", event(number)).await.unwrap();
        batcher.add("a", event(number)).await.unwrap();
    }
    let totals = batcher.close().await;
    assert_eq!((totals.delivered, totals.failed, *kept.lock().unwrap()), (30, 30, 30));
    assert!(totals.handler_panics >= 3);
    assert_eq!(*calls.lock().unwrap(), 2 * totals.handler_panics);
}
