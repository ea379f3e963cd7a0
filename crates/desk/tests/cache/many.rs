//! Many ids at once, by the same rules as one: one load of an id in a process, pauses, stale values at once, loads that
//! outlive their callers.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use liq_harness::Server;
use redis_liq_desk::Cache;
use redis_liq_desk::cache::{Hit, Layer, Miss};
use tokio::sync::Semaphore;

use crate::source::{LONG, SPACE, Source, assert_hit, link, shared_only};

type Loaded = Result<HashMap<String, u64>, String>;

/// A source that answers many ids with 7 once it may.
#[derive(Clone)]
struct Slow {
    loads: Arc<AtomicU64>,
    may: Arc<Semaphore>,
}

impl Slow {
    fn new() -> Self {
        Self { loads: Arc::default(), may: Arc::new(Semaphore::new(0)) }
    }

    fn load(
        &self,
    ) -> impl FnOnce(Vec<String>) -> std::pin::Pin<Box<dyn Future<Output = Loaded> + Send>> + Send + 'static {
        let own = self.clone();
        move |ids| {
            Box::pin(async move {
                own.loads.fetch_add(1, Ordering::SeqCst);
                let _may = own.may.acquire().await.unwrap();
                Ok(ids.into_iter().map(|id| (id, 7)).collect())
            })
        }
    }

    async fn begun(&self) {
        until(|| self.loads.load(Ordering::SeqCst) > 0).await;
    }
}

async fn until(mut holds: impl FnMut() -> bool) {
    for _ in 0..60_000 {
        if holds() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("waited in vain");
}

fn failing(error: &'static str) -> impl FnOnce(Vec<String>) -> std::future::Ready<Loaded> + Send + 'static {
    move |_| std::future::ready(Err(error.to_owned()))
}

fn values(hits: &HashMap<String, Hit<u64>>) -> Vec<Option<u64>> {
    let mut values: Vec<_> = hits.values().map(|hit| hit.value.as_deref().copied()).collect();
    values.sort_unstable();
    values
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_at_once_shares_one_load() {
    let server = Server::plain();
    let cache = shared_only().build::<u64>(&link(&server)).unwrap();
    let slow = Slow::new();
    let mut readers = tokio::task::JoinSet::new();
    for number in 0..20 {
        let (cache, load) = (cache.clone(), slow.load());
        readers.spawn(async move {
            // A read of one shares it too.
            if number % 5 == 4 {
                let hit = cache.get("a", || async { Err::<Option<u64>, _>("not asked".to_owned()) }).await.unwrap();
                return vec![hit.value.as_deref().copied()];
            }
            values(&cache.get_many(&["a", "b"], load).await.unwrap())
        });
        if number == 0 {
            slow.begun().await;
        }
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
    slow.may.add_permits(1);
    while let Some(values) = readers.join_next().await {
        assert!(values.unwrap().iter().all(|value| *value == Some(7)));
    }
    assert_eq!((slow.loads.load(Ordering::SeqCst), cache.totals().loads), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_others_load_are_waited_for_and_the_rest_is_loaded() {
    let server = Server::plain();
    let cache = shared_only().build::<u64>(&link(&server)).unwrap();
    let slow = Slow::new();
    let first = {
        let (cache, load) = (cache.clone(), slow.load());
        tokio::spawn(async move { cache.get_many(&["a", "b"], load).await })
    };
    slow.begun().await;
    let rest = |ids: Vec<String>| async move {
        assert_eq!(ids, ["c"]);
        Ok::<_, String>(std::iter::once(("c".to_owned(), 8)).collect())
    };
    let (second, ()) = tokio::join!(cache.get_many(&["b", "c"], rest), async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        slow.may.add_permits(1);
    });
    assert_eq!(values(&second.unwrap()), [Some(7), Some(8)]);
    assert_eq!(values(&first.await.unwrap().unwrap()), [Some(7), Some(7)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_failed_is_left_alone_by_all_processes() {
    let server = Server::plain();
    let (cache, other) =
        (shared_only().build::<u64>(&link(&server)).unwrap(), shared_only().build(&link(&server)).unwrap());
    assert!(matches!(cache.get_many(&["a", "b"], failing("away")).await, Err(Miss::Load(error)) if *error == "away"));
    let Err(Miss::Paused { last: Some(last), .. }) = cache.get_many(&["a"], failing("asked again")).await else {
        panic!("paused")
    };
    assert_eq!(*last, "away");
    let one = || async { Ok::<Option<u64>, String>(Some(1)) };
    assert!(matches!(cache.get("b", one).await, Err(Miss::Paused { .. })));
    let other: Cache<u64> = other;
    assert!(matches!(other.get_many(&["b"], failing("asked")).await, Err(Miss::Paused { last: None, .. })));
    // An id whose read of one failed is no part of a load of many, and keeps nobody from the others.
    let asked = Slow::new();
    asked.may.add_permits(1);
    assert!(matches!(cache.get_many(&["b", "c"], asked.load()).await, Err(Miss::Paused { .. })));
    assert_hit(cache.get("c", || async { Err("asked".to_owned()) }).await, 7, Layer::Redis);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_eq!(values(&cache.get_many(&["a", "b"], asked.load()).await.unwrap()), [Some(7), Some(7)]);
    assert_eq!(server.connect().run("KEYS *lock*").array().len(), 0);
}

/// Waits until a value that Redis has is past its freshness.
async fn until_old(cache: &Cache<u64>, id: &str) {
    while cache.peek(id).await.is_some_and(|hit| !hit.stale) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_stale_is_answered_at_once_and_loaded_by_one() {
    let server = Server::plain();
    let builder = Cache::<u64>::builder(SPACE).fresh(Duration::from_millis(20)).stale(LONG).local(Duration::ZERO);
    let cache = builder.clone().load_limit(LONG).build(&link(&server)).unwrap();
    cache.put("a", 1).await.unwrap();
    cache.put("b", 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let slow = Slow::new();
    for _ in 0..10 {
        let hits = cache.get_many(&["a", "b"], slow.load()).await.unwrap();
        assert!(hits.len() == 2 && hits.values().all(|hit| hit.stale && hit.value.as_deref() == Some(&1)));
    }
    slow.begun().await;
    assert_eq!(slow.loads.load(Ordering::SeqCst), 1);
    slow.may.add_permits(1);
    until(|| server.connect().run("KEYS *lock*").array().is_empty()).await;
    assert_eq!(cache.peek("a").await.unwrap().value.as_deref(), Some(&7));
    // With a soft limit the refresh is waited for. How old a value is another link knows to half of a round trip.
    let patient = builder.soft_limit(LONG).build::<u64>(&link(&server)).unwrap();
    until_old(&patient, "a").await;
    let hits = patient.get_many(&["a"], |_| async { Ok::<_, String>(HashMap::from([("a".to_owned(), 9)])) }).await;
    assert_eq!(values(&hits.unwrap()), [Some(9)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_of_many_goes_on_when_its_caller_is_gone() {
    let server = Server::plain();
    let cache = shared_only().build::<u64>(&link(&server)).unwrap();
    let slow = Slow::new();
    let caller = {
        let (cache, load) = (cache.clone(), slow.load());
        tokio::spawn(async move { cache.get_many(&["a", "b"], load).await })
    };
    slow.begun().await;
    caller.abort();
    assert!(caller.await.is_err());
    slow.may.add_permits(1);
    until(|| server.connect().run("EXISTS market:ticker:v1:a market:ticker:v1:b").int() == 2).await;
    assert_eq!(server.connect().run("KEYS *lock*").array().len(), 0);
    let source = Source::default();
    assert_hit(source.get(&cache, "b").await, 7, Layer::Redis);
    assert_eq!(source.times(), 0);
}

/// Readers of one that are dropped while they still look in Redis leave no word.
#[tokio::test(flavor = "multi_thread")]
async fn readers_that_give_up_leave_reads_of_many_their_load() {
    let server = Server::plain();
    let source = Source::default();
    let cache = shared_only().build::<u64>(&link(&server)).unwrap();
    let (mut early, mut late) = (tokio::task::JoinSet::new(), tokio::task::JoinSet::new());
    for number in 0..200_u64 {
        let id = format!("id{number}");
        let (first, second, other) = ((cache.clone(), source.clone()), cache.clone(), id.clone());
        early.spawn(async move {
            let read = first.1.get(&first.0, &other);
            let _ = tokio::time::timeout(Duration::from_micros(number % 20 * 50), read).await;
        });
        let load = |ids: Vec<String>| async move { Ok::<_, String>(ids.into_iter().map(|id| (id, 0)).collect()) };
        late.spawn(async move { second.get_many(&[&id], load).await.map(|hits| values(&hits)) });
    }
    early.join_all().await;
    assert!(late.join_all().await.into_iter().all(|values| values.unwrap() == [Some(0)]));
}
