//! Workers that die, hang, stop, or wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use liq_harness::signal::Signal;
use liq_harness::{Child, Server, child};
use redis_liq_desk::Link;
use redis_liq_desk::queue::{Job, Lease, Limit, Outcome, Priority, Worker};

use crate::{Seen, link, push, queue, quick, until, until_empty};

const LEASE: Duration = Duration::from_millis(1_500);

/// Takes jobs and never ends them.
#[test]
fn hanging_worker() {
    let Some(args) = child::args("hanging_worker") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let queue = quick().build::<u64>(&Link::open(&args[0]).unwrap()).unwrap();
        let handler = |job: Lease<u64>| async move {
            child::say(&job.body.to_string());
            std::future::pending::<Outcome>().await
        };
        let _working = queue.work(Worker { at_once: 2, lease: LEASE, ..Worker::default() }, handler).unwrap();
        std::future::pending::<()>().await;
    });
}

fn taking_over(queue: &redis_liq_desk::Queue<u64>, seen: &Seen) -> redis_liq_desk::queue::Working {
    let seen = seen.clone();
    let handler = move |job: Lease<u64>| {
        let seen = seen.clone();
        async move {
            assert!(job.redelivered() && job.attempt() == 2);
            seen.add(job.body);
            Outcome::Done
        }
    };
    queue.work(Worker { at_once: 4, lease: LEASE, ..Worker::default() }, handler).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_workers_jobs_go_to_others_and_say_so() {
    let server = Server::plain();
    let queue = queue(&server);
    push(&queue, 1).await;
    push(&queue, 2).await;
    let mut dying = Child::start("workers::hanging_worker", &[&server.url()]);
    let mut heard = [dying.hear(), dying.hear()];
    heard.sort();
    assert_eq!(heard, ["1", "2"]);
    let seen = Seen::default();
    let working = taking_over(&queue, &seen);
    // As long as it lives its jobs are its own, however long they take.
    tokio::time::sleep(LEASE * 3).await;
    assert!(seen.all().is_empty());
    dying.kill();
    seen.until(2).await;
    until_empty(&queue).await;
    assert_eq!(working.stop(LEASE).await.redelivered, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_hung_loses_its_lease_and_its_word_is_not_taken() {
    let server = Server::plain();
    let queue = queue(&server);
    push(&queue, 1).await;
    let hung = Child::start("workers::hanging_worker", &[&server.url()]);
    let seen = Seen::default();
    until("it runs", async || queue.counts().await.unwrap().running == 1).await;
    hung.signal(Signal::STOP);
    let working = taking_over(&queue, &seen);
    seen.until(1).await;
    hung.signal(Signal::CONT);
    until_empty(&queue).await;
    working.stop(LEASE).await;
    assert_eq!(seen.all(), [1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_kills_its_workers_is_buried() {
    let server = Server::plain();
    let queue = quick().attempts(3).build::<u64>(&link(&server)).unwrap();
    push(&queue, 1).await;
    for _ in 0..3 {
        let mut dying = Child::start("workers::hanging_worker", &[&server.url()]);
        assert_eq!(dying.hear(), "1");
        dying.kill();
    }
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |job: Lease<u64>| {
            seen.add(job.body);
            async { Outcome::Done }
        }
    };
    let working = queue.work(Worker { at_once: 4, lease: LEASE, ..Worker::default() }, handler).unwrap();
    until("it is buried", async || queue.counts().await.unwrap().dead == 1).await;
    assert_eq!(queue.dead("", 1).await.unwrap()[0].reason, "its workers died, 3 attempts");
    assert!(seen.all().is_empty());
    working.stop(LEASE).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_worker_finishes_what_it_can_and_gives_back_the_rest() {
    let server = Server::plain();
    let queue = queue(&server);
    push(&queue, 1).await;
    push(&queue, 2).await;
    let (seen, begun) = (Seen::default(), Seen::default());
    let handler = {
        let (seen, begun) = (seen.clone(), begun.clone());
        move |job: Lease<u64>| {
            let (seen, begun) = (seen.clone(), begun.clone());
            async move {
                begun.add(job.body);
                let time = if job.body == 1 { Duration::from_millis(200) } else { Duration::from_secs(3600) };
                tokio::time::sleep(time).await;
                seen.add(job.body);
                Outcome::Done
            }
        }
    };
    let working = queue.work(Worker::default(), handler).unwrap();
    begun.until(2).await;
    working.stop(Duration::from_secs(5)).await;
    let counts = queue.counts().await.unwrap();
    assert_eq!((seen.all(), counts.waiting, counts.running), (vec![1], [0, 1, 0], 0));
    // Given back, it is nobody's fault and no attempt.
    let again = Seen::default();
    let handler = {
        let again = again.clone();
        move |job: Lease<u64>| {
            again.add(job.attempt());
            // But it was in the middle of it.
            again.add(u64::from(job.redelivered()));
            async { Outcome::Done }
        }
    };
    let working = queue.work(Worker::default(), handler).unwrap();
    again.until(2).await;
    assert_eq!(again.all(), [1, 1]);
    working.stop(Duration::from_secs(60)).await;
}

/// Between a worker's take, which finds nothing, and its wait: the wait then brings a job of each priority.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_of_several_priorities_that_come_together_run_at_once() {
    let server = Server::plain();
    let queue = queue(&server);
    let (seen, begun) = (Seen::default(), std::time::Instant::now());
    let (most, now) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let handler = {
        let (seen, most, now) = (seen.clone(), Arc::clone(&most), Arc::clone(&now));
        move |job: Lease<u64>| {
            let (seen, most, now) = (seen.clone(), Arc::clone(&most), Arc::clone(&now));
            async move {
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                tokio::task::yield_now().await;
                now.fetch_sub(1, Ordering::SeqCst);
                seen.add(job.body);
                Outcome::Done
            }
        }
    };
    let working = queue.work(Worker { at_once: 1, lease: crate::LONG, ..Worker::default() }, handler).unwrap();
    for number in 0..800 {
        let jobs =
            [Priority::High, Priority::Normal, Priority::Low].map(|priority| Job::new(number).priority(priority));
        // At any point of the worker's round.
        tokio::time::sleep(Duration::from_micros(u64::from(begun.elapsed().subsec_nanos()) % 700)).await;
        queue.push_all(&jobs).await.unwrap();
        seen.until(3 * (number as usize + 1)).await;
    }
    until_empty(&queue).await;
    let totals = working.stop(Duration::from_secs(60)).await;
    assert_eq!((totals.redelivered, most.load(Ordering::SeqCst)), (0, 1), "{totals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_job_wakes_one_of_many_workers() {
    let server = Server::plain();
    let queue = queue(&server);
    let seen = Seen::default();
    let workers: Vec<_> = (0..5).map(|_| seen.work(&queue, 1)).collect();
    for body in 0..100 {
        push(&queue, body).await;
        seen.until(body as usize + 1).await;
    }
    for working in workers {
        working.stop(Duration::from_secs(60)).await;
    }
    let mut bodies = seen.all();
    bodies.sort_unstable();
    assert_eq!(bodies, (0..100).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn workers_over_a_given_connection_and_in_resp3_work_too() {
    let server = Server::plain();
    let client = redis::Client::open(server.url()).unwrap();
    let given = Link::over(client.get_multiplexed_async_connection().await.unwrap());
    for link in [given, Link::open_with(&server.url_resp3(), Duration::from_secs(30), 3).unwrap()] {
        let queue = quick().build::<u64>(&link).unwrap();
        let seen = Seen::default();
        let working = seen.work(&queue, 2);
        for body in 0..20 {
            push(&queue, body).await;
            seen.until(body as usize + 1).await;
        }
        working.stop(Duration::from_secs(60)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exchanges_limit_holds_for_all_workers_together() {
    // The limiter is the module's.
    let server = Server::start();
    let (queue, link) = (queue(&server), link(&server));
    for body in 0..6 {
        push(&queue, body).await;
    }
    let limit = |limits: &[&str]| Some(Limit::rl_check(&link, "rl:{okx}:orders", limits));
    let seen = Seen::default();
    let work = |limit| {
        let seen = seen.clone();
        let handler = move |job: Lease<u64>| {
            seen.add(job.body);
            async { Outcome::Done }
        };
        queue.work(Worker { limit, ..Worker::default() }, handler).unwrap()
    };
    // Four in ten hours: the others wait, and are given back.
    let workers = [work(limit(&["LIMIT", "4", "PERIOD", "10h"])), work(limit(&["LIMIT", "4", "PERIOD", "10h"]))];
    seen.until(4).await;
    until("the others are taken", async || queue.counts().await.unwrap().running == 2).await;
    for working in workers {
        working.stop(Duration::from_millis(100)).await;
    }
    assert_eq!((seen.all().len(), queue.counts().await.unwrap().waiting), (4, [0, 2, 0]));
    let working = work(limit(&["LIMIT", "many"]));
    until("both are buried", async || queue.counts().await.unwrap().dead == 2).await;
    assert!(queue.dead("", 1).await.unwrap()[0].reason.starts_with("the limit cannot be asked: redis refused: ERR"));
    working.stop(Duration::from_secs(60)).await;
}
