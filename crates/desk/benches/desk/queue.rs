//! What the queue costs the server, a job; how soon an idle worker begins; and a wave of due jobs in a backlog.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use liq_harness::Server;
use redis_liq_desk::queue::{Job, Lease, Outcome, Priority, Queue, Worker, Working};

use crate::measure::{HOUR, bare, cpu, median, patient, percentiles};

pub const BODY: &str = "a body of forty bytes, more or less ....";

/// Server CPU of a SET, in pipelines of 16: the median of three rounds.
pub async fn set_us(server: &Server) -> f64 {
    const COUNT: u64 = 160_000;
    let mut connection = bare(&server.url()).await;
    let mut rounds = Vec::new();
    for _ in 0..3 {
        let before = cpu(server);
        for start in (0..COUNT).step_by(16) {
            let mut pipe = redis::pipe();
            for number in start..start + 16 {
                pipe.cmd("SET").arg(number % 1000).arg(BODY).ignore();
            }
            pipe.exec_async(&mut connection).await.unwrap();
        }
        rounds.push((cpu(server) - before) * 1e6 / COUNT as f64);
    }
    median(rounds)
}

/// A worker that only counts.
fn count(queue: &Queue<String>, at_once: usize, done: &Arc<AtomicU64>) -> Working {
    let done = Arc::clone(done);
    let handler = move |_: Lease<String>| {
        let done = Arc::clone(&done);
        async move {
            done.fetch_add(1, Ordering::Relaxed);
            Outcome::Done
        }
    };
    queue.work(Worker { at_once, lease: Duration::from_secs(60), ..Worker::default() }, handler).unwrap()
}

/// Pushes, then works everything off; server CPU of each, microseconds a job.
pub async fn round(server: &Server, jobs: u64, batch: usize, named: bool) -> [f64; 2] {
    let mut builder = Queue::<String>::builder(format!("bench{}", fastrand::u32(..))).capacity(10_000_000);
    if named {
        builder = builder.status_for(HOUR);
    }
    let queue: Queue<String> = builder.build(&patient(&server.url())).unwrap();
    let job = |number: u64| {
        let job = Job::new(BODY.to_owned());
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
    let working = count(&queue, batch.min(100), &done);
    while done.load(Ordering::Relaxed) < jobs || queue.counts().await.unwrap().running > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let worked = (cpu(server) - before) * 1e6 / jobs as f64;
    working.stop(Duration::from_secs(60)).await;
    [pushed, worked]
}

pub async fn costs() {
    let server = Server::plain();
    let set = set_us(&server).await;
    println!("server CPU: SET (P=16) {set:.2} us");
    for (what, jobs, batch, named) in [
        ("batches of 50", 50_000, 50, false),
        ("with once and status, batches of 10", 20_000, 10, true),
        ("one by one", 8_000, 1, false),
    ] {
        let (mut pushed, mut worked) = (Vec::new(), Vec::new());
        for _ in 0..3 {
            let [push, work] = round(&server, jobs, batch, named).await;
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

pub async fn wake_up() {
    let server = Server::plain();
    let queue: Queue<u64> = Queue::<u64>::builder("wake").build(&patient(&server.url())).unwrap();
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
    let (p50, p99) = percentiles(times);
    println!("push to handler of an idle worker: p50 {p50:?}, p99 {p99:?}");
}

/// 1,000,000 jobs of which 100,000 become due at once; the longest single command by the server's slow log.
pub async fn crowd() {
    const BACKLOG: u64 = 1_000_000;
    const DUE: u64 = 100_000;
    let server = Server::plain();
    let queue: Queue<String> =
        Queue::<String>::builder("crowd").capacity(2 * BACKLOG).build(&patient(&server.url())).unwrap();
    let now = Instant::now();
    for start in (0..BACKLOG).step_by(1000) {
        let make = |number: u64| {
            let job = Job::new(BODY.to_owned());
            // All of them due when the last is pushed.
            if number < DUE {
                job.priority(Priority::High).after(Duration::from_secs(1))
            } else {
                job.priority(Priority::Low)
            }
        };
        queue.push_all(&(start..start + 1000).map(make).collect::<Vec<_>>()).await.unwrap();
    }
    println!(
        "a backlog of {BACKLOG}, pushed in {:.0} s: {} due at once",
        now.elapsed().as_secs_f64(),
        queue.counts().await.unwrap().later
    );
    let mut client = server.connect();
    client.run("CONFIG SET slowlog-log-slower-than 500").ok();
    client.run("CONFIG SET slowlog-max-len 100000").ok();
    client.run("SLOWLOG RESET").ok();
    let done = Arc::new(AtomicU64::new(0));
    let workers = [count(&queue, 50, &done), count(&queue, 50, &done)];
    let begun = Instant::now();
    while done.load(Ordering::Relaxed) < DUE + DUE / 10 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let taken = begun.elapsed().as_secs_f64();
    for working in workers {
        working.stop(HOUR).await;
    }
    let log = client.run("SLOWLOG GET -1");
    let slow: Vec<i64> = log.array().iter().map(|entry| entry.array()[2].int()).collect();
    println!(
        "worked off: {:.0}/s; the longest command {:.1} ms, over 5 ms: {}",
        done.load(Ordering::Relaxed) as f64 / taken,
        slow.iter().max().copied().unwrap_or(0) as f64 / 1000.0,
        slow.iter().filter(|micros| **micros > 5000).count()
    );
}
