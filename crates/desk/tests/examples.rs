//! The examples, run against a real server.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests may stop at a broken assumption")]

#[path = "../examples/queue.rs"]
mod queue;
#[path = "../examples/ticker.rs"]
mod ticker;

use std::time::Duration;

use liq_harness::Server;
use redis_liq_desk::Link;

/// A link that waits for a busy machine.
fn patient(server: &Server) -> Link {
    Link::open_with(&server.url(), Duration::from_secs(30), 3).unwrap()
}

#[tokio::test]
async fn the_ticker_is_loaded_once() {
    let server = Server::plain();
    let lines = ticker::run(patient(&server)).await.unwrap();
    assert_eq!(lines[0], "BTCUSDT 42150.5 from Loader");
    assert!(lines[1..3].iter().all(|line| !line.contains("Loader")), "{lines:?}");
    assert_eq!(lines[3], "NOSUCH is no symbol");
}

#[tokio::test]
async fn the_ticker_works_without_a_server() {
    let mut server = Server::plain();
    server.kill();
    let lines = ticker::run(Link::open(&server.url()).unwrap()).await.unwrap();
    assert_eq!(lines[0], "BTCUSDT 42150.5 from Loader");
    assert!(lines.last().unwrap().starts_with("without redis: "), "{lines:?}");
}

#[tokio::test]
async fn orders_go_through_the_queue() {
    let server = Server::plain();
    let link = patient(&server);
    for quantity in [2, 2, 3] {
        queue::push(&link, "BTCUSDT", quantity).await.unwrap();
    }
    assert_eq!(queue::work(&link, 2).await.unwrap(), ["BTCUSDT 2 attempt 1", "BTCUSDT 3 attempt 1"]);
}
