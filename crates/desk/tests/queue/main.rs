//! The queue against real servers: order, retries, names, dead letters; workers that die; Redis that fails; and nothing
//! lost through kills of both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs,
    reason = "tests may stop at a broken assumption"
)]

mod begun;
mod crowds;
mod faults;
mod feeds;
mod jobs;
mod kills;
mod lost;
mod prompt;
mod workers;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use liq_harness::Server;
use redis_liq_desk::Link;
use redis_liq_desk::queue::{Builder, Job, Lease, Outcome, Push, Queue, Worker, Working};

/// Long enough that nothing runs out while a slow machine runs the test.
pub const LONG: Duration = Duration::from_secs(3600);

/// A link that a busy machine does not disturb; tests of failures take one with the usual time limit.
pub fn link(server: &Server) -> Link {
    Link::open_with(&server.url(), Duration::from_secs(30), 3).unwrap()
}

pub fn queue(server: &Server) -> Queue<u64> {
    quick().build(&link(server)).unwrap()
}

/// A queue whose retries come soon.
pub fn quick() -> Builder {
    Queue::<u64>::builder("orders").backoff(Duration::from_millis(5), Duration::from_millis(20))
}

/// What handlers saw, in their order.
#[derive(Clone, Default)]
pub struct Seen(pub Arc<Mutex<Vec<u64>>>);

impl Seen {
    pub fn add(&self, body: u64) {
        self.0.lock().unwrap().push(body);
    }

    pub fn all(&self) -> Vec<u64> {
        self.0.lock().unwrap().clone()
    }

    /// A worker that notes what it gets.
    pub fn work(&self, queue: &Queue<u64>, at_once: usize) -> Working {
        let seen = self.clone();
        let worker = Worker { at_once, ..Worker::default() };
        let handler = move |job: Lease<u64>| {
            let seen = seen.clone();
            async move {
                seen.add(job.body);
                Outcome::Done
            }
        };
        queue.work(worker, handler).unwrap()
    }

    pub async fn until(&self, count: usize) {
        until("the jobs are done", async || self.0.lock().unwrap().len() >= count).await;
    }
}

/// Polls until it holds.
pub async fn until(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !condition().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
}

/// Until nothing waits, runs or is due later.
pub async fn until_empty(queue: &Queue<u64>) {
    until("the queue is empty", async || {
        queue.counts().await.is_ok_and(|counts| counts.waiting == [0; 3] && counts.running + counts.later == 0)
    })
    .await;
}

pub async fn push(queue: &Queue<u64>, body: u64) {
    assert_eq!(queue.push(Job::new(body)).await.unwrap(), Push::Pushed);
}
