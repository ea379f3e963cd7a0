//! Loads that race with invalidations: nothing old is kept.

use std::sync::atomic::Ordering;
use std::time::Duration;

use liq_harness::Server;
use redis_liq_desk::Cache;

use crate::source::{LONG, SPACE, Source, link};

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
