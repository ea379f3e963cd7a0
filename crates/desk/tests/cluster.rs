//! Everything over a connection to a cluster.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may stop at a broken assumption"
)]

use std::time::{Duration, Instant};

use liq_harness::Cluster;
use redis_liq_desk::queue::{Job, Lease, Outcome, Queue, Worker};
use redis_liq_desk::sessions::Sessions;
use redis_liq_desk::{Cache, Link, Space};

const HOUR: Duration = Duration::from_secs(3600);

async fn link(cluster: &Cluster) -> Link {
    let client = redis::cluster::ClusterClient::new(cluster.urls()).unwrap();
    Link::over_with(client.get_async_connection().await.unwrap(), Duration::from_secs(30), 3)
}

#[tokio::test(flavor = "multi_thread")]
async fn cache_queue_and_sessions_work_on_a_cluster() {
    let cluster = tokio::task::block_in_place(Cluster::plain);
    let link = link(&cluster).await;

    let cache =
        Cache::<u64>::builder(Space::new("market:ticker")).fresh(HOUR).local(Duration::ZERO).build(&link).unwrap();
    let ids: Vec<String> = (0..40).map(|number| format!("id{number}")).collect();
    for (id, number) in ids.iter().zip(0..) {
        let hit = cache.get(id, move || async move { Ok::<_, String>(Some(number)) }).await.unwrap();
        assert_eq!(hit.value.as_deref(), Some(&number));
        assert_eq!(cache.peek(id).await.unwrap().value.as_deref(), Some(&number));
    }
    let names: Vec<&str> = ids.iter().map(String::as_str).chain(["new1", "new2", "new3"]).collect();
    let load = |ids: Vec<String>| async move { Ok::<_, String>(ids.into_iter().map(|id| (id, 7)).collect()) };
    assert_eq!(cache.get_many(&names, load).await.unwrap().len(), 43);
    assert_eq!(cache.peek("new2").await.unwrap().value.as_deref(), Some(&7));
    cache.forget("id3").await.unwrap();
    assert!(cache.peek("id3").await.is_none());
    assert_eq!((cache.totals().redis_errors, cache.totals().loads), (0, 41));

    let queue: Queue<u64> = Queue::<u64>::builder("orders").build(&link).unwrap();
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |job: Lease<u64>| {
        let _ = sender.send(job.body);
        async { Outcome::Done }
    };
    let working = queue.work(Worker::default(), handler).unwrap();
    queue.push_all(&(0..50).map(Job::new).collect::<Vec<_>>()).await.unwrap();
    for _ in 0..50 {
        seen.recv().await.unwrap();
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while queue.counts().await.unwrap().running > 0 {
        assert!(Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    working.stop(HOUR).await;

    let sessions: Sessions<u64> = Sessions::new(&link, Space::new("session"), HOUR).unwrap();
    let _serving = sessions.serve("w1").await.unwrap();
    for user in 0..20 {
        let token = sessions.begin(&format!("user{user}"), &user).await.unwrap();
        for channel in ["BTCUSDT", "ETHUSDT", "SOLUSDT"] {
            assert!(sessions.listen(&token, channel, "w1").await.unwrap());
        }
        assert_eq!(sessions.get(&token).await.unwrap().unwrap().data, user);
        if user % 2 == 0 {
            assert!(sessions.end(&token).await.unwrap());
        }
    }
    assert_eq!(sessions.listeners("ETHUSDT").await.unwrap().len(), 10);
}
