//! Whether a job that comes again says that somebody had it who never said how that ended, whatever became of it since.

use liq_harness::Server;
use redis_liq_desk::Queue;
use redis_liq_desk::queue::{Lease, Outcome, Worker, Working};

use crate::{LONG, Seen, push, queue, until, until_empty};

/// A worker that notes whether each job is redelivered, and ends the first, the second… time as told.
fn note(queue: &Queue<u64>, seen: &Seen, ends: impl Fn(usize) -> Outcome + Send + Sync + 'static) -> Working {
    let seen = seen.clone();
    let handler = move |job: Lease<u64>| {
        let time = seen.all().len();
        seen.add(u64::from(job.redelivered()));
        let outcome = ends(time);
        async { outcome }
    };
    queue.work(Worker { at_once: 1, lease: LONG, ..Worker::default() }, handler).unwrap()
}

/// Pushes a job, which a worker takes that dies with it long ago.
async fn push_to_the_dead(server: &Server, queue: &Queue<u64>) {
    push(queue, 1).await;
    let mut client = server.connect();
    client.run("XGROUP CREATE {q:orders}:p1 workers 0").ok();
    client.run("XREADGROUP GROUP workers ghost COUNT 1 STREAMS {q:orders}:p1 >");
    let pending = client.run("XPENDING {q:orders}:p1 workers - + 10");
    let entry = pending.array()[0].array()[0].text();
    client.run(&format!("XCLAIM {{q:orders}}:p1 workers ghost 0 {entry} IDLE 36000000 JUSTID"));
}

fn retry() -> Outcome {
    Outcome::Retry("again".into())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_knows_of_the_worker_that_died_before_it() {
    let server = Server::plain();
    let (queue, seen) = (queue(&server), Seen::default());
    push_to_the_dead(&server, &queue).await;
    let working = note(&queue, &seen, |time| if time < 2 { retry() } else { Outcome::Done });
    seen.until(3).await;
    until_empty(&queue).await;
    assert_eq!(seen.all(), [1, 1, 1]);
    working.stop(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_panicked_may_be_done() {
    let server = Server::plain();
    let (queue, seen) = (queue(&server), Seen::default());
    push(&queue, 1).await;
    let working = note(&queue, &seen, |time| match time {
        0 => panic!("in the middle of it"),
        1 => retry(),
        _ => Outcome::Done,
    });
    seen.until(3).await;
    until_empty(&queue).await;
    assert_eq!(seen.all(), [0, 1, 1]);
    working.stop(LONG).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_buried_and_revived_may_be_done() {
    let server = Server::plain();
    let (queue, seen) = (queue(&server), Seen::default());
    push_to_the_dead(&server, &queue).await;
    let working = note(&queue, &seen, |time| if time == 0 { Outcome::Bury("bad".into()) } else { Outcome::Done });
    until("it is buried", async || queue.counts().await.unwrap().dead == 1).await;
    assert!(queue.revive(&queue.dead("", 1).await.unwrap()[0]).await.unwrap());
    seen.until(2).await;
    until_empty(&queue).await;
    assert_eq!(seen.all(), [1, 1]);
    working.stop(LONG).await;
}

/// A handler that says how it ended leaves nothing to ask.
#[tokio::test(flavor = "multi_thread")]
async fn what_every_handler_ended_is_not_done() {
    let server = Server::plain();
    let (queue, seen) = (queue(&server), Seen::default());
    push(&queue, 1).await;
    let working = note(&queue, &seen, |time| match time {
        0 => retry(),
        1 => Outcome::Bury("bad".into()),
        _ => Outcome::Done,
    });
    until("it is buried", async || queue.counts().await.unwrap().dead == 1).await;
    assert!(queue.revive(&queue.dead("", 1).await.unwrap()[0]).await.unwrap());
    seen.until(3).await;
    until_empty(&queue).await;
    assert_eq!(seen.all(), [0, 0, 0]);
    working.stop(LONG).await;
}
