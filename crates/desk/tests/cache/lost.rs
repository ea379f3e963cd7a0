//! Steps that the server took and the answer was lost, or that it refused behind the lock: the lock of a load must not
//! stand in everybody's way until it runs out.

use std::collections::HashMap;
use std::time::Duration;

use liq_harness::{Client, Fault, Proxy, Server};
use redis_liq_desk::cache::{Builder, Miss};
use redis_liq_desk::{Cache, Link};

use crate::source::{Answer, LONG, Source, link, shared_only};

/// In the answers to reads and to locks of what is not there. Those of a step that is several commands may come one by one,
/// so that nothing more of them can be told apart.
const NOTHING_FOUND: Fault = Fault::Lose { every: 1, holding: "$-1\r\n" };

/// A class whose locks last longer than any test.
fn locking() -> Builder {
    shared_only().load_limit(LONG)
}

/// A cache over a link that does not go down.
fn far(proxy: &Proxy, class: Builder) -> Cache<u64> {
    class.build(&Link::open_with(&proxy.url(), Duration::from_secs(30), 1000).unwrap()).unwrap()
}

/// What another process gets, which must not wait for the end of a lock.
async fn soon(cache: &Cache<u64>, id: &str) -> Answer {
    let source = Source::default();
    tokio::time::timeout(Duration::from_secs(120), source.get(cache, id)).await.expect("nobody loads, and nobody may")
}

async fn set_maxmemory(client: &std::sync::Mutex<Client>, bytes: u64) {
    tokio::task::block_in_place(|| client.lock().unwrap().run(&format!("CONFIG SET maxmemory {bytes}")).ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_was_taken_unheard_stores_what_was_loaded() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let (far, near) = (far(&proxy, locking()), locking().build(&link(&server)).unwrap());
    proxy.set(NOTHING_FOUND);
    assert_eq!(Source::default().get(&far, "a").await.unwrap().value.as_deref(), Some(&0));
    assert_eq!(proxy.lost(), 2);
    assert_eq!(soon(&near, "a").await.unwrap().value.as_deref(), Some(&0));
    assert_eq!(server.connect().run("EXISTS market:ticker:lock:{market:ticker:v1:a}").int(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_that_was_taken_unheard_is_let_go_when_the_load_fails() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let (far, near) = (far(&proxy, locking()), locking().build(&link(&server)).unwrap());
    proxy.set(NOTHING_FOUND);
    let failed = far.get("a", || async { Err::<Option<u64>, _>("away".to_owned()) }).await;
    assert!(matches!(failed, Err(Miss::Load(_))) && proxy.lost() == 2, "{failed:?}");
    // Whoever asks next finds the pause, or loads behind it.
    let answer = soon(&near, "a").await;
    assert!(matches!(answer, Ok(_) | Err(Miss::Paused { .. })), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lock_of_a_refresh_that_was_taken_unheard_is_let_go() {
    refresh_unheard(async |cache| Source::default().get(cache, "a").await.unwrap().stale).await;
    let many = async |cache: &Cache<u64>| cache.get_many(&["a"], load_all).await.unwrap()["a"].stale;
    refresh_unheard(many).await;
}

/// `ask` gets what is stale, and cannot know that the lock to refresh it is its own.
async fn refresh_unheard(ask: impl AsyncFn(&Cache<u64>) -> bool) {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let class = || locking().fresh(Duration::from_millis(1)).stale(LONG).missing(Duration::ZERO);
    let (far, near) = (far(&proxy, class()), class().build(&link(&server)).unwrap());
    near.put("a", 7).await.unwrap();
    // By the clocks of both, which a busy machine makes differ.
    while !(far.peek("a").await.unwrap().stale && near.peek("a").await.unwrap().stale) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    proxy.set(NOTHING_FOUND);
    assert!(ask(&far).await);
    let source = Source::default();
    let asking = async {
        while source.times() == 0 {
            assert!(source.get(&near, "a").await.is_ok());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    while proxy.lost() == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    tokio::time::timeout(Duration::from_secs(120), asking).await.expect("nobody refreshes, and nobody may");
}

async fn load_all(ids: Vec<String>) -> Result<HashMap<String, u64>, String> {
    Ok(ids.into_iter().map(|id| (id, 0)).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_of_many_that_were_taken_unheard_store_what_was_loaded() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let (far, near) = (far(&proxy, locking()), locking().build(&link(&server)).unwrap());
    proxy.set(NOTHING_FOUND);
    let answers = far.get_many(&["a"], load_all).await.unwrap();
    assert_eq!((answers.len(), proxy.lost()), (1, 2));
    assert_eq!(soon(&near, "a").await.unwrap().value.as_deref(), Some(&0));
    assert_eq!(server.connect().run("EXISTS market:ticker:lock:{market:ticker:v1:a}").int(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn locks_of_many_that_were_taken_unheard_are_let_go_when_the_load_fails() {
    let server = Server::plain();
    let proxy = Proxy::before(&server);
    let (far, near) = (far(&proxy, locking()), locking().build(&link(&server)).unwrap());
    proxy.set(NOTHING_FOUND);
    let failed = far.get_many(&["a"], |_| async { Err::<HashMap<_, _>, _>("away".to_owned()) }).await;
    assert!(failed.is_err() && proxy.lost() == 2, "{failed:?}");
    let answer = soon(&near, "a").await;
    assert!(matches!(answer, Ok(_) | Err(Miss::Paused { .. })), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_that_refuses_a_loaded_value_gets_its_lock_back() {
    let server = Server::plain();
    let client = std::sync::Arc::new(std::sync::Mutex::new(server.connect()));
    let (cache, other) = (locking().build(&link(&server)).unwrap(), locking().build(&link(&server)).unwrap());
    let full = std::sync::Arc::clone(&client);
    let load = move || async move {
        set_maxmemory(&full, 1).await;
        Ok::<_, String>(Some(1))
    };
    assert_eq!(cache.get("a", load).await.unwrap().value.as_deref(), Some(&1));
    let full = std::sync::Arc::clone(&client);
    set_maxmemory(&client, 0).await;
    let load = move |ids| async move {
        set_maxmemory(&full, 1).await;
        load_all(ids).await
    };
    assert_eq!(cache.get_many(&["b", "c"], load).await.unwrap().len(), 2);
    set_maxmemory(&client, 0).await;
    for id in ["a", "b", "c"] {
        assert!(soon(&other, id).await.is_ok());
    }
}
