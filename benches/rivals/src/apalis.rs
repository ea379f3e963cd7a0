//! apalis with its storage in Redis.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use apalis::prelude::*;
use apalis_redis::{Config, RedisStorage};
use liq_harness::Server;
use serde::{Deserialize, Serialize};

use crate::measure::cpu;
use crate::queue::BODY;

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Order {
    body: String,
}

/// With 20,000 jobs waiting its worker ended at once.
pub const MOST: u64 = 4000;

static DONE: AtomicU64 = AtomicU64::new(0);

async fn count(_: Order) -> Result<(), BoxDynError> {
    DONE.fetch_add(1, Ordering::Relaxed);
    Ok(())
}

/// Pushes, then works everything off; server CPU of each, microseconds a job. Nothing when its worker ends before.
pub async fn round(server: &Server, jobs: u64, batch: usize) -> Option<[f64; 2]> {
    DONE.store(0, Ordering::Relaxed);
    let name = format!("apalis{}", fastrand::u32(..));
    let connection = apalis_redis::connect(server.url()).await.unwrap();
    let config = Config::default().queue(&name).batch_size(batch);
    let mut storage = RedisStorage::<Order>::new(connection).with_config(config);
    let order = || Order { body: BODY.to_owned() };
    let before = cpu(server);
    for _ in (0..jobs).step_by(batch) {
        if batch == 1 {
            storage.push(order()).await.unwrap();
        } else {
            storage.push_bulk(vec![order(); batch]).await.unwrap();
        }
    }
    let pushed = (cpu(server) - before) * 1e6 / jobs as f64;
    let before = cpu(server);
    let worker = WorkerBuilder::new(name).backend(storage).concurrency(batch).build(count);
    let working = tokio::spawn(async move { worker.run().await });
    while DONE.load(Ordering::Relaxed) < jobs && !working.is_finished() {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let done = DONE.load(Ordering::Relaxed);
    if done < jobs {
        println!("apalis-redis: the worker ended after {done} of {jobs} jobs: {:?}", working.await);
        return None;
    }
    // It tells ends behind the handlers.
    tokio::time::sleep(Duration::from_millis(500)).await;
    let worked = (cpu(server) - before) * 1e6 / jobs as f64;
    working.abort();
    Some([pushed, worked])
}
