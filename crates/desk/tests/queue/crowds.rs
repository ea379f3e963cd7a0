//! Many jobs: a backlog, a wave of due ones, what a dead fleet left behind.

use std::time::Duration;

use liq_harness::{Client, Server};
use redis_liq_desk::queue::{Job, Lease, Outcome, Priority, Worker};

use crate::{LONG, Seen, link, quick, until, until_empty};

/// As many as `make soak` asks for, else a tenth: the run is the same.
fn scaled(count: u64) -> u64 {
    if std::env::var_os("LIQ_SOAK").is_some() { count } else { count / 10 }
}

/// What scripts do, as MONITOR tells it: how long a script holds the others up is told by how many commands it runs,
/// which a busy machine does not change.
struct Steps(Client);

impl Steps {
    fn watch(server: &Server) -> Self {
        let mut client = server.connect();
        client.run("MONITOR").ok();
        Self(client)
    }

    /// The most commands that a script ran until now.
    fn longest(&mut self, server: &Server) -> usize {
        server.connect().run("ECHO until-here");
        let (mut longest, mut of_this_one) = (0, 0);
        loop {
            let line = self.0.receive();
            let line = line.text();
            if line.contains("until-here") {
                return longest;
            }
            of_this_one = if line.contains(" lua] ") { of_this_one + 1 } else { 0 };
            longest = longest.max(of_this_one);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wave_of_due_jobs_in_a_backlog_holds_nobody_up() {
    let (backlog, due) = (scaled(1_000_000), scaled(100_000));
    let server = Server::plain();
    let queue = quick().capacity(2_000_000).build::<u64>(&link(&server)).unwrap();
    let push = async |range: std::ops::Range<u64>, of: &dyn Fn(u64) -> Job<u64>| {
        for start in range.clone().step_by(2000) {
            let jobs: Vec<Job<u64>> = (start..range.end.min(start + 2000)).map(of).collect();
            queue.push_all(&jobs).await.unwrap();
        }
    };
    push(0..due, &|body| Job::new(body).priority(Priority::High).after(Duration::from_millis(1))).await;
    push(due..backlog, &|body| Job::new(body).priority(Priority::Low)).await;
    assert_eq!(queue.counts().await.unwrap().later, due);
    let mut steps = Steps::watch(&server);
    let seen = Seen::default();
    let workers: Vec<_> = (0..2).map(|_| seen.work(&queue, 50)).collect();
    // The due ones, which are high, and a few of the others.
    seen.until(due as usize + 100).await;
    let totals: Vec<_> = workers.iter().map(redis_liq_desk::queue::Working::totals).collect();
    for working in workers {
        working.stop(Duration::from_secs(60)).await;
    }
    let taken: u64 = totals.iter().map(|totals| totals.taken).sum();
    assert!(taken >= due, "{totals:?}");
    // Two for each of a hundred due ones, and what a take of fifty needs.
    let longest = steps.longest(&server);
    assert!((50..=400).contains(&longest), "a script ran {longest} commands");
    let mut high: Vec<u64> = seen.all().into_iter().filter(|body| *body < due).collect();
    high.sort_unstable();
    assert_eq!(high.len() as u64, due);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_dead_fleet_left_does_not_delay_a_new_high_job() {
    let abandoned = scaled(30_000);
    let server = Server::plain();
    let queue = quick().build::<u64>(&link(&server)).unwrap();
    let jobs: Vec<Job<u64>> = (0..abandoned).map(Job::new).collect();
    queue.push_all(&jobs).await.unwrap();
    let mut client = server.connect();
    client.run("XGROUP CREATE {q:orders}:p1 workers 0").ok();
    client.run(&format!("XREADGROUP GROUP workers dead COUNT {abandoned} STREAMS {{q:orders}}:p1 >"));
    assert_eq!(queue.counts().await.unwrap().running, abandoned);
    tokio::time::sleep(Duration::from_millis(110)).await;
    queue.push(Job::new(LONG.as_secs() * 1_000_000).priority(Priority::High)).await.unwrap();
    let seen = Seen::default();
    let handler = {
        let seen = seen.clone();
        move |job: Lease<u64>| {
            seen.add(job.body);
            async { Outcome::Done }
        }
    };
    let working =
        queue.work(Worker { at_once: 10, lease: Duration::from_millis(100), ..Worker::default() }, handler).unwrap();
    seen.until(abandoned as usize + 1).await;
    until("all is told", async || queue.counts().await.unwrap().running == 0).await;
    until_empty(&queue).await;
    working.stop(Duration::from_secs(60)).await;
    assert!(
        seen.all().iter().position(|body| *body == LONG.as_secs() * 1_000_000).unwrap() < 10,
        "among the first it took"
    );
}
