//! Reads while Redis is dead, killed, hung, read-only, full, or loads its data: never an error, never more than one load
//! of an id at a time.

use std::time::Duration;

use liq_harness::{Fault, Options, Proxy, Server};
use redis_liq_desk::cache::Layer;
use redis_liq_desk::{Cache, Error, Health, Link};

use crate::source::{LONG, SPACE, Source, assert_hit, shared_only};

/// Waits long for what a busy machine does late.
fn link(server: &Server) -> Link {
    Link::open_with(&server.url(), Duration::from_secs(30), 3).unwrap()
}

/// With the limit of a command that everybody has, for servers that hang.
fn hasty(server: &Server) -> Link {
    Link::open(&server.url()).unwrap()
}

/// Polls until the link says it is up.
async fn until_up(link: &Link) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while matches!(link.health(), Health::Down { .. }) {
        assert!(tokio::time::Instant::now() < deadline, "the link stays down");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Everything works without Redis, and with it again when it is back.
async fn works_without_redis(link: &Link, cache: &Cache<u64>, expects_down: bool) {
    let source = Source::default();
    for round in 0..6 {
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..50 {
            let (source, cache) = (source.clone(), cache.clone());
            tasks.spawn(async move {
                source.get_slowly(&cache, &format!("x{round}"), Duration::from_millis(20)).await.unwrap()
            });
        }
        let answers = tasks.join_all().await;
        assert!(answers.iter().all(|hit| hit.value.as_deref() == Some(&0)));
    }
    assert!(cache.totals().redis_errors > 0);
    assert_eq!(matches!(link.health(), Health::Down { .. }), expects_down, "{:?}", link.health());
}

async fn works_again(server: &Server, link: &Link, cache: &Cache<u64>) {
    until_up(link).await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while cache.put("back", 7).await.is_err() {
        assert!(tokio::time::Instant::now() < deadline, "nothing is put");
    }
    assert_eq!(server.connect().run("EXISTS market:ticker:v1:back").int(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_at_the_start_then_there() {
    let mut server = Server::plain();
    server.kill();
    let link = link(&server);
    let cache = shared_only().build(&link).unwrap();
    works_without_redis(&link, &cache, true).await;
    let refused = cache.put("a", 1).await.unwrap_err();
    assert!(matches!(refused, Error::Away(_)), "{refused}");
    server.start_again();
    works_again(&server, &link, &cache).await;
    let totals = link.totals();
    assert!(totals.away > 0 && totals.went_down == 1, "{totals:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_load_at_a_time_and_memory_serves_while_redis_is_dead() {
    let mut server = Server::plain();
    server.kill();
    let source = Source::default();
    let cache = Cache::<u64>::builder(SPACE).fresh(LONG).local(LONG).build(&link(&server)).unwrap();
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..250 {
        let (source, cache) = (source.clone(), cache.clone());
        tasks.spawn(async move { source.get_slowly(&cache, "a", Duration::from_millis(100)).await.unwrap().from });
    }
    tasks.join_all().await;
    assert_eq!(source.times(), 1);
    assert_hit(source.get(&cache, "a").await, 0, Layer::Local);
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_and_back() {
    let mut server = Server::plain();
    let link = link(&server);
    let cache = shared_only().build(&link).unwrap();
    let source = Source::default();
    let readers: Vec<_> = (0..8)
        .map(|reader| {
            let (source, cache) = (source.clone(), cache.clone());
            tokio::spawn(async move {
                for number in 0..400 {
                    source.get(&cache, &format!("id{}", (number + reader) % 40)).await.unwrap();
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            })
        })
        .collect();
    for _ in 0..3 {
        tokio::time::sleep(Duration::from_millis(60)).await;
        tokio::task::block_in_place(|| {
            server.kill();
            server.start_again();
        });
    }
    for reader in readers {
        reader.await.unwrap();
    }
    works_again(&server, &link, &cache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn hung_then_going_on() {
    let server = Server::plain();
    let patient = shared_only().build(&link(&server)).unwrap();
    patient.put("a", 1).await.unwrap();
    let link = hasty(&server);
    let cache = shared_only().build(&link).unwrap();
    server.stall();
    works_without_redis(&link, &cache, true).await;
    assert!(link.totals().timed_out >= 3);
    server.resume();
    works_again(&server, &link, &cache).await;
    assert_hit(Source::default().get(&patient, "a").await, 1, Layer::Redis);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hung_server_keeps_each_read_waiting_once() {
    let server = Server::plain();
    let link = hasty(&server);
    let (cache, source) = (shared_only().build(&link).unwrap(), Source::default());
    server.stall();
    assert_hit(source.get(&cache, "a").await, 0, Layer::Loader);
    assert_eq!(link.totals().timed_out, 1);
    let load = |ids: Vec<String>| async move { Ok::<_, String>(ids.into_iter().map(|id| (id, 1)).collect()) };
    assert_eq!(cache.get_many(&["b", "c"], load).await.unwrap().len(), 2);
    assert_eq!(link.totals().timed_out, 2);
    assert_hit(source.get(&cache, "d").await, 0, Layer::Loader);
    assert!(matches!(link.health(), Health::Down { .. }), "three times, and nobody waits any more");
    assert_hit(source.get(&cache, "e").await, 0, Layer::Loader);
    assert!(link.totals().away > 0);
    server.resume();
    works_again(&server, &link, &cache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn read_only_after_a_failover() {
    let primary = Options::default().without_module().tcp().start();
    let replica = Server::replica_of(&primary, &[]);
    let to_primary = shared_only().build(&link(&primary)).unwrap();
    to_primary.put("a", 1).await.unwrap();
    primary.wait_for_replica(&replica);
    let link = link(&replica);
    let cache = shared_only().build(&link).unwrap();
    assert_hit(Source::default().get(&cache, "a").await, 1, Layer::Redis);
    works_without_redis(&link, &cache, false).await;
    assert!(cache.put("b", 1).await.unwrap_err().is_refusal());
}

#[tokio::test(flavor = "multi_thread")]
async fn full() {
    let server = Server::plain();
    let link = link(&server);
    let cache = shared_only().build(&link).unwrap();
    cache.put("a", 1).await.unwrap();
    server.connect().run("CONFIG SET maxmemory 1").ok();
    works_without_redis(&link, &cache, false).await;
    assert_hit(Source::default().get(&cache, "a").await, 1, Layer::Redis);
    assert!(cache.put("b", 1).await.unwrap_err().to_string().starts_with("redis refused: OOM"));
    cache.forget("a").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn loading_its_data() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let link = Link::open_with(&proxy.url(), Duration::from_secs(30), 3).unwrap();
    let cache = shared_only().build(&link).unwrap();
    proxy.set(Fault::Answer("LOADING Redis is loading the dataset in memory"));
    works_without_redis(&link, &cache, true).await;
    proxy.set(Fault::None);
    works_again(&server, &link, &cache).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replies_that_get_lost() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let link = Link::open(&proxy.url()).unwrap();
    let cache = shared_only().build(&link).unwrap();
    let source = Source::default();
    proxy.set(Fault::Lose { every: 7, holding: "" });
    for number in 0..200 {
        assert_eq!(source.get(&cache, &format!("id{}", number % 20)).await.unwrap().value.as_deref(), Some(&0));
    }
    assert!(proxy.lost() > 3);
    proxy.set(Fault::None);
    works_again(&server, &link, &cache).await;
}
