//! Nothing that was acknowledged is lost, whoever is killed: four processes, a server that keeps what it answered.

use std::collections::HashMap;
use std::time::Duration;

use liq_harness::{Child, Options, child};
use redis_liq_desk::Link;
use redis_liq_desk::queue::{Job, Lease, Outcome, Push, Worker};

use crate::{quick, until_empty};

const AT_ONCE: usize = 4;

/// Works, and tells what it runs before it ends it.
#[test]
fn working_process() {
    let Some(args) = child::args("working_process") else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    runtime.block_on(async {
        let queue = quick().attempts(1000).build::<u64>(&Link::open(&args[0]).unwrap()).unwrap();
        let handler = |job: Lease<u64>| async move {
            child::say(&job.body.to_string());
            Outcome::Done
        };
        let _working = queue
            .work(Worker { at_once: AT_ONCE, lease: Duration::from_secs(2), ..Worker::default() }, handler)
            .unwrap();
        std::future::pending::<()>().await;
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn no_acknowledged_job_is_lost_when_server_and_workers_are_killed() {
    let is_soak = std::env::var_os("LIQ_SOAK").is_some();
    let (jobs, server_kills, worker_kills) = if is_soak { (12_000_u64, 12, 24) } else { (2000, 3, 6) };
    let mut server = Options::default().without_module().durable().start();
    let queue = quick().capacity(1_000_000).build::<u64>(&Link::open(&server.url()).unwrap()).unwrap();
    let url = server.url();
    let start = || Child::start("kills::working_process", &[&url]);
    let mut workers: Vec<Child> = (0..3).map(|_| start()).collect();
    let mut runs: HashMap<u64, u64> = HashMap::new();
    let mut note = |body: String| *runs.entry(body.parse().unwrap()).or_default() += 1;
    let pusher = tokio::spawn({
        let queue = queue.clone();
        async move {
            let mut acknowledged = Vec::new();
            let mut body = 0;
            while (acknowledged.len() as u64) < jobs {
                match queue.push(Job::new(body)).await {
                    Ok(Push::Pushed) => acknowledged.push(body),
                    Ok(other) => panic!("{other:?}"),
                    // Perhaps carried out; not acknowledged, so the next is another job.
                    Err(_) => tokio::time::sleep(Duration::from_millis(2)).await,
                }
                body += 1;
            }
            acknowledged
        }
    });
    for kill in 0..worker_kills {
        tokio::time::sleep(Duration::from_millis(if is_soak { 700 } else { 150 })).await;
        let mut new = start();
        let place = kill % workers.len();
        std::mem::swap(&mut workers[place], &mut new);
        new.kill();
        new.last_words().into_iter().for_each(&mut note);
        if kill * server_kills / worker_kills != (kill + 1) * server_kills / worker_kills {
            tokio::task::block_in_place(|| {
                server.kill();
                server.start_again();
            });
        }
        workers.iter_mut().flat_map(|worker| std::iter::from_fn(|| worker.heard())).for_each(&mut note);
    }
    let acknowledged = pusher.await.unwrap();
    until_empty(&queue).await;
    for worker in &mut workers {
        worker.kill();
        worker.last_words().into_iter().for_each(&mut note);
    }
    let lost: Vec<&u64> = acknowledged.iter().filter(|body| !runs.contains_key(body)).collect();
    assert!(
        lost.is_empty(),
        "{} of {} lost: {:?}",
        lost.len(),
        acknowledged.len(),
        lost.iter().take(10).collect::<Vec<_>>()
    );
    let doubled = runs.values().filter(|runs| **runs > 1).count();
    let kills = server_kills + worker_kills;
    println!(
        "{} acknowledged, {} run, {doubled} more than once, at most {} times; {server_kills} kills of the server, {worker_kills} of workers",
        acknowledged.len(),
        runs.len(),
        runs.values().max().unwrap()
    );
    // A killed worker's jobs run again; an end that a killed server has not answered is told again and not run again.
    assert!(doubled <= kills * AT_ONCE, "{doubled} ran more than once");
    let counts = queue.counts().await.unwrap();
    assert_eq!(counts.dead, 0);
}
