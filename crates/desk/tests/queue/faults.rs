//! The queue while Redis is dead, killed, hung, read-only, full, or loads its data.

use std::ops::RangeBounds;
use std::time::Duration;

use futures_util::future::BoxFuture;
use liq_harness::{Fault, Options, Proxy, Server};
use redis_liq_desk::queue::{Job, Lease, Outcome, Push, Worker};
use redis_liq_desk::{Error, Link, Queue};

use crate::{Seen, push, quick, until, until_empty};

fn link(server: &Server) -> Link {
    Link::open(&server.url()).unwrap()
}

fn queue(server: &Server) -> Queue<u64> {
    quick().build(&link(server)).unwrap()
}

/// Pushes until it is taken: the caller knows what to do while Redis is away.
async fn push_when_there(queue: &Queue<u64>, body: u64) {
    until("the push is taken", async || matches!(queue.push(Job::new(body)).await, Ok(Push::Pushed))).await;
}

/// A script takes nothing back when it ends with an error: a job leaves its stream behind the write to where it goes.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_that_cannot_be_buried_is_not_lost() {
    let server = Server::plain();
    let mut client = server.connect();
    let queue = queue(&server);
    client.run("SET {q:orders}:dead x").ok();
    let working = queue.work(Worker::default(), |_: Lease<u64>| async { Outcome::Bury("bad".into()) }).unwrap();
    push(&queue, 1).await;
    until("it is tried in vain", async || working.totals().untold > 1).await;
    assert_eq!(client.run("DEL {q:orders}:dead").int(), 1);
    until("it is buried", async || queue.counts().await.is_ok_and(|counts| counts.dead == 1)).await;
    working.stop(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_begins_when_the_server_comes() {
    let mut server = Server::plain();
    server.kill();
    let queue = queue(&server);
    let seen = Seen::default();
    let working = seen.work(&queue, 2);
    until("the link is down", async || matches!(queue.push(Job::new(0)).await, Err(Error::Away(_)))).await;
    server.start_again();
    push_when_there(&queue, 1).await;
    seen.until(1).await;
    assert!(working.totals().failed_takes > 0);
    working.stop(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ends_are_told_when_the_server_is_back() {
    let mut server = Options::default().without_module().durable().start();
    let queue = queue(&server);
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |job: Lease<u64>| {
            let seen = seen.clone();
            async move {
                seen.add(job.body);
                tokio::time::sleep(Duration::from_millis(100)).await;
                Outcome::Done
            }
        }
    };
    let working = queue.work(Worker::default(), handler).unwrap();
    push(&queue, 1).await;
    seen.until(1).await;
    tokio::task::block_in_place(|| server.kill());
    until("the end cannot be told", async || working.totals().untold > 0).await;
    server.start_again();
    until_empty(&queue).await;
    assert_eq!(seen.all(), [1]);
    working.stop(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_is_waited_for() {
    let server = Server::plain();
    let queue = queue(&server);
    let seen = Seen::default();
    let working = seen.work(&queue, 2);
    push(&queue, 1).await;
    seen.until(1).await;
    server.stall();
    until("the link is down", async || matches!(queue.push(Job::new(2)).await, Err(Error::Away(_)))).await;
    server.resume();
    push_when_there(&queue, 3).await;
    until("what was pushed is done", async || seen.all().contains(&3)).await;
    until_empty(&queue).await;
    working.stop(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_or_read_only_server_refuses_and_loses_nothing() {
    let server = Server::plain();
    let queue = quick().build::<u64>(&link(&server)).unwrap();
    push(&queue, 1).await;
    let seen = Seen::default();
    server.connect().run("CONFIG SET maxmemory 1").ok();
    assert!(queue.push(Job::new(2)).await.unwrap_err().to_string().starts_with("redis refused: OOM"));
    let working = seen.work(&queue, 2);
    until("takes fail", async || working.totals().failed_takes > 0).await;
    server.connect().run("CONFIG SET maxmemory 0").ok();
    seen.until(1).await;
    until_empty(&queue).await;
    server.connect().run("REPLICAOF 127.0.0.1 1").ok();
    assert!(queue.push(Job::new(2)).await.unwrap_err().to_string().starts_with("redis refused: READONLY"));
    server.connect().run("REPLICAOF NO ONE").ok();
    push(&queue, 2).await;
    seen.until(2).await;
    working.stop(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_loading_server_and_lost_replies() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let queue = quick().build::<u64>(&Link::open(&proxy.url()).unwrap()).unwrap();
    proxy.set(Fault::Answer("LOADING Redis is loading the dataset in memory"));
    let seen = Seen::default();
    let working = seen.work(&queue, 2);
    assert!(queue.push(Job::new(1)).await.is_err());
    proxy.set(Fault::None);
    push_when_there(&queue, 1).await;
    seen.until(1).await;
    // What was carried out and not heard of: named jobs are pushed again without a double.
    proxy.set(Fault::Lose { every: 5, holding: "" });
    for body in 100..160 {
        let job = Job::new(body).once(format!("n{body}"), Duration::from_secs(3600));
        until("it is pushed", async || queue.push(&job).await.is_ok()).await;
    }
    proxy.set(Fault::None);
    until("all are done", async || (100..160).all(|body| seen.all().contains(&body))).await;
    working.stop(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flushed_server_is_a_new_queue() {
    let server = Server::plain();
    let queue = queue(&server);
    let seen = Seen::default();
    let working = seen.work(&queue, 2);
    push(&queue, 1).await;
    seen.until(1).await;
    server.connect().run("FLUSHALL").ok();
    push(&queue, 2).await;
    seen.until(2).await;
    working.stop(Duration::from_secs(60)).await;
}

/// Sends bytes that are no text.
async fn send(server: &Server, words: &[&[u8]]) {
    let client = redis::Client::open(server.url()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let mut command = redis::Cmd::new();
    for word in words {
        command.arg(word);
    }
    let _: redis::Value = command.query_async(&mut connection).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_later_and_is_no_job_is_buried_and_stops_nothing() {
    let server = Server::plain();
    let queue = queue(&server);
    let pack = |priority: f64, id: &str| rmp_serde::to_vec(&(priority, id, 0, 1, 0, "body")).unwrap();
    let hostile: Vec<Vec<u8>> = vec![
        b"{\"json\": true}".to_vec(),
        b"".to_vec(),
        b"\xc1\xff".to_vec(),
        pack(7.0, "high"),
        pack(1.5, "between"),
        pack(-1.0, "below"),
        pack(f64::NAN, "none"),
        rmp_serde::to_vec(&(1, "short")).unwrap(),
        rmp_serde::to_vec(&(1, "texts", "a", "b", "c", "d")).unwrap(),
        rmp_serde::to_vec(&(1, ("nested", 2), 0, 1, 0, "body")).unwrap(),
    ];
    for member in &hostile {
        send(&server, &[b"ZADD", b"{q:orders}:later", b"1", member]).await;
    }
    queue.push(Job::new(1).after(Duration::from_millis(1))).await.unwrap();
    let seen = Seen::default();
    let working = seen.work(&queue, 2);
    seen.until(1).await;
    until_empty(&queue).await;
    let dead = queue.dead("", 100).await.unwrap();
    let mut bodies: Vec<_> = dead.iter().map(|job| job.body.clone()).collect();
    let mut expected = hostile;
    bodies.sort();
    expected.sort();
    assert_eq!(bodies, expected);
    assert!(dead.iter().all(|job| job.reason == "what was due later is no job" && job.id.len() == 40));
    // It may be tried again, and is no body either.
    assert!(queue.revive(&dead[0]).await.unwrap());
    until("it is buried again", async || queue.counts().await.unwrap().dead == dead.len() as u64).await;
    working.stop(Duration::from_secs(60)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_entries_are_buried_and_stop_nothing() {
    let server = Server::plain();
    let queue = queue(&server);
    send(&server, &[b"XADD", b"{q:orders}:p0", b"*", b"\xff\xfe", b"\xff"]).await;
    send(&server, &[b"XADD", b"{q:orders}:p1", b"*", b"a", b"x", b"t", b"-1", b"x", b"nan", b"i", b"\xff"]).await;
    send(&server, &[b"XADD", b"{q:orders}:dead", b"*", b"p", b"3"]).await;
    push(&queue, 1).await;
    let seen = Seen::default();
    let working = seen.work(&queue, 2);
    seen.until(1).await;
    until_empty(&queue).await;
    let dead = queue.dead("", 100).await.unwrap();
    assert_eq!(dead.len(), 3);
    assert!(queue.revive(&dead[0]).await.unwrap(), "even without a priority");
    until("it is buried again", async || queue.counts().await.unwrap().dead == 3).await;
    working.stop(Duration::from_secs(60)).await;
}

/// A handler that notes what it sees, and holds `which` until it may leave.
fn holding(
    seen: &Seen,
    left: tokio::sync::watch::Receiver<bool>,
    which: impl RangeBounds<u64> + Clone + Send + Sync + 'static,
) -> impl Fn(Lease<u64>) -> BoxFuture<'static, Outcome> + Send + Sync + 'static {
    let seen = seen.clone();
    move |job: Lease<u64>| {
        let (seen, mut left, which) = (seen.clone(), left.clone(), which.clone());
        Box::pin(async move {
            seen.add(job.body);
            if which.contains(&job.body) {
                let _ = left.wait_for(|left| *left).await;
            }
            Outcome::Done
        })
    }
}

/// While Redis hangs leases run out; a claim does not leave out what the worker itself holds.
#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_outlives_its_lease_begins_no_second_time() {
    const LEASE: Duration = Duration::from_millis(600);
    let server = Server::plain();
    let queue = queue(&server);
    let seen = Seen::default();
    let (leave, left) = tokio::sync::watch::channel(false);
    let handler = holding(&seen, left, ..10);
    let working = queue.work(Worker { at_once: 8, lease: LEASE, ..Worker::default() }, handler).unwrap();
    for body in 0..4 {
        push(&queue, body).await;
    }
    seen.until(4).await;
    for round in 10..14 {
        server.stall();
        tokio::time::sleep(LEASE * 2).await;
        server.resume();
        push_when_there(&queue, round).await;
        until("work goes on", async || seen.all().contains(&round)).await;
    }
    // Should this one die, it was the first.
    until("the claims are not counted", async || {
        let held = server.connect().run("XPENDING {q:orders}:p1 workers - + 10");
        held.array().len() == 4 && held.array().iter().all(|job| job.array()[3].int() == 1)
    })
    .await;
    leave.send(true).unwrap();
    until_empty(&queue).await;
    working.stop(Duration::from_secs(60)).await;
    let mut all = seen.all();
    all.retain(|body| *body < 10);
    all.sort_unstable();
    assert_eq!(all, [0, 1, 2, 3]);
}

/// As above, and surely before a renewal.
#[tokio::test(flavor = "multi_thread")]
async fn a_worker_passes_over_what_it_claims_of_its_own() {
    let server = Server::plain();
    let queue = queue(&server);
    let seen = Seen::default();
    let (leave, left) = tokio::sync::watch::channel(false);
    let handler = holding(&seen, left, ..);
    let working = queue.work(Worker { lease: crate::LONG, ..Worker::default() }, handler).unwrap();
    push(&queue, 1).await;
    seen.until(1).await;
    let pending = || server.connect().run("XPENDING {q:orders}:p1 workers - + 10").array()[0].clone();
    let entry = pending().array()[0].text();
    let name = working.name();
    server.connect().run(&format!("XCLAIM {{q:orders}}:p1 workers {name} 0 {entry} IDLE 36000000 JUSTID"));
    until("it is claimed", async || pending().array()[2].int() < 3_600_000).await;
    // What is begun behind it was taken after.
    push(&queue, 2).await;
    seen.until(2).await;
    assert_eq!(seen.all(), [1, 2]);
    leave.send(true).unwrap();
    until_empty(&queue).await;
    working.stop(Duration::from_secs(60)).await;
}
