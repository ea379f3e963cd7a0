//! What becomes of loads that fail, panic, never return, or whose caller goes away.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use liq_harness::Server;
use redis_liq_desk::cache::{Layer, Miss};
use redis_liq_desk::{Cache, Link};

use crate::source::{LONG, SPACE, Source, assert_hit, link, shared_only};

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_source_is_left_alone_by_all_processes() {
    let server = Server::plain();
    let cache = shared_only().build::<u64>(&link(&server)).unwrap();
    let failing = || async { Err("away".to_owned()) };
    assert!(matches!(cache.get("a", failing).await, Err(Miss::Load(error)) if *error == "away"));
    let again = || async { Ok::<Option<u64>, String>(Some(1)) };
    let Err(Miss::Paused { last: Some(last), .. }) = cache.get("a", again).await else { panic!("paused") };
    assert_eq!(*last, "away");
    // Another process has no error to show, and does not ask either.
    let other = shared_only().build::<u64>(&link(&server)).unwrap();
    let Err(Miss::Paused { last: None, until }) = other.get("a", again).await else { panic!("paused") };
    let left = until.saturating_duration_since(std::time::Instant::now());
    assert!(left <= Duration::from_secs(1));
    tokio::time::sleep(left + Duration::from_millis(20)).await;
    assert_hit(other.get("a", again).await, 1, Layer::Loader);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_source_fails_the_stale_value_serves() {
    let server = Server::plain();
    let builder = Cache::<u64>::builder(SPACE).fresh(Duration::from_millis(20)).stale(LONG).local(Duration::ZERO);
    let cache = builder.build(&link(&server)).unwrap();
    cache.put("a", 1).await.unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    let asked = Arc::new(AtomicU64::new(0));
    for _ in 0..50 {
        let asked = Arc::clone(&asked);
        let load = move || async move {
            asked.fetch_add(1, Ordering::SeqCst);
            Err("away".to_owned())
        };
        let hit = cache.get("a", load).await.unwrap();
        assert_eq!((*hit.value.unwrap(), hit.stale), (1, true));
    }
    assert!(asked.load(Ordering::SeqCst) <= 2, "the pause holds for refreshes too: {asked:?}");
    assert!(cache.totals().stale >= 50);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_an_answer_and_the_lock_is_free() {
    let server = Server::plain();
    let cache = shared_only().build::<u64>(&link(&server)).unwrap();
    let load = || async { if true { panic!("a bug in the loader") } else { Ok::<_, String>(Some(1)) } };
    assert!(matches!(cache.get("a", load).await, Err(Miss::Panicked)));
    assert!(matches!(
        cache.get("a", || async { Ok::<_, String>(Some(1)) }).await,
        Err(Miss::Paused { last: None, .. })
    ));
    tokio::time::sleep(Duration::from_millis(1100)).await;
    assert_hit(cache.get("a", || async { Ok::<_, String>(Some(1)) }).await, 1, Layer::Loader);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_never_returns_is_given_up() {
    let server = Server::plain();
    let cache = shared_only().load_limit(Duration::from_millis(50)).build::<u64>(&link(&server)).unwrap();
    let never = || std::future::pending::<Result<Option<u64>, String>>();
    assert!(matches!(cache.get("a", never).await, Err(Miss::LoadLimit)));
    assert_eq!(cache.totals().failed, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_goes_on_when_its_caller_is_gone() {
    let server = Server::plain();
    let source = Source::default();
    let cache = shared_only().build(&link(&server)).unwrap();
    let slow = source.get_slowly(&cache, "a", Duration::from_secs(2));
    assert!(tokio::time::timeout(Duration::from_millis(50), slow).await.is_err(), "the caller gives up");
    let answer = source.get(&cache, "a").await.unwrap();
    assert_eq!((*answer.value.unwrap(), source.times()), (0, 1), "the first load goes on, and serves the second read");
}

/// The first one looks in Redis and is dropped before it knows: who waits for it is not left without an answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_gives_up_early_leaves_nobody_waiting() {
    let server = Server::plain();
    let source = Source::default();
    let cache = shared_only().build::<u64>(&link(&server)).unwrap();
    let (mut early, mut late) = (tokio::task::JoinSet::new(), tokio::task::JoinSet::new());
    for number in 0..400_u64 {
        let id = format!("id{number}");
        let (first, second) = ((cache.clone(), source.clone()), (cache.clone(), source.clone()));
        let other = id.clone();
        early.spawn(async move {
            let read = first.1.get(&first.0, &other);
            let _ = tokio::time::timeout(Duration::from_micros(number % 20 * 50), read).await;
        });
        late.spawn(async move { second.1.get(&second.0, &id).await.map(|hit| hit.value) });
    }
    early.join_all().await;
    assert!(late.join_all().await.into_iter().all(|answer| answer.unwrap().as_deref() == Some(&0)));
    assert!(source.times() <= 400);
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_that_fail_with_other_types_do_not_disturb_each_other() {
    let server = Server::plain();
    let cache = shared_only().build::<u64>(&link(&server)).unwrap();
    let (began, begun) = tokio::sync::oneshot::channel();
    let slow = {
        let cache = cache.clone();
        let load = || async {
            began.send(()).unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
            Ok::<_, String>(Some(1))
        };
        tokio::spawn(async move { cache.get("a", load).await.unwrap().value })
    };
    begun.await.unwrap();
    let hit = cache.get("a", || async { Err(std::io::Error::other("not asked")) }).await.unwrap();
    assert_eq!((hit.value.as_deref(), slow.await.unwrap().as_deref()), (Some(&1), Some(&1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hot_key_is_loaded_once_an_expiry_and_nobody_waits() {
    const FRESH: Duration = Duration::from_millis(40);
    let wanted = if std::env::var_os("LIQ_SOAK").is_some() { 100 } else { 25 };
    let server = Server::plain();
    let builder = || Cache::<u64>::builder(SPACE).fresh(FRESH).stale(LONG).local(Duration::from_millis(5));
    let times = Arc::new(std::sync::Mutex::new(Vec::new()));
    builder().build(&link(&server)).unwrap().put("hot", 0).await.unwrap();
    let readers = (0..4).map(|_| {
        let (cache, times) = (builder().build(&link(&server)).unwrap(), Arc::clone(&times));
        tokio::spawn(async move {
            let mut loaded_by_reader = 0;
            while times.lock().unwrap().len() < wanted {
                let times = Arc::clone(&times);
                let load = move || async move {
                    times.lock().unwrap().push(std::time::Instant::now());
                    Ok::<_, String>(Some(1))
                };
                loaded_by_reader += usize::from(cache.get("hot", load).await.unwrap().from == Layer::Loader);
                tokio::task::yield_now().await;
            }
            loaded_by_reader
        })
    });
    for reader in readers.collect::<Vec<_>>() {
        assert_eq!(reader.await.unwrap(), 0, "no read waits for a load while a stale value is there");
    }
    let times = times.lock().unwrap();
    // On the whole, since a busy machine may be late to note one load and quick to note the next.
    let (first, last) = (times[0], times[times.len() - 1]);
    let expiries = u32::try_from(times.len()).unwrap() - 2;
    assert!(last - first >= FRESH * expiries, "{} loads in {:?}", times.len(), last - first);
}

/// As in the body of a loop over `buffer_unordered`: what began to look in Redis is polled no more until this one is done.
/// On one thread, so that no answer comes while it is polled.
#[tokio::test]
async fn a_reader_that_is_polled_no_more_holds_up_nobody_for_ever() {
    let server = Server::plain();
    let source = Source::default();
    let cache = shared_only().build::<u64>(&Link::open(&server.url()).unwrap()).unwrap();
    for id in ["a", "b"] {
        let mut first = std::pin::pin!(source.get(&cache, id));
        assert!(futures_util::poll!(&mut first).is_pending());
        if id == "a" {
            assert_hit(source.get(&cache, id).await, 0, Layer::Loader);
        } else {
            let load = |ids: Vec<String>| async move {
                Ok::<_, String>(ids.into_iter().map(|id| (id, 7)).collect::<std::collections::HashMap<_, _>>())
            };
            assert_eq!(cache.get_many(&[id], load).await.unwrap().len(), 1);
        }
        assert!(first.await.is_ok());
    }
}
