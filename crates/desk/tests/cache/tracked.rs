//! Copies in memory that die when Redis' do.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use liq_harness::{Fault, Proxy, Server};
use redis_liq_desk::cache::Layer;
use redis_liq_desk::{Cache, Link};

use crate::source::{LONG, SPACE, Source, link};

fn tracked(link: &Link) -> Cache<u64> {
    Cache::<u64>::builder(SPACE).fresh(LONG).local(LONG).tracked().build(link).unwrap()
}

/// Reads until the value is `wanted`, which another process wrote.
async fn until(cache: &Cache<u64>, source: &Source, wanted: u64) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while source.get(cache, "a").await.unwrap().value.as_deref() != Some(&wanted) {
        assert!(Instant::now() < deadline, "an old value stays");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// Reads until the answer comes from memory: the echo of an own write, or a lost connection, may end a copy before.
async fn until_kept(cache: &Cache<u64>, source: &Source) {
    let deadline = Instant::now() + Duration::from_secs(60);
    while source.get(cache, "a").await.unwrap().from != Layer::Local {
        assert!(Instant::now() < deadline, "nothing is kept");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_elsewhere_ends_the_copy_here() {
    let server = Server::plain();
    let source = Source::default();
    let (here, elsewhere) = (tracked(&link(&server)), tracked(&link(&server)));
    until_kept(&here, &source).await;
    for number in 1..200 {
        source.value.store(number, Ordering::SeqCst);
        elsewhere.forget("a").await.unwrap();
        until(&here, &source, number).await;
    }
    elsewhere.put("a", 1000).await.unwrap();
    until(&here, &source, 1000).await;
    source.value.store(2000, Ordering::SeqCst);
    server.connect().run("FLUSHALL").ok();
    until(&here, &source, 2000).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_kept_while_nobody_tells() {
    let server = Server::plain();
    let source = Source::default();
    let proxy = Proxy::before(&server);
    let here = tracked(&Link::open(&proxy.url()).unwrap());
    until_kept(&here, &source).await;
    source.value.store(1, Ordering::SeqCst);
    // The network goes while the value changes: what was kept is dropped.
    proxy.set(Fault::Refuse);
    server.connect().run("DEL market:ticker:v1:a");
    until(&here, &source, 1).await;
    proxy.set(Fault::None);
    until_kept(&here, &source).await;
}

/// Nobody tells of a change to what is not in Redis.
#[tokio::test(flavor = "multi_thread")]
async fn what_redis_does_not_hold_is_not_kept_in_memory() {
    let server = Server::plain();
    let source = Source::default();
    let (here, elsewhere) = (tracked(&link(&server)), tracked(&link(&server)));
    until_kept(&here, &source).await;
    here.forget("a").await.unwrap();
    server.connect().run("CONFIG SET maxmemory 1").ok();
    for number in 1..20 {
        source.value.store(number, Ordering::SeqCst);
        elsewhere.forget("a").await.unwrap();
        assert_eq!(source.get(&here, "a").await.unwrap().value.as_deref(), Some(&number));
        let load = move |_| async move { Ok::<_, String>(std::iter::once(("b".to_owned(), number)).collect()) };
        assert_eq!(here.get_many(&["b"], load).await.unwrap()["b"].value.as_deref(), Some(&number));
    }
}

/// A read that began before the connection that tells stood, and was answered after somebody else had changed the value.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_anybody_told_is_not_kept() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let link_here = Link::open_with(&proxy.url(), Duration::from_secs(30), 3).unwrap();
    let here = tracked(&link_here);
    let elsewhere =
        Cache::<u64>::builder(SPACE).fresh(LONG).local(Duration::ZERO).build::<u64>(&link(&server)).unwrap();
    let reads = || {
        let stats = server.connect().run("INFO commandstats").text();
        let line = stats.lines().find(|line| line.starts_with("cmdstat_get:")).unwrap_or_default().to_owned();
        line.split(['=', ',']).nth(1).and_then(|calls| calls.parse().ok()).unwrap_or(0_u64)
    };
    let load = || async { Err::<Option<u64>, _>("not asked".to_owned()) };
    elsewhere.put("first", 0).await.unwrap();
    here.get("first", load).await.unwrap();
    for number in 1..=3 {
        let id = format!("id{number}");
        elsewhere.put(&id, 1).await.unwrap();
        // The link is back before the connection that tells, which waits for a moment.
        proxy.cut();
        while link_here.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let before = reads();
        proxy.set(Fault::Delay(Duration::from_secs(2)));
        let reading = {
            let (here, id) = (here.clone(), id.clone());
            tokio::spawn(async move { here.get(&id, load).await.unwrap().value })
        };
        let deadline = Instant::now() + Duration::from_secs(60);
        while reads() == before {
            assert!(Instant::now() < deadline, "nothing is read");
        }
        // The relay has the answer in its hands.
        tokio::time::sleep(Duration::from_millis(20)).await;
        proxy.set(Fault::None);
        elsewhere.put(&id, 2).await.unwrap();
        assert!(reading.await.unwrap().is_some());
        let deadline = Instant::now() + Duration::from_secs(60);
        while here.get(&id, load).await.unwrap().value.as_deref() != Some(&2) {
            assert!(Instant::now() < deadline, "an old value stays");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}
