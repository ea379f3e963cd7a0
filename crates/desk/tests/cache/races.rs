//! Loads that race with invalidations: nothing old is kept.

use std::sync::atomic::Ordering;
use std::time::Duration;

use liq_harness::Server;
use liq_harness::server::wait_until;
use redis_liq_desk::Cache;

use crate::source::{LONG, SPACE, Source, link, shared_only};

/// Ten thousand of each kind where `make soak` asks.
fn races() -> u64 {
    if std::env::var_os("LIQ_SOAK").is_some() { 10_000 } else { 2500 }
}

/// Every race: a load reads the source, the source changes, the value is forgotten while the load is at any point of its
/// way. Whoever asks after that must see the change, in the same process and in another one.
async fn race(tracked: bool, put: bool) {
    let server = Server::plain();
    let builder = || {
        let builder = Cache::<u64>::builder(SPACE).fresh(LONG).local(LONG);
        if tracked { builder.tracked() } else { builder.local(Duration::ZERO) }
    };
    let (one, two) = (builder().build(&link(&server)).unwrap(), builder().build(&link(&server)).unwrap());
    let keeping = Cache::<u64>::builder(SPACE).fresh(LONG).local(LONG).build(&link(&server)).unwrap();
    let source = Source::default();
    let mut refused = 0;
    for number in 1..=races() {
        // The invalidating process keeps copies in memory too.
        let cache = if number % 2 == 0 { one.clone() } else { keeping.clone() };
        let load = {
            let (source, cache) = (source.clone(), cache.clone());
            tokio::spawn(async move { source.get_slowly(&cache, "a", Duration::from_micros(number % 7 * 60)).await })
        };
        tokio::time::sleep(Duration::from_micros(number % 11 * 50)).await;
        source.value.store(number, Ordering::SeqCst);
        if put {
            cache.put("a", number).await.unwrap();
        } else {
            cache.forget("a").await.unwrap();
        }
        let seen = source.get(&cache, "a").await.unwrap();
        assert_eq!(*seen.value.unwrap(), number, "race {number}");
        load.await.unwrap().unwrap();
        let seen = source.get(&cache, "a").await.unwrap();
        assert_eq!(*seen.value.unwrap(), number, "after race {number}");
        if !tracked {
            assert_eq!(*source.get(&two, "a").await.unwrap().value.unwrap(), number, "elsewhere, race {number}");
        }
        // So that the other one of the two starts from an empty memory.
        cache.forget("a").await.unwrap();
        refused = one.totals().refused + keeping.totals().refused;
    }
    assert!(refused > 0, "no load was overtaken: the test tests nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_loaded_before_it_was_forgotten_is_kept_nowhere() {
    race(false, false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_loaded_before_a_put_is_kept_nowhere() {
    race(false, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_read_before_a_forget_is_not_kept_where_the_class_is_tracked() {
    race(true, false).await;
}

/// Loads that began before everything is forgotten, and end at any point of the walk.
#[tokio::test(flavor = "multi_thread")]
async fn what_was_loaded_before_a_clear_is_kept_nowhere() {
    let server = Server::plain();
    let build = || -> Cache<u64> { shared_only().build(&link(&server)).unwrap() };
    let (one, two) = (build(), build());
    let mut client = server.connect();
    // So many that the walk takes a hundred steps.
    client.call(&["EVAL", "for i = 1, 50000 do redis.call('SET', 'other:' .. i, i) end", "0"]);
    let mut refused = 0;
    for round in 0..3 {
        let mut loads = Vec::new();
        for number in 0..200 {
            let (end, ended) = tokio::sync::oneshot::channel::<()>();
            let cache = one.clone();
            let task = tokio::spawn(async move {
                let load = move || async move {
                    let _ = ended.await;
                    Ok::<_, String>(Some(round))
                };
                cache.get(&format!("id{number}"), load).await
            });
            loads.push((end, task));
        }
        wait_until("all load", || client.run("KEYS market:ticker:lock:*").array().len() == loads.len());
        let clearing = tokio::spawn({
            let cache = two.clone();
            async move { cache.clear().await }
        });
        let mut tasks = Vec::new();
        for (number, (end, task)) in loads.into_iter().enumerate() {
            end.send(()).unwrap();
            tasks.push(task);
            if number % 4 == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        }
        clearing.await.unwrap().unwrap();
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        for number in 0..200 {
            let left = two.peek(&format!("id{number}")).await;
            assert!(left.is_none(), "id{number} is still there, round {round}");
        }
        refused = one.totals().refused;
    }
    assert!(refused > 0, "no load was overtaken: the test tests nothing");
}
