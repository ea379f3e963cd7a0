//! Every step that others wait for, while Redis is dead, hung, read-only, full or loading its data: reads of the cache
//! always answer, everything else says what is wrong and does not hang, and all of it works again afterwards.

use std::time::Duration;

use liq_harness::{Fault, Options, Proxy, Server};
use redis_liq_desk::queue::{Job, Lease, Outcome, Push, Worker};
use redis_liq_desk::sessions::{Sessions, Token};
use redis_liq_desk::{Cache, Error, Health, Link, Queue, Space};

use crate::{HOUR, until};

/// All features over one link, with something in each.
struct Desk {
    cache: Cache<u64>,
    tracked: Cache<u64>,
    queue: Queue<u64>,
    sessions: Sessions<u64>,
    token: Token,
}

impl Desk {
    fn over(link: &Link) -> Self {
        let cache = Cache::<u64>::builder(Space::new("market:ticker")).fresh(HOUR).local(Duration::ZERO);
        let tracked = Cache::<u64>::builder(Space::new("market:book")).fresh(HOUR).tracked();
        Self {
            cache: cache.build(link).unwrap(),
            tracked: tracked.build(link).unwrap(),
            queue: Queue::<u64>::builder("orders").status_for(HOUR).build(link).unwrap(),
            sessions: Sessions::new(link, Space::new("session"), HOUR).unwrap(),
            token: Token::parse(&"a".repeat(32)).unwrap(),
        }
    }

    /// Everything, once: reads of the cache answer; the others' errors are collected.
    async fn all(&self, id: &str) -> Vec<Error> {
        let one = || async { Ok::<_, String>(Some(1)) };
        for cache in [&self.cache, &self.tracked] {
            assert_eq!(cache.get(id, one).await.unwrap().value.as_deref(), Some(&1));
            let load = |ids: Vec<String>| async move { Ok::<_, String>(ids.into_iter().map(|id| (id, 1)).collect()) };
            let many = [format!("{id}-b"), format!("{id}-c")];
            let many: Vec<&str> = many.iter().map(String::as_str).collect();
            assert_eq!(cache.get_many(&many, load).await.unwrap().len(), 2);
            let warmed = cache.warm(&many, 2, |_| async { Ok::<_, String>(Some(1)) }).await;
            assert_eq!((warmed.loaded + warmed.present, warmed.failed), (2, 0));
            let _ = cache.peek(id).await;
        }
        let job = || Job::new(1).after(HOUR);
        let results = [
            self.cache.put("p", 1).await,
            self.tracked.put("p", 1).await,
            self.cache.forget("f").await,
            self.cache.clear().await.map(drop),
            self.queue.push(job()).await.map(drop),
            self.queue.push_all(&[job(), job()]).await.map(drop),
            self.queue.counts().await.map(drop),
            self.queue.status("nobody").await.map(drop),
            self.queue.dead("", 10).await.map(drop),
            self.sessions.begin("ann", &1).await.map(drop),
            self.sessions.get(&self.token).await.map(drop),
            self.sessions.listen(&self.token, "BTCUSDT", "w1").await.map(drop),
            self.sessions.listeners("BTCUSDT").await.map(drop),
            self.sessions.end_user("ann").await.map(drop),
        ];
        results.into_iter().filter_map(Result::err).collect()
    }

    /// Everything works, after a while.
    async fn works(&self, id: &str) {
        let mut number = 0;
        until("everything works again", async || {
            number += 1;
            self.all(&format!("{id}{number}")).await.is_empty()
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_at_the_start_then_there_then_dead_and_back() {
    let mut server = Options::default().without_module().durable().start();
    server.kill();
    let desk = Desk::over(&Link::open(&server.url()).unwrap());
    assert_eq!(desk.all("a").await.len(), 14);
    server.start_again();
    desk.works("b").await;
    tokio::task::block_in_place(|| server.kill());
    let errors = desk.all("c").await;
    assert!(errors.len() == 14 && errors.iter().all(Error::is_outage), "{errors:?}");
    server.start_again();
    desk.works("d").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_and_going_on() {
    let server = Server::plain();
    let desk = Desk::over(&Link::open(&server.url()).unwrap());
    desk.works("a").await;
    server.stall();
    let errors = desk.all("b").await;
    assert!(errors.len() == 14 && errors.iter().all(Error::is_outage), "{errors:?}");
    server.resume();
    desk.works("c").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_full_and_loading() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let desk = Desk::over(&Link::open_with(&proxy.url(), Duration::from_secs(30), 3).unwrap());
    desk.works("a").await;
    let refusals = |errors: &[Error], word: &str| {
        assert!(!errors.is_empty(), "{word}");
        let told = errors.iter().all(|error| error.to_string().contains(word) || matches!(error, Error::Away(_)));
        assert!(told, "{word}: {errors:?}");
    };
    server.connect().run("REPLICAOF 127.0.0.1 1").ok();
    refusals(&desk.all("b").await, "READONLY");
    server.connect().run("REPLICAOF NO ONE").ok();
    desk.works("c").await;
    server.connect().run("CONFIG SET maxmemory 1").ok();
    refusals(&desk.all("d").await, "OOM");
    server.connect().run("CONFIG SET maxmemory 0").ok();
    desk.works("e").await;
    proxy.set(Fault::Answer("LOADING Redis is loading the dataset in memory"));
    refusals(&desk.all("f").await, "LOADING");
    proxy.set(Fault::None);
    desk.works("g").await;
}

/// Somebody's stream becomes jobs, each once, whatever happens to the server meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_feed_goes_on_where_it_was() {
    let mut server = Options::default().without_module().durable().start();
    server.kill();
    let queue: Queue<u64> = Queue::<u64>::builder("orders").build(&Link::open(&server.url()).unwrap()).unwrap();
    let make = |fields: &std::collections::HashMap<String, Vec<u8>>| {
        Some(Job::new(String::from_utf8_lossy(&fields["n"]).parse().unwrap()))
    };
    let feed = queue.feed_from("signals:{BTCUSDT}", "orders", make).unwrap();
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let handler = {
        let seen = std::sync::Arc::clone(&seen);
        move |job: Lease<u64>| {
            seen.lock().unwrap().push(job.body);
            async { Outcome::Done }
        }
    };
    let working = queue.work(Worker { lease: Duration::from_secs(1), ..Worker::default() }, handler).unwrap();
    server.start_again();
    for number in 0..60_u64 {
        server.connect().run(&format!("XADD signals:{{BTCUSDT}} * n {number}"));
        match number {
            10 | 40 => tokio::task::block_in_place(|| {
                server.kill();
                server.start_again();
            }),
            25 => {
                server.stall();
                until("it hangs", async || matches!(queue.push(Job::new(0)).await, Err(Error::Away(_)))).await;
                server.resume();
            }
            _ => {}
        }
    }
    until("all are done", async || (0..60).all(|number| seen.lock().unwrap().contains(&number))).await;
    feed.stop().await;
    until("the link is up", async || matches!(queue.push(Job::new(100)).await, Ok(Push::Pushed))).await;
    working.stop(HOUR).await;
    // Those of the probes above are not the stream's. What a killed server had handed out may run again.
    let all: Vec<u64> = seen.lock().unwrap().iter().copied().filter(|number| (1..60).contains(number)).collect();
    assert!((59..=59 + 2 * Worker::default().at_once).contains(&all.len()), "{all:?}");
}

/// Whoever finds out that the server is away may be dropped while the connection is given up, which waits for the one that
/// connects.
#[tokio::test(flavor = "multi_thread")]
async fn a_link_comes_up_when_the_caller_is_dropped_that_found_it_down() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let link = Link::open_with(&proxy.url(), Duration::from_secs(1), 1).unwrap();
    proxy.set(Fault::Stall);
    let mut connecting = Box::pin(link.ping());
    assert!(futures_util::poll!(&mut connecting).is_pending(), "it connects, and is polled no more");
    let mut finding = Box::pin(link.ping());
    tokio::select! {
        _ = &mut finding => {}
        () = until("the link is down", async || matches!(link.health(), Health::Down { .. })) => {}
    }
    drop((finding, connecting));
    proxy.set(Fault::None);
    // Nobody sends anything that would find out.
    until("the link is up", async || matches!(link.health(), Health::Up)).await;
}
