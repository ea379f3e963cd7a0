//! What the cache costs: hits beside moka and a bare GET, stampedes, and reads while the server hangs or is dead.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use liq_harness::{Child, Server, child};
use redis_liq_desk::{Cache, Health, Link};

use crate::measure::{HOUR, ROUNDS, SPACE, bare, median, patient, percentiles, runtime};

/// Nanoseconds of a hit in memory.
pub async fn local_hit_ns(cache: &Cache<u64>) -> f64 {
    const READS: u32 = 200_000;
    let begun = Instant::now();
    for _ in 0..READS {
        std::hint::black_box(cache.get("BTCUSDT", || async { Ok::<_, ()>(None) }).await.unwrap());
    }
    begun.elapsed().as_nanos() as f64 / f64::from(READS)
}

/// A class whose one value is in memory.
pub async fn warm(server: &Server) -> Cache<u64> {
    let cache = Cache::<u64>::builder(SPACE).fresh(HOUR).local(HOUR).build(&patient(&server.url())).unwrap();
    cache.put("BTCUSDT", 7).await.unwrap();
    cache
}

pub async fn local_hits() {
    const READS: u32 = 200_000;
    let server = Server::plain();
    let cache = warm(&server).await;
    let bare: moka::sync::Cache<Arc<str>, Arc<u64>> =
        moka::sync::Cache::builder().max_capacity(1 << 20).time_to_live(HOUR).build();
    bare.insert("BTCUSDT".into(), Arc::new(7));
    let (mut ours, mut mokas, mut clocks) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(local_hit_ns(&cache).await);
        let begun = Instant::now();
        for _ in 0..READS {
            std::hint::black_box(bare.get("BTCUSDT"));
        }
        mokas.push(begun.elapsed().as_nanos() as f64 / f64::from(READS));
        let begun = Instant::now();
        for _ in 0..READS {
            std::hint::black_box(Instant::now());
        }
        clocks.push(begun.elapsed().as_nanos() as f64 / f64::from(READS));
    }
    let [ours, mokas, clock] = [ours, mokas, clocks].map(median);
    println!(
        "local hit: {ours:.0} ns, moka {mokas:.0} ns, ratio {:.2}; a look at the clock {clock:.0} ns",
        ours / mokas
    );
}

pub async fn redis_hits() {
    const READS: u32 = 3000;
    let server = Server::plain();
    let builder = Cache::<u64>::builder(SPACE).fresh(HOUR).local(Duration::ZERO);
    let cache = builder.build(&patient(&server.url())).unwrap();
    cache.put("BTCUSDT", 7).await.unwrap();
    let mut bare = bare(&server.url()).await;
    let (mut ours, mut gets) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..READS {
            std::hint::black_box(cache.get("BTCUSDT", || async { Ok::<_, ()>(None) }).await.unwrap());
        }
        ours.push(begun.elapsed().as_micros() as f64 / f64::from(READS));
        let begun = Instant::now();
        for _ in 0..READS {
            let bytes: Vec<u8> =
                redis::cmd("GET").arg("market:ticker:v1:BTCUSDT").query_async(&mut bare).await.unwrap();
            std::hint::black_box(rmp_serde::from_slice::<(u8, u64, u8, wire::Bytes)>(&bytes).ok());
        }
        gets.push(begun.elapsed().as_micros() as f64 / f64::from(READS));
    }
    let (ours, gets) = (median(ours), median(gets));
    println!("redis hit: {ours:.1} us, GET and decode {gets:.1} us, ratio {:.2}", ours / gets);
}

mod wire {
    //! Bytes as MessagePack has them, read and dropped.

    use serde::de::{Deserialize, Deserializer, IgnoredAny};

    pub struct Bytes;

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(IgnoredAny).map(|_| Self)
        }
    }
}

pub async fn without_redis() {
    let mut server = Server::plain();
    let link = Link::open(&server.url()).unwrap();
    let cache = Cache::<u64>::builder(SPACE).fresh(HOUR).local(Duration::ZERO).build(&link).unwrap();
    cache.put("warm", 1).await.unwrap();
    let read = async |number: u64| {
        let begun = Instant::now();
        cache.get(&format!("id{number}"), || async { Ok::<_, ()>(Some(1)) }).await.unwrap();
        begun.elapsed()
    };
    server.stall();
    let mut hung = Vec::new();
    for number in 0..20 {
        hung.push(read(number).await);
    }
    server.resume();
    let waited = hung.iter().filter(|time| **time > Duration::from_millis(100)).count();
    let longest = hung.iter().max().copied().unwrap_or_default();
    println!("server hung: {waited} of 20 reads waited, the longest {longest:?}, median {:?}", percentiles(hung).0);
    while !matches!(link.health(), Health::Up) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.kill();
    let mut dead = Vec::new();
    for number in 100..300 {
        dead.push(read(number).await);
    }
    let longest = dead.iter().max().copied().unwrap_or_default();
    println!("server dead: a read without loader p50 {:?}, longest {longest:?}", percentiles(dead).0);
}

/// How long a load takes.
pub const LOAD: Duration = Duration::from_millis(150);

/// A child that reads one id in 250 tasks when told, and says how often it loaded and how long the last took.
pub fn misses(url: &str) {
    runtime().block_on(async {
        let link = patient(url);
        let cache = Cache::<u64>::builder(SPACE).fresh(HOUR).build(&link).unwrap();
        link.ping().await.unwrap();
        let loads = Arc::new(AtomicU64::new(0));
        child::say("ready");
        child::hear();
        let begun = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..250 {
            let (cache, loads) = (cache.clone(), Arc::clone(&loads));
            tasks.spawn(async move {
                let load = move || async move {
                    loads.fetch_add(1, Ordering::Relaxed);
                    tokio::time::sleep(LOAD).await;
                    Ok::<_, ()>(Some(1))
                };
                cache.get("hot", load).await.unwrap();
            });
        }
        tasks.join_all().await;
        child::say(&format!("{} {}", loads.load(Ordering::Relaxed), begun.elapsed().as_millis()));
    });
}

/// 1,000 misses in four processes of the role `body`: loads and the last answer, ms, each a median of `rounds`, and the
/// worst of both.
pub fn stampede(body: &str, rounds: usize) -> [f64; 4] {
    let (mut loads, mut last) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        let server = Server::plain();
        let mut readers: Vec<Child> = (0..4).map(|_| Child::start(body, &[&server.url()])).collect();
        for reader in &mut readers {
            reader.hear();
        }
        readers.iter_mut().for_each(|reader| reader.say("go"));
        let told: Vec<Vec<f64>> = readers
            .iter_mut()
            .map(|reader| reader.hear().split(' ').map(|word| word.parse().unwrap()).collect())
            .collect();
        loads.push(told.iter().map(|told| told[0]).sum());
        last.push(told.iter().map(|told| told[1]).fold(0.0, f64::max));
    }
    let most = |values: &[f64]| values.iter().copied().fold(0.0, f64::max);
    let worst = [most(&loads), most(&last)];
    [median(loads), median(last), worst[0], worst[1]]
}

pub fn print_stampede(whose: &str, [loads, last, most, latest]: [f64; 4]) {
    let loader = LOAD.as_millis() as f64;
    println!(
        "1,000 misses in 4 processes, {whose}: {loads} loads, the last answer loader + {:.0} ms; at worst {most} loads, loader + {:.0} ms",
        last - loader,
        latest - loader
    );
}

const LOAD_LIMIT: Duration = Duration::from_millis(1000);

/// A child that takes the lock and never comes back.
pub fn hold(url: &str) {
    runtime().block_on(async {
        let cache = Cache::<u64>::builder(SPACE).fresh(HOUR).load_limit(LOAD_LIMIT).build(&patient(url)).unwrap();
        let load = || async {
            child::say("loading");
            std::future::pending::<Result<Option<u64>, ()>>().await
        };
        let _ = cache.get("hot", load).await;
    });
}

/// How long after the end of a killed process' lock the next load begins.
pub fn killed_winner() {
    let mut late = Vec::new();
    for _ in 0..ROUNDS {
        let server = Server::plain();
        let mut winner = Child::start("hold", &[&server.url()]);
        winner.hear();
        let locked = Instant::now();
        winner.kill();
        let begun = runtime().block_on(async {
            let cache = Cache::<u64>::builder(SPACE).fresh(HOUR).load_limit(LOAD_LIMIT);
            let cache = cache.build::<u64>(&patient(&server.url())).unwrap();
            let (sender, mut begun) = tokio::sync::mpsc::unbounded_channel();
            let load = move || async move {
                let _ = sender.send(Instant::now());
                Ok::<_, ()>(Some(1))
            };
            cache.get("hot", load).await.unwrap();
            begun.recv().await.unwrap()
        });
        late.push((begun - locked).as_secs_f64() * 1000.0 - LOAD_LIMIT.as_secs_f64() * 1000.0);
    }
    println!("the loading process is killed: the second load begins at load_limit + {:.0} ms", median(late));
}
