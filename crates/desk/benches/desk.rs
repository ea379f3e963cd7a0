//! What the cache, the queue and the sessions cost, as server CPU and as ratios to SET, GET and moka in the same run:
//! `make bench PARTS=desk`, or `cargo bench -p redis-liq-desk --bench desk`.
//!
//! Nothing is asserted: figures depend on the machine. Wall times on a busy machine say little; ratios and the server's
//! own CPU time say more. Ways take turns in rounds, and medians are printed.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use liq_harness::{Child, Server, child};
use redis_liq_desk::queue::{Job, Lease, Outcome, Queue, Worker};
use redis_liq_desk::{Cache, Link, Space};

const SPACE: Space = Space::new("market:ticker");
const HOUR: Duration = Duration::from_secs(3600);
const ROUNDS: usize = 7;

fn main() {
    // Started again by the harness as a test program would be, this is a child.
    if let Some(args) = child::args("misses") {
        return runtime().block_on(misses(&args[0]));
    }
    println!("desk: medians of {ROUNDS} rounds");
    runtime().block_on(async {
        local_hits().await;
        redis_hits().await;
        queue_costs().await;
        wake_up().await;
        without_redis().await;
    });
    stampede();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn patient(server: &Server) -> Link {
    Link::open_with(&server.url(), Duration::from_secs(30), 3).unwrap()
}

/// User and system seconds of the server so far.
fn cpu(server: &Server) -> f64 {
    let mut client = server.connect();
    let part = |client: &mut liq_harness::Client, name: &str| client.info(name).parse::<f64>().unwrap();
    part(&mut client, "used_cpu_user") + part(&mut client, "used_cpu_sys")
}

async fn local_hits() {
    const READS: u32 = 200_000;
    let server = Server::plain();
    let cache = Cache::<u64>::builder(SPACE).fresh(HOUR).local(HOUR).build(&patient(&server)).unwrap();
    cache.put("BTCUSDT", 7).await.unwrap();
    let bare: moka::sync::Cache<Arc<str>, Arc<u64>> =
        moka::sync::Cache::builder().max_capacity(1 << 20).time_to_live(HOUR).build();
    bare.insert("BTCUSDT".into(), Arc::new(7));
    let (mut ours, mut mokas) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let begun = Instant::now();
        for _ in 0..READS {
            std::hint::black_box(cache.get("BTCUSDT", || async { Ok::<_, ()>(None) }).await.unwrap());
        }
        ours.push(begun.elapsed().as_nanos() as f64 / f64::from(READS));
        let begun = Instant::now();
        for _ in 0..READS {
            std::hint::black_box(bare.get("BTCUSDT"));
        }
        mokas.push(begun.elapsed().as_nanos() as f64 / f64::from(READS));
    }
    let (ours, mokas) = (median(ours), median(mokas));
    println!("local hit: {ours:.0} ns, moka {mokas:.0} ns, ratio {:.2}", ours / mokas);
}

async fn redis_hits() {
    const READS: u32 = 3000;
    let server = Server::plain();
    let cache = Cache::<u64>::builder(SPACE).fresh(HOUR).local(Duration::ZERO).build(&patient(&server)).unwrap();
    cache.put("BTCUSDT", 7).await.unwrap();
    let mut bare = redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
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
            std::hint::black_box(rmp_serde::from_slice::<(u8, u64, u8, serde_bytes_like::Bytes)>(&bytes).ok());
        }
        gets.push(begun.elapsed().as_micros() as f64 / f64::from(READS));
    }
    let (ours, gets) = (median(ours), median(gets));
    println!("redis hit: {ours:.1} us, GET and decode {gets:.1} us, ratio {:.2}", ours / gets);
}

mod serde_bytes_like {
    //! Bytes as MessagePack has them, read and dropped.

    use serde::de::{Deserialize, Deserializer, IgnoredAny};

    pub struct Bytes;

    impl<'de> Deserialize<'de> for Bytes {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            deserializer.deserialize_any(IgnoredAny).map(|_| Self)
        }
    }
}

/// Server CPU of a SET, in pipelines of 16.
async fn set_us(server: &Server, count: u64) -> f64 {
    let mut connection = redis::Client::open(server.url()).unwrap().get_multiplexed_async_connection().await.unwrap();
    let before = cpu(server);
    for start in (0..count).step_by(16) {
        let mut pipe = redis::pipe();
        for number in start..start + 16 {
            pipe.cmd("SET").arg(number % 1000).arg("a value of forty bytes, more or less ..").ignore();
        }
        pipe.exec_async(&mut connection).await.unwrap();
    }
    (cpu(server) - before) * 1e6 / count as f64
}

/// Pushes, then works everything off; server CPU of each, microseconds a job.
async fn queue_round(server: &Server, jobs: u64, batch: usize, named: bool) -> (f64, f64) {
    let name = format!("bench{}", fastrand::u32(..));
    let mut builder = Queue::<String>::builder(name).capacity(10_000_000);
    if named {
        builder = builder.status_for(HOUR);
    }
    let queue: Queue<String> = builder.build(&patient(server)).unwrap();
    let job = |number: u64| {
        let job = Job::new("a body of forty bytes, more or less ....".to_owned());
        if named { job.once(format!("job{number}"), HOUR) } else { job }
    };
    let before = cpu(server);
    for start in (0..jobs).step_by(batch) {
        if batch == 1 {
            queue.push(job(start)).await.unwrap();
        } else {
            queue.push_all(&(start..start + batch as u64).map(job).collect::<Vec<_>>()).await.unwrap();
        }
    }
    let pushed = (cpu(server) - before) * 1e6 / jobs as f64;
    let done = Arc::new(AtomicU64::new(0));
    let before = cpu(server);
    let handler = {
        let done = Arc::clone(&done);
        move |_: Lease<String>| {
            let done = Arc::clone(&done);
            async move {
                done.fetch_add(1, Ordering::Relaxed);
                Outcome::Done
            }
        }
    };
    let working = queue
        .work(Worker { at_once: batch.min(100), lease: Duration::from_secs(60), ..Worker::default() }, handler)
        .unwrap();
    while done.load(Ordering::Relaxed) < jobs || queue.counts().await.unwrap().running > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let worked = (cpu(server) - before) * 1e6 / jobs as f64;
    working.stop(Duration::from_secs(60)).await;
    (pushed, worked)
}

async fn queue_costs() {
    let server = Server::plain();
    let set = median({
        let mut rounds = Vec::new();
        for _ in 0..3 {
            rounds.push(set_us(&server, 160_000).await);
        }
        rounds
    });
    println!("server CPU: SET (P=16) {set:.2} us");
    for (what, jobs, batch, named) in [
        ("batches of 50", 50_000, 50, false),
        ("with once and status, batches of 10", 20_000, 10, true),
        ("one by one", 8_000, 1, false),
    ] {
        let (mut pushed, mut worked) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let (push, work) = queue_round(&server, jobs, batch, named).await;
            pushed.push(push);
            worked.push(work);
            server.connect().run("FLUSHALL");
        }
        let (push, work) = (median(pushed), median(worked));
        println!(
            "queue, {what}: push {push:.1} us, take + done {work:.1} us, together {:.1} x SET",
            (push + work) / set
        );
    }
}

async fn wake_up() {
    let server = Server::plain();
    let queue: Queue<u64> = Queue::<u64>::builder("wake").build(&patient(&server)).unwrap();
    let begun = Instant::now();
    let (sender, mut seen) = tokio::sync::mpsc::unbounded_channel();
    let handler = move |job: Lease<u64>| {
        let _ = sender.send(begun.elapsed().saturating_sub(Duration::from_nanos(job.body)));
        async { Outcome::Done }
    };
    let working = queue.work(Worker { at_once: 1, ..Worker::default() }, handler).unwrap();
    let mut times = Vec::new();
    for _ in 0..500 {
        tokio::time::sleep(Duration::from_millis(3)).await;
        queue.push(Job::new(begun.elapsed().as_nanos() as u64)).await.unwrap();
        times.push(seen.recv().await.unwrap());
    }
    working.stop(HOUR).await;
    times.sort_unstable();
    println!("push to handler of an idle worker: p50 {:?}, p99 {:?}", times[250], times[495]);
}

async fn without_redis() {
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
    hung.sort_unstable();
    println!("server hung: {waited} of 20 reads waited, the longest {:?}, median {:?}", hung[19], hung[10]);
    while !matches!(link.health(), redis_liq_desk::Health::Up) {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.kill();
    let mut dead = Vec::new();
    for number in 100..300 {
        dead.push(read(number).await);
    }
    dead.sort_unstable();
    println!("server dead: a read without loader p50 {:?}, longest {:?}", dead[100], dead[199]);
}

const LOAD: Duration = Duration::from_millis(150);

async fn misses(url: &str) {
    let link = Link::open_with(url, Duration::from_secs(30), 3).unwrap();
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
}

fn stampede() {
    let (mut loads, mut last) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let server = Server::plain();
        let mut readers: Vec<Child> = (0..4).map(|_| Child::start("misses", &[&server.url()])).collect();
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
    let loader = LOAD.as_millis();
    println!(
        "1,000 misses in 4 processes: {} loads, the last answer loader + {:.0} ms",
        median(loads),
        median(last) - loader as f64
    );
}
