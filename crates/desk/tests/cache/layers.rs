//! Which layer answers, for how long, and what is in Redis.

use std::time::Duration;

use liq_harness::{Server, wait_until};
use redis_liq_desk::cache::Layer;
use redis_liq_desk::{Cache, Limit, Link};

use crate::source::{LONG, SPACE, Source, assert_hit, link, shared_only};

#[tokio::test(flavor = "multi_thread")]
async fn a_value_is_loaded_once_then_read_from_memory_and_by_others_from_redis() {
    let server = Server::plain();
    let source = Source::default();
    source.value.store(42, std::sync::atomic::Ordering::SeqCst);
    let builder = Cache::<u64>::builder(SPACE).fresh(LONG).local(LONG);
    let cache = builder.clone().build(&link(&server)).unwrap();
    assert_hit(source.get(&cache, "BTCUSDT").await, 42, Layer::Loader);
    assert_hit(source.get(&cache, "BTCUSDT").await, 42, Layer::Local);
    let other = builder.build(&link(&server)).unwrap();
    assert_hit(source.get(&other, "BTCUSDT").await, 42, Layer::Redis);
    assert_hit(source.get(&other, "BTCUSDT").await, 42, Layer::Local);
    assert_eq!(source.times(), 1);
    let hit = other.peek("BTCUSDT").await.unwrap();
    assert_eq!((*hit.value.unwrap(), hit.stale), (42, false));
    assert!(other.peek("ETHUSDT").await.is_none());
    let totals = other.totals();
    assert_eq!((totals.redis, totals.local, totals.loads), (1, 2, 0));
    assert!((totals.hit_ratio() - 1.0).abs() < 1e-9);
}

/// The calls of every command since the counts began, but for the test's own.
fn calls(server: &Server) -> Vec<(String, u64)> {
    let text = server.connect().run("INFO commandstats").text();
    let read = |line: &str| {
        let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        Some((name.to_owned(), rest.split(',').next()?.parse().unwrap()))
    };
    let mut calls: Vec<(String, u64)> = text.lines().filter_map(read).collect();
    calls.retain(|(name, _)| !name.starts_with("config") && !name.starts_with("client") && name != "info");
    calls.sort();
    calls
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hit_in_redis_is_one_get_and_one_in_memory_asks_nobody() {
    let server = Server::plain();
    let (link, source) = (link(&server), Source::default());
    let cache = Cache::<u64>::builder(SPACE).fresh(LONG).local(LONG).build(&link).unwrap();
    for id in ["a", "b"] {
        shared_only().build::<u64>(&link).unwrap().put(id, 7).await.unwrap();
    }
    // The server's clock is known by now.
    assert_hit(source.get(&cache, "a").await, 7, Layer::Redis);
    server.connect().run("CONFIG RESETSTAT").ok();
    assert_hit(source.get(&cache, "b").await, 7, Layer::Redis);
    assert_eq!(calls(&server), [("get".to_owned(), 1)]);
    for _ in 0..100 {
        assert_hit(source.get(&cache, "b").await, 7, Layer::Local);
    }
    assert_eq!(calls(&server), [("get".to_owned(), 1)]);
}

/// Age counts from the load, whoever loaded: memory does not begin anew what Redis has kept for long.
#[tokio::test(flavor = "multi_thread")]
async fn the_times_of_layers_do_not_add_up() {
    const LEFT: u64 = 1000;
    let server = Server::plain();
    let source = Source::default();
    let cache = Cache::<u64>::builder(SPACE).fresh(LONG).local(LONG).build(&link(&server)).unwrap();
    let mut client = server.connect();
    // A machine may be too slow to read it while it is fresh: then once more.
    loop {
        let loaded_ms = client.time_ms() - (LONG.as_millis() as u64 - LEFT);
        let mut bytes = vec![0x94, 1, 0xcf];
        bytes.extend(loaded_ms.to_be_bytes());
        bytes.extend([0, 0xc4, 1, 42]);
        client.call(&[b"SET".as_slice(), b"market:ticker:v1:a", &bytes]).ok();
        let hit = source.get(&cache, "a").await.unwrap();
        if hit.from == Layer::Redis {
            assert!(hit.age >= LONG - Duration::from_millis(LEFT) && hit.value.as_deref() == Some(&42));
            break;
        }
        cache.forget("a").await.unwrap();
    }
    tokio::time::sleep(Duration::from_millis(LEFT + 100)).await;
    assert_hit(source.get(&cache, "a").await, 0, Layer::Loader);
}

/// The server's clock was set back since, or a replica's that is behind was promoted.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_a_time_to_come_is_loaded_anew() {
    let server = Server::plain();
    let source = Source::default();
    let cache = Cache::<u64>::builder(SPACE).fresh(LONG).build(&link(&server)).unwrap();
    let mut client = server.connect();
    let mut bytes = vec![0x94, 1, 0xcf];
    bytes.extend((client.time_ms() + 3_600_000).to_be_bytes());
    bytes.extend([0, 0xc4, 1, 42]);
    client.call(&[b"SET".as_slice(), b"market:ticker:v1:a", &bytes]).ok();
    assert_hit(source.get(&cache, "a").await, 0, Layer::Loader);
    let other = shared_only().build::<u64>(&link(&server)).unwrap();
    assert_hit(source.get(&other, "a").await, 0, Layer::Redis);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_lies_in_redis_is_described_and_expires() {
    let server = Server::plain();
    let cache = Cache::<u64>::builder(SPACE).fresh(LONG).stale(LONG).version(3).build(&link(&server)).unwrap();
    Source::default().get(&cache, "BTCUSDT").await.unwrap();
    let mut client = server.connect();
    let keys = client.run("KEYS *");
    assert_eq!(keys.array()[0].text(), "market:ticker:v3:BTCUSDT");
    assert_eq!(keys.array().len(), 1, "the lock is gone: {keys:?}");
    let left = client.run("PTTL market:ticker:v3:BTCUSDT").int();
    assert!((6_000_000..=7_200_000).contains(&left), "fresh + stale, less up to a tenth: {left}");
    let bytes = client.run("GET market:ticker:v3:BTCUSDT");
    let (layout, loaded_ms, flags) = (bytes.bytes()[..2].to_vec(), bytes.bytes()[2..11].to_vec(), bytes.bytes()[11]);
    assert_eq!((layout, loaded_ms[0], flags), (vec![0x94, 1], 0xcf, 0));
    let loaded_ms = u64::from_be_bytes(loaded_ms[1..].try_into().unwrap());
    assert!(client.time_ms().abs_diff(loaded_ms) < 60_000, "the server's clock");
    assert_eq!(cache.policy(), "KEYS.POLICY SET market:ticker: TYPE string TTL 2h MAXTTL 2h");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stale_value_is_served_at_once_and_refreshed_behind_it() {
    let server = Server::plain();
    let source = Source::default();
    let builder = Cache::<u64>::builder(SPACE).fresh(Duration::from_millis(30)).stale(LONG).local(Duration::ZERO);
    let cache = builder.build(&link(&server)).unwrap();
    source.get(&cache, "a").await.unwrap();
    source.value.store(1, std::sync::atomic::Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(60)).await;
    let hit = source.get(&cache, "a").await.unwrap();
    assert_eq!((*hit.value.unwrap(), hit.stale, hit.from), (0, true, Layer::Redis));
    assert!(hit.age >= Duration::from_millis(30));
    let deadline = tokio::time::Instant::now() + Duration::from_secs(60);
    while *cache.peek("a").await.unwrap().value.unwrap() == 0 {
        assert!(tokio::time::Instant::now() < deadline, "nobody refreshes");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(source.times(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_soft_limit_a_quick_refresh_is_waited_for() {
    let server = Server::plain();
    let source = Source::default();
    let builder = Cache::<u64>::builder(SPACE).fresh(Duration::from_millis(30)).stale(LONG).local(Duration::ZERO);
    let cache = builder.soft_limit(Duration::from_secs(60)).build(&link(&server)).unwrap();
    source.get(&cache, "a").await.unwrap();
    source.value.store(1, std::sync::atomic::Ordering::SeqCst);
    tokio::time::sleep(Duration::from_millis(60)).await;
    assert_hit(source.get(&cache, "a").await, 1, Layer::Loader);
}

#[tokio::test(flavor = "multi_thread")]
async fn that_there_is_none_is_remembered_too() {
    let server = Server::plain();
    let cache = shared_only().missing(LONG).build::<u64>(&link(&server)).unwrap();
    let nothing = || async { Ok::<_, String>(None) };
    assert_eq!(cache.get("a", nothing).await.unwrap().value, None);
    let hit = cache.get("a", || async { Err("asked again".to_owned()) }).await.unwrap();
    assert_eq!((hit.value, hit.from), (None, Layer::Redis));
    assert!(cache.totals().missing >= 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn put_forget_and_clear_are_seen_by_all() {
    let server = Server::plain();
    let source = Source::default();
    let (one, two) = (shared_only().build(&link(&server)).unwrap(), shared_only().build(&link(&server)).unwrap());
    one.put("a", 7).await.unwrap();
    assert_hit(source.get(&two, "a").await, 7, Layer::Redis);
    two.forget("a").await.unwrap();
    assert_hit(source.get(&one, "a").await, 0, Layer::Loader);
    for number in 0..1200_u64 {
        one.put(&format!("id{number}"), number).await.unwrap();
    }
    server.connect().run("SET market:tickers:other 1").ok();
    assert_eq!(two.clear().await.unwrap(), 1201);
    assert!(one.peek("id7").await.is_none());
    assert_eq!(server.connect().run("DBSIZE").int(), 1, "another space is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_version_and_broken_bytes_are_misses() {
    let server = Server::plain();
    let source = Source::default();
    let old = shared_only().version(1).build(&link(&server)).unwrap();
    old.put("a", 7).await.unwrap();
    let new = shared_only().version(2).build(&link(&server)).unwrap();
    assert_hit(source.get(&new, "a").await, 0, Layer::Loader);
    for bytes in ["", "text", "\u{94}\u{1}", "[1,2,3,4]"] {
        server.connect().call(&["SET", "market:ticker:v1:a", bytes]).ok();
        assert_hit(source.get(&old, "a").await, 0, Layer::Loader);
    }
    assert!(old.totals().undecodable >= 4);
    // A key of another type is an error of Redis: the cache goes without it.
    server.connect().run("DEL market:ticker:v1:a");
    server.connect().run("LPUSH market:ticker:v1:a x");
    assert_hit(source.get(&old, "a").await, 0, Layer::Loader);
    assert!(old.totals().redis_errors >= 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_id_changes_nothing_and_capacity_0_keeps_nothing() {
    let server = Server::plain();
    let source = Source::default();
    let cache = Cache::<u64>::builder(SPACE).fresh(LONG).local(LONG).capacity(0).build(&link(&server)).unwrap();
    for id in ["", "a b", "{a}", "a\n"] {
        assert!(source.get(&cache, id).await.unwrap_err().to_string().starts_with("id: must "), "{id:?}");
        assert!(cache.put(id, 1).await.is_err() && cache.forget(id).await.is_err());
    }
    assert_eq!((source.times(), server.connect().run("DBSIZE").int()), (0, 0));
    source.get(&cache, "a").await.unwrap();
    assert_hit(source.get(&cache, "a").await, 0, Layer::Redis);
}

#[test]
fn settings_outside_their_range_are_named() {
    let link = Link::open("redis://127.0.0.1:1/").unwrap();
    let refusal = |builder: redis_liq_desk::cache::Builder| builder.build::<u64>(&link).err().unwrap().to_string();
    let builder = || Cache::<u64>::builder(SPACE);
    assert_eq!(refusal(builder()), "fresh: must be 1 ms to 366 days");
    assert_eq!(refusal(builder().fresh(LONG * 9000)), "fresh: must be 1 ms to 366 days");
    assert_eq!(refusal(builder().fresh(LONG).stale(LONG * 9000)), "stale: must be at most 366 days");
    assert_eq!(refusal(builder().fresh(LONG).load_limit(Duration::ZERO)), "load_limit: must be 1 ms to 366 days");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_read_at_once_and_what_is_missing_is_loaded_at_once() {
    let server = Server::plain();
    let cache = shared_only().missing(LONG).build(&link(&server)).unwrap();
    cache.put("a", 1).await.unwrap();
    let load = |ids: Vec<String>| async move {
        assert_eq!(ids, ["b", "c"]);
        Ok::<_, String>(std::iter::once(("b".to_owned(), 2)).collect())
    };
    let hits = cache.get_many(&["a", "b", "c", "b"], load).await.unwrap();
    let value = |id: &str| hits[id].value.as_deref().copied();
    assert_eq!((value("a"), value("b"), value("c"), hits.len()), (Some(1), Some(2), None, 3));
    let again = cache.get_many(&["a", "b", "c"], |_| async { Err("asked again") }).await.unwrap();
    assert!(again.values().all(|hit| hit.from == Layer::Redis));
    let failed = cache.get_many(&["a", "d"], |_| async { Err("away") }).await.unwrap_err();
    assert_eq!(failed.to_string(), "the load failed: away");
    // What stands is the pause.
    assert_eq!(server.connect().run("GET market:ticker:lock:{market:ticker:v1:d}").text(), "paused");
    assert_eq!(server.connect().run("KEYS *lock*").array().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn warming_loads_what_is_not_there() {
    let server = Server::plain();
    let cache = shared_only().build(&link(&server)).unwrap();
    cache.put("a", 1).await.unwrap();
    let load = |id: String| async move { if id == "bad" { Err("away") } else { Ok(Some(5)) } };
    let warmed = cache.warm(&["a", "b", "c", "bad", "no id"], 2, load).await;
    assert_eq!((warmed.present, warmed.loaded, warmed.failed), (1, 2, 2));
    let mut client = server.connect();
    wait_until("the values are there", || client.run("EXISTS market:ticker:v1:b market:ticker:v1:c").int() == 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn warming_within_a_limit_takes_from_it_what_it_loads() {
    // The limiter is the module's.
    let server = Server::start();
    let link = link(&server);
    let cache = shared_only().build(&link).unwrap();
    cache.put("a", 1).await.unwrap();
    let load = |_| async { Ok::<_, String>(Some(5)) };
    let limit = Limit::rl_check(&link, "rl:{okx}:rest", &["LIMIT", "2", "PERIOD", "10h"]);
    // One more would wait for hours.
    let warming = cache.warm_within(&["a", "b", "c", "no id"], 1, &limit, load);
    let warmed = tokio::time::timeout(Duration::from_secs(120), warming).await.expect("two loads may begin");
    assert_eq!((warmed.present, warmed.loaded, warmed.failed), (1, 2, 1));
    assert_eq!(server.connect().run("RL.CHECK rl:{okx}:rest LIMIT 2 PERIOD 10h").array()[0].int(), 0, "none is left");
    let wrong = Limit::rl_check(&link, "rl:{okx}:rest", &["LIMIT", "many"]);
    let warmed = cache.warm_within(&["a", "d"], 2, &wrong, |_| async { Ok::<_, String>(Some(5)) }).await;
    assert_eq!((warmed.present, warmed.loaded, warmed.failed), (1, 0, 1));
}
