//! What pub/sub costs in time, which the recipe for messages speaks of: from PUBLISH to the last of five subscribers.

use std::time::{Duration, Instant};

use futures_util::StreamExt;
use liq_harness::Server;

use crate::measure::{bare, percentiles};

pub async fn published() {
    const SUBSCRIBERS: usize = 5;
    const MESSAGES: usize = 2000;
    let server = Server::plain();
    let client = redis::Client::open(server.url()).unwrap();
    let begun = Instant::now();
    let (sender, mut times) = tokio::sync::mpsc::unbounded_channel();
    for _ in 0..SUBSCRIBERS {
        let mut listening = client.get_async_pubsub().await.unwrap();
        listening.subscribe("ws:web-1").await.unwrap();
        let sender = sender.clone();
        tokio::spawn(async move {
            let mut messages = listening.into_on_message();
            while let Some(message) = messages.next().await {
                let sent = Duration::from_nanos(message.get_payload::<u64>().unwrap());
                let _ = sender.send(begun.elapsed().saturating_sub(sent));
            }
        });
    }
    let mut connection = bare(&server.url()).await;
    for _ in 0..MESSAGES {
        let now = begun.elapsed().as_nanos() as u64;
        let heard: usize = redis::cmd("PUBLISH").arg("ws:web-1").arg(now).query_async(&mut connection).await.unwrap();
        assert_eq!(heard, SUBSCRIBERS);
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let mut all = Vec::new();
    while all.len() < SUBSCRIBERS * MESSAGES {
        all.push(times.recv().await.unwrap());
    }
    let (p50, p99) = percentiles(all);
    println!("PUBLISH to subscriber, {SUBSCRIBERS} of them: p50 {p50:?}, p99 {p99:?}");
}
