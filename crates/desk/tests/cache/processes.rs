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
    // As if the lock had been taken with a limit of 100 ms.
    let lock = "market:ticker:lock:{market:ticker:v1:a}";
    assert_eq!(server.connect().run(&format!("PEXPIRE {lock} 100")).int(), 1);
    let source = Source::default();
    let cache = shared_only().build(&link(&server)).unwrap();
    assert_eq!(*source.get(&cache, "a").await.unwrap().value.unwrap(), 0);
    assert_eq!((source.times(), cache.totals().waited), (1, 1));
}
