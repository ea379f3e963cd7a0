//! Nothing begins after a stop, too late, or later than it is due.

use std::pin::pin;
use std::time::Duration;

use liq_harness::{Fault, Proxy, Server};
use redis_liq_desk::queue::{Job, Lease, Limit, Outcome, Status, Worker, Working};
use redis_liq_desk::{Link, Queue};

use crate::{LONG, Seen, link, push, queue, quick, until, until_empty};

/// Until a worker waits in its read.
async fn until_it_waits(server: &Server) {
    until("it waits", async || server.connect().run("CLIENT LIST").text().contains("cmd=xreadgroup")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_begins_after_a_stop() {
    let server = Server::plain();
    let queue = queue(&server);
    let seen = Seen::default();
    let working = seen.work(&queue, 2);
    until_it_waits(&server).await;
    let mut stopping = pin!(working.stop(Duration::from_secs(60)));
    // As far as it gets without waiting: the worker is told.
    tokio::select! {
        biased;
        _ = &mut stopping => {}
        () = std::future::ready(()) => {}
    }
    push(&queue, 1).await;
    let totals = stopping.await;
    let counts = queue.counts().await.unwrap();
    assert_eq!((seen.all(), totals.taken, counts.waiting, counts.running), (vec![], 0, [0, 1, 0], 0));
    // Whoever gets it is the first.
    let attempts = Seen::default();
    let handler = {
        let attempts = attempts.clone();
        move |job: Lease<u64>| {
            attempts.add(job.attempt() + u64::from(job.redelivered()));
            async { Outcome::Done }
        }
    };
    let working = queue.work(Worker::default(), handler).unwrap();
    attempts.until(1).await;
    assert_eq!(attempts.all(), [1]);
    working.stop(Duration::from_secs(60)).await;
}

/// Were each only found when a worker's longest wait ends, they would take minutes.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_learns_of_what_is_due_before_what_it_waits_for() {
    let server = Server::plain();
    let queue = queue(&server);
    let attempts = Seen::default();
    let handler = {
        let attempts = attempts.clone();
        move |job: Lease<u64>| {
            attempts.add(job.attempt());
            async move {
                match job.attempt() {
                    1 => Outcome::RetryAfter(Duration::from_millis(2), "once more".into()),
                    _ => Outcome::Done,
                }
            }
        }
    };
    let working = queue.work(Worker { lease: LONG, ..Worker::default() }, handler).unwrap();
    queue.push(Job::new(0).after(LONG)).await.unwrap();
    let all = async {
        for number in 1..=150 {
            queue.push(Job::new(1).after(Duration::from_millis(2))).await.unwrap();
            attempts.until(2 * number).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), all).await.expect("they come when they are due");
    // The last word may be read when its job has run already.
    until("no word stays", async || {
        server.connect().run("XINFO GROUPS {q:orders}:wake").array()[0].field("pending").int() == 0
    })
    .await;
    working.stop(Duration::from_secs(60)).await;
}

fn limited(queue: &Queue<u64>, limit: Limit, seen: &Seen) -> Working {
    let seen = seen.clone();
    let handler = move |job: Lease<u64>| {
        seen.add(job.attempt());
        async { Outcome::Done }
    };
    queue.work(Worker { limit: Some(limit), ..Worker::default() }, handler).unwrap()
}

const LIMITS: [&str; 4] = ["LIMIT", "1", "PERIOD", "2s"];

#[tokio::test(flavor = "multi_thread")]
async fn what_became_too_old_while_it_waited_for_a_limit_does_not_begin() {
    let server = Server::start();
    let queue = quick().status_for(LONG).build::<u64>(&link(&server)).unwrap();
    let job = Job::new(1).expires(Duration::from_millis(1500));
    queue.push(&job).await.unwrap();
    // The next one may begin in two seconds.
    server.connect().run(&format!("RL.CHECK rl:{{okx}}:orders {}", LIMITS.join(" ")));
    let seen = Seen::default();
    let working = limited(&queue, Limit::rl_check(&link(&server), "rl:{okx}:orders", &LIMITS), &seen);
    until_empty(&queue).await;
    assert_eq!(queue.status(job.id()).await.unwrap(), Some(Status::Expired));
    assert_eq!((seen.all(), queue.counts().await.unwrap().dead, working.totals().expired), (vec![], 1, 1));
    working.stop(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limiter_that_cannot_count_costs_no_attempts() {
    let server = Server::start();
    let proxy = Proxy::before(&server);
    let queue = quick().attempts(2).build::<u64>(&link(&server)).unwrap();
    let limiter = Link::open(&proxy.url()).unwrap();
    let seen = Seen::default();
    for (number, error) in
        ["OOM command not allowed", "READONLY You can't write", "LOADING Redis is"].iter().enumerate()
    {
        proxy.set(Fault::Answer(error));
        let before = proxy.commands();
        let working = limited(&queue, Limit::rl_check(&limiter, &format!("rl:{{{number}}}"), &LIMITS), &seen);
        push(&queue, 1).await;
        until("it is asked for again", async || proxy.commands() > before + 3).await;
        proxy.set(Fault::None);
        seen.until(number + 1).await;
        working.stop(Duration::from_secs(60)).await;
    }
    assert_eq!((seen.all(), queue.counts().await.unwrap().dead), (vec![1; 3], 0));
}
