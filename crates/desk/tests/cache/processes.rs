//! Four processes on one class of values: one of them loads.

use std::time::Duration;

use liq_harness::{Child, Server, child};
use redis_liq_desk::{Cache, Link};

use crate::source::{LONG, SPACE, Source, link, shared_only};

const TASKS: usize = 250;

/// Reads `hot` in many tasks at once when told to, and says how often it loaded.
#[test]
fn reader_process() {
    let Some(args) = child::args("reader_process") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let cache = Cache::<u64>::builder(SPACE)
            .fresh(LONG)
            .build(&Link::open_with(&args[0], Duration::from_secs(30), 3).unwrap())
            .unwrap();
        let source = Source::default();
        child::say("ready");
        assert_eq!(child::hear().as_deref(), Some("go"));
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..TASKS {
            let (cache, source) = (cache.clone(), source.clone());
            tasks.spawn(async move { source.get_slowly(&cache, "hot", Duration::from_millis(150)).await.unwrap() });
        }
        let answers = tasks.join_all().await;
        assert!(answers.iter().all(|hit| hit.value.as_deref() == Some(&0)));
        child::say(&source.times().to_string());
    });
}

#[test]
fn a_thousand_misses_in_four_processes_are_one_load() {
    let server = Server::plain();
    let mut readers: Vec<Child> = (0..4).map(|_| Child::start("processes::reader_process", &[&server.url()])).collect();
    for reader in &mut readers {
        assert_eq!(reader.hear(), "ready");
    }
    readers.iter_mut().for_each(|reader| reader.say("go"));
    let loads: u64 = readers.iter_mut().map(|reader| reader.hear().parse::<u64>().unwrap()).sum();
    readers.into_iter().for_each(Child::finish);
    assert_eq!(loads, 1);
}

/// How many ids there are, and how many of them are read: a hundredth of what `make soak` asks for.
fn zipf_size() -> (usize, u64) {
    if std::env::var_os("LIQ_SOAK").is_some() { (100_000, 1_000_000) } else { (1000, 10_000) }
}

/// Ids as they are asked for in earnest: the n-th is asked for a n-th as often as the first.
struct Zipf {
    /// The chance of an id or one before it.
    up_to: Vec<f64>,
    random: fastrand::Rng,
}

impl Zipf {
    fn new(ids: usize, seed: u64) -> Self {
        let mut sum = 0.0;
        let mut up_to: Vec<f64> = (1..=ids)
            .map(|rank| {
                sum += 1.0 / rank as f64;
                sum
            })
            .collect();
        up_to.iter_mut().for_each(|chance| *chance /= sum);
        Self { up_to, random: fastrand::Rng::with_seed(seed) }
    }

    fn next(&mut self) -> usize {
        let chance = self.random.f64();
        self.up_to.partition_point(|up_to| *up_to < chance)
    }
}

/// Its part of the reads, in several tasks; tells its totals.
#[test]
fn zipf_process() {
    let Some(args) = child::args("zipf_process") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let link = Link::open_with(&args[0], Duration::from_secs(60), 3).unwrap();
        let cache = Cache::<u64>::builder(SPACE).fresh(LONG).local(LONG).build(&link).unwrap();
        let (seed, (ids, reads)) = (args[1].parse::<u64>().unwrap(), zipf_size());
        let source = Source::default();
        let mut tasks = tokio::task::JoinSet::new();
        for task in 0..4 {
            let (cache, source) = (cache.clone(), source.clone());
            tasks.spawn(async move {
                let mut zipf = Zipf::new(ids, seed * 4 + task);
                for _ in 0..reads / 16 {
                    let hit = source.get(&cache, &format!("id{}", zipf.next())).await.unwrap();
                    assert_eq!(hit.value.as_deref(), Some(&0));
                }
            });
        }
        tasks.join_all().await;
        let totals = cache.totals();
        assert_eq!(totals.loads, source.times());
        child::say(&format!("{} {} {} {}", totals.local, totals.redis, totals.waited, totals.loads));
    });
}

/// What a bot's cache is for, with the ids' frequencies of a market: hits, few loads, and reads that do not reach Redis.
#[test]
fn under_a_zipf_load_nearly_all_reads_are_hits_and_most_of_those_local() {
    let server = Server::plain();
    let mut readers: Vec<Child> =
        (0..4_u64).map(|seed| Child::start("processes::zipf_process", &[&server.url(), &seed.to_string()])).collect();
    let mut sums = [0; 4];
    for reader in &mut readers {
        let told = reader.hear();
        sums.iter_mut().zip(told.split(' ')).for_each(|(sum, word)| *sum += word.parse::<u64>().unwrap());
    }
    readers.into_iter().for_each(Child::finish);
    let [local, redis, waited, loads] = sums;
    let (ids, reads) = zipf_size();
    let mut asked: Vec<usize> = (0..16)
        .flat_map(|seed| {
            let mut zipf = Zipf::new(ids, seed);
            (0..reads / 16).map(move |_| zipf.next()).collect::<Vec<_>>()
        })
        .collect();
    asked.sort_unstable();
    asked.dedup();
    let part = |count: u64| count as f64 / reads as f64;
    println!(
        "{reads} reads of {ids} ids: hits {:.3}, of them local {:.3}; loads {loads} of {} ids asked for, waited {waited}",
        part(local + redis),
        part(local),
        asked.len()
    );
    assert_eq!(loads, asked.len() as u64, "each id is loaded once by all processes");
    assert_eq!(server.connect().run("DBSIZE").int(), asked.len() as i64);
    assert!(part(local + redis) >= 0.85, "hits");
    assert!(part(loads) <= 0.1, "loads");
    assert!(part(redis + waited + loads) <= 0.5, "reads that reach Redis");
}

/// Takes the lock and never comes back.
#[test]
fn hanging_process() {
    let Some(args) = child::args("hanging_process") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let cache = shared_only()
            .load_limit(LONG)
            .build::<u64>(&Link::open_with(&args[0], Duration::from_secs(30), 3).unwrap())
            .unwrap();
        let load = || async {
            child::say("loading");
            std::future::pending::<Result<Option<u64>, String>>().await
        };
        let _ = cache.get("a", load).await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_loading_process_is_killed_the_next_takes_over() {
    let server = Server::plain();
    let mut winner = Child::start("processes::hanging_process", &[&server.url()]);
    assert_eq!(winner.hear(), "loading");
    winner.kill();
    let source = Source::default();
    let cache = shared_only().build(&link(&server)).unwrap();
    let the_limit_passes = async {
        while cache.totals().waited == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let lock = "market:ticker:lock:{market:ticker:v1:a}";
        assert_eq!(server.connect().run(&format!("PEXPIRE {lock} 1")).int(), 1);
    };
    let (read, ()) = tokio::join!(source.get(&cache, "a"), the_limit_passes);
    assert_eq!(*read.unwrap().value.unwrap(), 0);
    assert_eq!((source.times(), cache.totals().waited), (1, 1));
}
