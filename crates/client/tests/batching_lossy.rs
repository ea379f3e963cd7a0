//! The batcher through a network that loses replies: what was carried out and not heard of counts once.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, reason = "tests")]

mod server;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use redis_liq::{Batcher, ClockMode, Event, LiqCommands, SeriesOptions, Side};
use server::Server;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixStream};

const START_MS: u64 = 1_737_910_800_000;
/// More than the raw tail holds, so that a repeated batch cannot be known by its events: only by its number.
const EVENTS_PER_BATCH: usize = 400;
const TAIL: u32 = 256;
const EVENTS: u64 = 20_000;

/// Passes requests on and loses every fifth reply, with the connection. Returns the port, and counts replies.
async fn lossy_proxy(socket: String) -> (u16, Arc<AtomicU64>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let lost = Arc::new(AtomicU64::new(0));
    let losses = Arc::clone(&lost);
    tokio::spawn(async move {
        let replies = Arc::new(AtomicU64::new(0));
        while let Ok((client, _)) = listener.accept().await {
            let (replies, losses) = (Arc::clone(&replies), Arc::clone(&losses));
            let server = UnixStream::connect(&socket).await.unwrap();
            tokio::spawn(async move {
                let (mut from_client, mut to_client) = client.into_split();
                let (mut from_server, mut to_server) = server.into_split();
                let requests = tokio::spawn(async move { tokio::io::copy(&mut from_client, &mut to_server).await });
                let mut buffer = vec![0; 65_536];
                while let Ok(count @ 1..) = from_server.read(&mut buffer).await {
                    let (reply, _) = buffer.split_at(count);
                    let is_batch = reply.windows(8).any(|part| part == b"accepted");
                    if is_batch && replies.fetch_add(1, Ordering::Relaxed) % 5 == 4 {
                        losses.fetch_add(1, Ordering::Relaxed);
                        break;
                    }
                    if to_client.write_all(reply).await.is_err() {
                        break;
                    }
                }
                requests.abort();
            });
        }
    });
    (port, lost)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_batch_whose_reply_was_lost_counts_once() {
    let server = Server::start();
    let keys = ["{a}", "{b}"];
    let options = SeriesOptions::new().clock(ClockMode::Event).tail(TAIL);
    keys.iter().for_each(|key| server.connect().liq_create(*key, &options).unwrap());
    let (port, lost) = lossy_proxy(server.socket()).await;
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}/")).unwrap();
    let batcher = Batcher::builder().max_events(EVENTS_PER_BATCH).spawn(client.get_connection_manager().await.unwrap());
    for (number, key) in (0..EVENTS).zip(keys.into_iter().cycle()) {
        batcher.add(key, Event::new(START_MS + number, Side::Sell, 1000.0, 1.0 + number as f64)).await.unwrap();
    }
    let totals = batcher.close().await;
    let lost = lost.load(Ordering::Relaxed);
    assert!(lost >= 5, "only {lost} replies were lost");
    assert_eq!((totals.delivered, totals.failed), (EVENTS, 0));
    assert!(totals.retries >= lost && totals.recovered > 0, "{totals:?}");
    assert_eq!(totals.replies.stored() + totals.recovered, EVENTS);
    let mut con = server.connect();
    let held: u64 = keys.iter().map(|key| con.liq_info(*key).unwrap().events).sum();
    assert_eq!(held, EVENTS);
}
