//! What the server handed out to a worker that never heard of it: the answer was late, or lost with its connection.

use std::sync::Arc;
use std::time::Duration;

use liq_harness::{Fault, Proxy, Server};
use redis_liq_desk::Link;
use redis_liq_desk::queue::{Lease, Outcome, Worker};
use tokio::sync::Semaphore;

use crate::{LONG, Seen, push, queue, quick, until};

/// Found in any answer that brings the job.
const NAME: &str = "lost-job";

fn body() -> u64 {
    u64::from_be_bytes(*b"lost-job")
}

/// A job that runs until it may end.
const HELD: u64 = 7;

/// A worker that is told of nothing runs the job all the same, soon, once, and as the first attempt: there is but one. So
/// it does while it has so many others in hand.
async fn runs_as_if_nothing_was_lost(fault: Fault, held: usize) {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let direct = queue(&server);
    let far = quick().attempts(1).build::<u64>(&Link::open(&proxy.url()).unwrap()).unwrap();
    let (seen, gate) = (Seen::default(), Arc::new(Semaphore::new(0)));
    let handler = {
        let (seen, gate) = (seen.clone(), Arc::clone(&gate));
        move |job: Lease<u64>| {
            if job.body == body() {
                seen.add(job.attempt() * 10 + u64::from(job.redelivered()));
            }
            let gate = Arc::clone(&gate);
            async move {
                if job.body == HELD {
                    // It lets nobody in until it is closed.
                    drop(gate.acquire().await);
                }
                Outcome::Done
            }
        }
    };
    let working = far.work(Worker { at_once: held + 2, lease: LONG, ..Worker::default() }, handler).unwrap();
    // It is connected, and the server knows its scripts.
    push(&direct, 1).await;
    for _ in 0..held {
        push(&direct, HELD).await;
    }
    let running = held as u64;
    let is_busy = async || direct.counts().await.unwrap().running == running && working.totals().taken == running + 1;
    until("it works", is_busy).await;
    let failed = working.totals().failed_takes;
    proxy.set(fault);
    push(&direct, body()).await;
    until("the answer is lost", async || {
        direct.counts().await.unwrap().running == running + 1 && working.totals().failed_takes > failed
    })
    .await;
    proxy.set(Fault::None);
    seen.until(1).await;
    until("it is done", async || {
        let counts = direct.counts().await.unwrap();
        assert_eq!(counts.dead, 0);
        counts.running == running && counts.waiting == [0; 3]
    })
    .await;
    gate.close();
    assert_eq!(seen.all(), [10]);
    assert_eq!(working.stop(Duration::from_secs(60)).await.redelivered, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_answer_went_with_its_connection_runs_as_if_nothing_was_lost() {
    runs_as_if_nothing_was_lost(Fault::Lose { every: 1, holding: NAME }, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_job_is_found_behind_a_hundred_that_run() {
    runs_as_if_nothing_was_lost(Fault::Lose { every: 1, holding: NAME }, 110).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_answer_is_late_runs_as_if_nothing_was_lost() {
    // Later than the longest wait and the time limit of a command.
    runs_as_if_nothing_was_lost(Fault::Delay(Duration::from_secs(2)), 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_gives_back_what_it_never_heard_of() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let direct = queue(&server);
    let far = quick().build::<u64>(&Link::open(&proxy.url()).unwrap()).unwrap();
    let working = far.work(Worker { lease: LONG, ..Worker::default() }, |_| async { Outcome::Done }).unwrap();
    // All that a script answers and what a wait brings, so that nothing is found before the stop.
    proxy.set(Fault::Lose { every: 1, holding: NAME });
    push(&direct, body()).await;
    until("the answer is lost", async || proxy.lost() > 0).await;
    let stopping = tokio::spawn(working.stop(Duration::from_secs(60)));
    proxy.set(Fault::None);
    until("it is given back or done", async || direct.counts().await.unwrap().running == 0).await;
    stopping.await.unwrap();
}
