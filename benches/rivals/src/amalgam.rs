//! amalgam-cache over Redis, with its backplane and its lock between processes; default options.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use amalgam::Cache;
use amalgam::provider::{
    Backplane, DistributedCache, DistributedLocker, DistributedSerializer, JsonSerializer, RedisBackplane,
    RedisDistributedCache, RedisDistributedLocker,
};
use liq_harness::{Server, child};

use crate::cache::LOAD;
use crate::measure::{percentiles, runtime};

async fn open(url: &str) -> Cache<u64> {
    Cache::builder()
        .distributed(
            Arc::new(RedisDistributedCache::connect(url.to_owned()).await.unwrap()) as Arc<dyn DistributedCache>
        )
        .serializer(Arc::new(JsonSerializer) as Arc<dyn DistributedSerializer<u64>>)
        .backplane(Arc::new(RedisBackplane::connect(url.to_owned()).await.unwrap()) as Arc<dyn Backplane>)
        .distributed_locker(
            Arc::new(RedisDistributedLocker::connect(url.to_owned()).await.unwrap()) as Arc<dyn DistributedLocker>
        )
        .try_build()
        .unwrap()
}

/// A cache whose one value is in memory.
pub async fn warm(server: &Server) -> Cache<u64> {
    let cache = open(&server.url()).await;
    cache.set("BTCUSDT", 7).await.unwrap();
    cache
}

/// Nanoseconds of a hit in memory.
pub async fn local_hit_ns(cache: &Cache<u64>) -> f64 {
    const READS: u32 = 200_000;
    let begun = Instant::now();
    for _ in 0..READS {
        std::hint::black_box(cache.get_or_set("BTCUSDT", |_| async { Ok::<_, Infallible>(0) }).await.unwrap());
    }
    begun.elapsed().as_nanos() as f64 / f64::from(READS)
}

pub async fn without_redis() {
    let mut server = Server::plain();
    let cache = warm(&server).await;
    server.kill();
    let mut dead = Vec::new();
    for number in 0..20 {
        let begun = Instant::now();
        let id = format!("id{number}");
        let _ = cache.get_or_set(id.as_str(), |_| async { Ok::<_, Infallible>(1) }).await;
        dead.push(begun.elapsed());
    }
    let mean = dead.iter().sum::<Duration>() / 20;
    let longest = dead.iter().max().copied().unwrap_or_default();
    println!("server dead, amalgam-cache: p50 {:?}, mean {mean:?}, longest {longest:?}", percentiles(dead).0);
}

/// As ours: 250 tasks read one id when told.
pub fn misses(url: &str) {
    runtime().block_on(async {
        let cache = open(url).await;
        let loads = Arc::new(AtomicU64::new(0));
        child::say("ready");
        child::hear();
        let begun = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..250 {
            let (cache, loads) = (cache.clone(), Arc::clone(&loads));
            tasks.spawn(async move {
                let load = move |_| async move {
                    loads.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(LOAD).await;
                    Ok::<_, Infallible>(1)
                };
                cache.get_or_set("hot", load).await.unwrap();
            });
        }
        tasks.join_all().await;
        child::say(&format!("{} {}", loads.load(Ordering::Relaxed), begun.elapsed().as_millis()));
    });
}
