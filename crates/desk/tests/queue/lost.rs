//! What the server handed out to a worker that never heard of it: the answer was late, or lost with its connection.

use std::time::Duration;

use liq_harness::{Fault, Proxy, Server};
use redis_liq_desk::Link;
use redis_liq_desk::queue::{Lease, Outcome, Worker};

use crate::{LONG, Seen, push, queue, quick, until};

/// Found in any answer that brings the job.
const NAME: &str = "lost-job";

fn body() -> u64 {
    u64::from_be_bytes(*b"lost-job")
}

/// A worker that is told of nothing runs the job all the same, soon, once, and as the first attempt: there is but one.
async fn runs_as_if_nothing_was_lost(fault: Fault) {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let direct = queue(&server);
    let far = quick().attempts(1).build::<u64>(&Link::open(&proxy.url()).unwrap()).unwrap();
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |job: Lease<u64>| {
            if job.body == body() {
                seen.add(job.attempt() * 10 + u64::from(job.redelivered()));
            }
            async { Outcome::Done }
        }
    };
    let working = far.work(Worker { at_once: 2, lease: LONG, ..Worker::default() }, handler).unwrap();
    // It is connected, and the server knows its scripts.
    push(&direct, 1).await;
    until("it works", async || direct.counts().await.unwrap().running == 0 && working.totals().taken == 1).await;
    let failed = working.totals().failed_takes;
    proxy.set(fault);
    push(&direct, body()).await;
    until("the answer is lost", async || {
        direct.counts().await.unwrap().running == 1 && working.totals().failed_takes > failed
    })
    .await;
    proxy.set(Fault::None);
    seen.until(1).await;
    until("it is done", async || {
        let counts = direct.counts().await.unwrap();
        assert_eq!(counts.dead, 0);
        counts.running == 0 && counts.waiting == [0; 3]
    })
    .await;
    assert_eq!(seen.all(), [10]);
    assert_eq!(working.stop(Duration::from_secs(60)).await.redelivered, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_answer_went_with_its_connection_runs_as_if_nothing_was_lost() {
    runs_as_if_nothing_was_lost(Fault::Lose { every: 1, holding: NAME }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_answer_is_late_runs_as_if_nothing_was_lost() {
    // Later than the longest wait and the time limit of a command.
    runs_as_if_nothing_was_lost(Fault::Delay(Duration::from_secs(2))).await;
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
