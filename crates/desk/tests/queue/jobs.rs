//! One job's way: priorities, names, delays, retries, the dead, status.

use std::time::Duration;

use liq_harness::Server;
use redis_liq_desk::queue::{Job, Lease, Outcome, Priority, Push, Queue, Status, Worker};

use crate::{LONG, Seen, link, push, queue, quick, until, until_empty};

const STOP: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn the_highest_priority_goes_first_and_within_it_the_oldest() {
    let server = Server::plain();
    let queue = queue(&server);
    let priorities = [Priority::Low, Priority::Normal, Priority::High];
    for body in 0..30 {
        let job = Job::new(body).priority(priorities[body as usize % 3]);
        assert_eq!(queue.push(job).await.unwrap(), Push::Pushed);
    }
    let counts = queue.counts().await.unwrap();
    assert_eq!((counts.waiting, counts.later, counts.running, counts.dead), ([10; 3], 0, 0, 0));
    let seen = Seen::default();
    let working = seen.work(&queue, 1);
    seen.until(30).await;
    until_empty(&queue).await;
    let expected: Vec<u64> = [2, 1, 0].into_iter().flat_map(|first| (first..30).step_by(3)).collect();
    assert_eq!(seen.all(), expected);
    let totals = working.stop(STOP).await;
    assert_eq!((totals.taken, totals.redelivered, totals.lost_leases), (30, 0, 0));
    let mut client = server.connect();
    assert_eq!(client.run("XLEN {q:orders}:p0").int(), 0, "what is done leaves the stream");
    assert_eq!(client.run("XINFO CONSUMERS {q:orders}:p0 workers").array().len(), 0, "a stopped worker signs off");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_with_a_name_is_pushed_once() {
    let server = Server::plain();
    let queue = queue(&server);
    let first = Job::new(1).once("BTCUSDT:1795264047513", LONG);
    assert_eq!(queue.push(&first).await.unwrap(), Push::Pushed);
    let second = Job::new(2).once("BTCUSDT:1795264047513", LONG);
    assert_eq!(queue.push(&second).await.unwrap(), Push::Duplicate(first.id().to_owned()));
    assert_eq!(queue.push(Job::new(3).once("other", LONG)).await.unwrap(), Push::Pushed);
    assert_eq!(queue.counts().await.unwrap().waiting, [0, 2, 0]);
    for job in [Job::new(1).once("a b", LONG), Job::new(1).once("", LONG), Job::new(1).once("a", Duration::ZERO)] {
        assert!(queue.push(job).await.is_err());
    }
    assert_eq!(first.id().len(), 28);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_takes_no_more_and_remembers_no_name() {
    let server = Server::plain();
    let queue = quick().capacity(3).build::<u64>(&link(&server)).unwrap();
    push(&queue, 1).await;
    queue.push(Job::new(2).after(LONG)).await.unwrap();
    push(&queue, 3).await;
    assert_eq!(queue.push(Job::new(4).once("x", LONG)).await.unwrap(), Push::Full);
    // What is in the queue is in it, though it is full: who pushes again after a lost answer has to know.
    let named = Job::new(5).once("y", LONG);
    let roomy = quick().capacity(4).build::<u64>(&link(&server)).unwrap();
    assert_eq!(roomy.push(&named).await.unwrap(), Push::Pushed);
    assert_eq!(roomy.push(&named).await.unwrap(), Push::Duplicate(named.id().to_owned()));
    let seen = Seen::default();
    let working = seen.work(&queue, 1);
    seen.until(3).await;
    until("there is room", async || queue.counts().await.unwrap().running == 0).await;
    assert_eq!(queue.push(Job::new(4).once("x", LONG)).await.unwrap(), Push::Pushed);
    working.stop(STOP).await;
    let none = quick().capacity(0).build::<u64>(&link(&server)).unwrap();
    assert_eq!(none.push(Job::new(1)).await.unwrap(), Push::Full);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_due_later_comes_later_and_what_is_too_old_is_buried() {
    let server = Server::plain();
    let queue = queue(&server);
    queue.push(Job::new(1).after(Duration::from_millis(1_500))).await.unwrap();
    queue.push(Job::new(2).expires(Duration::from_millis(1))).await.unwrap();
    push(&queue, 3).await;
    assert_eq!(queue.counts().await.unwrap().later, 1);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let seen = Seen::default();
    let working = seen.work(&queue, 1);
    seen.until(2).await;
    until_empty(&queue).await;
    assert_eq!(seen.all(), [3, 1]);
    let dead = queue.dead("", 10).await.unwrap();
    assert_eq!((dead.len(), dead[0].reason.as_str(), dead[0].attempts), (1, "expired", 1));
    assert_eq!(working.stop(STOP).await.expired, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_retried_then_buried_then_revived() {
    let server = Server::plain();
    let queue = quick().attempts(3).build::<u64>(&link(&server)).unwrap();
    let (seen, healthy) = (Seen::default(), std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false)));
    let handler = {
        let (seen, healthy) = (seen.clone(), std::sync::Arc::clone(&healthy));
        move |job: Lease<u64>| {
            seen.add(job.attempt());
            let outcome = match job.body {
                _ if healthy.load(std::sync::atomic::Ordering::SeqCst) => Outcome::Done,
                1 => Outcome::Retry("away".into()),
                2 => Outcome::RetryAfter(Duration::from_millis(1), "later".into()),
                3 => Outcome::Bury("never".into()),
                _ => panic!("a bug in the handler"),
            };
            async move { outcome }
        }
    };
    let working = queue.work(Worker { at_once: 1, ..Worker::default() }, handler).unwrap();
    for (body, attempts, reason) in [(1, 3, "away"), (2, 3, "later"), (3, 1, "never"), (4, 3, "the handler panicked")] {
        seen.0.lock().unwrap().clear();
        push(&queue, body).await;
        until("it is buried", async || queue.counts().await.unwrap().dead == 1).await;
        let dead = queue.dead("", 10).await.unwrap().remove(0);
        assert_eq!((dead.attempts, dead.reason.as_str()), (attempts, reason));
        assert_eq!(seen.all(), (1..=attempts).collect::<Vec<_>>());
        if body < 4 {
            assert!(queue.forget_dead(&dead).await.unwrap() && !queue.forget_dead(&dead).await.unwrap());
        }
    }
    healthy.store(true, std::sync::atomic::Ordering::SeqCst);
    let dead = queue.dead("", 10).await.unwrap().remove(0);
    assert!(queue.revive(&dead).await.unwrap() && !queue.revive(&dead).await.unwrap());
    until_empty(&queue).await;
    assert_eq!((queue.counts().await.unwrap().dead, seen.all().pop()), (0, Some(1)));
    assert_eq!(working.stop(STOP).await.panicked, 3);
    assert!(queue.dead("not an entry", 10).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_buried_with_the_reason() {
    let server = Server::plain();
    let texts: Queue<String> = quick().build(&link(&server)).unwrap();
    texts.push(Job::new("a text".to_owned())).await.unwrap();
    let queue = queue(&server);
    let seen = Seen::default();
    let working = seen.work(&queue, 4);
    until("it is buried", async || queue.counts().await.unwrap().dead == 1).await;
    // Somebody else's entry: no id, no body.
    server.connect().run("XADD {q:orders}:p1 * what ever");
    until("it is buried too", async || queue.counts().await.unwrap().dead == 2).await;
    until_empty(&queue).await;
    assert!(queue.dead("", 10).await.unwrap().iter().all(|dead| dead.reason.starts_with("the body cannot be read: ")));
    assert!(seen.all().is_empty());
    working.stop(STOP).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_follows_a_job() {
    let server = Server::plain();
    let queue = quick().attempts(1).status_for(LONG).build::<u64>(&link(&server)).unwrap();
    let (waiting, later, bad) = (Job::new(1), Job::new(2).after(LONG), Job::new(3));
    for job in [&waiting, &later, &bad] {
        queue.push(job).await.unwrap();
    }
    assert_eq!(queue.status(waiting.id()).await.unwrap(), Some(Status::Waiting));
    let now_ms = server.connect().time_ms();
    let Some(Status::Later { due_ms }) = queue.status(later.id()).await.unwrap() else { panic!("later") };
    assert!(due_ms.abs_diff(now_ms + 3_600_000) < 60_000);
    assert_eq!(queue.status("nobody").await.unwrap(), None);
    let (go, gone) = tokio::sync::watch::channel(false);
    let handler = move |job: Lease<u64>| {
        let mut gone = gone.clone();
        async move {
            job.progress(40).await.unwrap();
            gone.wait_for(|go| *go).await.unwrap();
            if job.body == 3 { Outcome::Bury("bad".into()) } else { Outcome::DoneWith(b"filled".to_vec()) }
        }
    };
    let working = queue.work(Worker::default(), handler).unwrap();
    until("it runs", async || {
        matches!(queue.status(waiting.id()).await.unwrap(), Some(Status::Running { percent: 40, worker, .. }) if worker == working.name())
    })
    .await;
    go.send(true).unwrap();
    until("both have ended", async || queue.counts().await.unwrap().running == 0).await;
    assert_eq!(queue.status(waiting.id()).await.unwrap(), Some(Status::Done(b"filled".to_vec())));
    assert_eq!(queue.status(bad.id()).await.unwrap(), Some(Status::Dead("bad".into())));
    working.stop(STOP).await;
    let mut client = server.connect();
    for key in client.run("KEYS *job:*").array() {
        assert!(client.call(&["PTTL".to_owned(), key.text()]).int() > 0, "a status expires");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_pushed_together() {
    let server = Server::plain();
    let queue = quick().capacity(450).build::<u64>(&link(&server)).unwrap();
    let jobs: Vec<Job<u64>> = (0..500).map(Job::new).collect();
    let pushed = queue.push_all(&jobs).await.unwrap();
    assert_eq!(pushed.iter().filter(|push| **push == Push::Pushed).count(), 450);
    assert!(pushed[450..].iter().all(|push| *push == Push::Full));
    // The server forgets its scripts when it starts anew or is told to.
    server.connect().run("SCRIPT FLUSH").ok();
    let seen = Seen::default();
    let working = seen.work(&queue, 50);
    seen.until(450).await;
    server.connect().run("SCRIPT FLUSH").ok();
    assert!(queue.push_all(&jobs[..3]).await.unwrap().iter().all(|push| *push == Push::Pushed));
    seen.until(453).await;
    working.stop(STOP).await;
    let mut bodies = seen.all();
    bodies.truncate(450);
    bodies.sort_unstable();
    assert_eq!(bodies, (0..450).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_of_a_stream_become_jobs_once() {
    let server = Server::plain();
    let queue = quick().capacity(40).build::<u64>(&link(&server)).unwrap();
    let mut client = server.connect();
    for number in 0..100 {
        client.run(&format!("XADD \"signals:{{BTC USDT}}\" * n {number}"));
    }
    let feed = || {
        queue
            .feed_from("signals:{BTC USDT}", "orders", |fields| {
                let number: u64 = String::from_utf8_lossy(&fields["n"]).parse().unwrap();
                // Every tenth is nothing to act on.
                (!number.is_multiple_of(10)).then(|| Job::new(number))
            })
            .unwrap()
    };
    // Two instances of a service feed the same queue.
    let feeds = [feed(), feed()];
    let seen = Seen::default();
    let working = seen.work(&queue, 4);
    seen.until(90).await;
    client.run("XADD \"signals:{BTC USDT}\" * n 1001");
    seen.until(91).await;
    for feed in feeds {
        feed.stop().await;
    }
    working.stop(STOP).await;
    let mut bodies = seen.all();
    bodies.sort_unstable();
    let mut expected: Vec<u64> = (0..100_u64).filter(|number| !number.is_multiple_of(10)).collect();
    expected.push(1001);
    assert_eq!(bodies, expected);
    assert_eq!(client.run("XLEN \"signals:{BTC USDT}\"").int(), 101, "the stream stays as it is");
}

#[test]
fn settings_outside_their_range_are_named() {
    let link = redis_liq_desk::Link::open("redis://127.0.0.1:1/").unwrap();
    let refusal = |builder: redis_liq_desk::queue::Builder| builder.build::<u64>(&link).err().unwrap().to_string();
    assert!(refusal(Queue::<u64>::builder("a b")).starts_with("name: must be"));
    assert!(refusal(Queue::<u64>::builder("{a}")).starts_with("name: must be"));
    assert!(refusal(Queue::<u64>::builder("")).starts_with("name: must be"));
    assert_eq!(refusal(quick().attempts(0)), "attempts: must be 1 to 1000");
    assert_eq!(refusal(quick().capacity(u64::MAX)), "capacity: must be at most 100000000");
    assert!(refusal(quick().backoff(LONG, Duration::ZERO)).starts_with("backoff: "));
    let queue = quick().build::<u64>(&link).unwrap();
    let refused = |worker: Worker| queue.work(worker, |_| async { Outcome::Done }).err().unwrap().to_string();
    assert_eq!(refused(Worker { at_once: 0, ..Worker::default() }), "at_once: must be 1 to 1000");
    assert_eq!(refused(Worker { lease: Duration::ZERO, ..Worker::default() }), "lease: must be 100 ms to 1 h");
    assert_eq!(queue.policy(), "KEYS.POLICY SET {q:orders}: TYPE stream,zset,string,hash");
}
