//! Speed and memory of `liq-ingest` against a real server, as ratios to SET from the same client where that makes
//! sense. Nothing is asserted about time. `LIQ_MODULE` names the module, else `target/release/libliq.so`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a measurement")]

#[path = "../tests/support/mod.rs"]
mod support;

use std::ops::ControlFlow;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use liq_ingest::contract::Contracts;
use liq_ingest::replay::{records, source::Source};
use liq_ingest::venue::Decoder;
use support::exchange::{Exchange, Script};
use support::frames::DIALECTS;
use support::program::{self, Running};
use support::running::{free_port, get, metric};
use support::server::wait_until;
use support::{Server, feed, total, url_of};

const ROWS: usize = 1_000_000;
const SETS: usize = 1_000_000;
/// Commands in one pipeline of SETs.
const PIPELINE: usize = 50;
const FRAMES: u64 = 2_000;

fn main() {
    let folder = tempfile::tempdir().unwrap();
    let capture = folder.path().join("capture.csv");
    feed::plain_capture(&capture, ROWS, 1);
    parse(&capture);
    if std::env::args().any(|part| part == "parse") {
        return;
    }
    let sets = sets_per_second();
    println!("SET, redis-rs, two connections, pipelines of {PIPELINE}: {sets:.0}/s");
    replay(folder.path(), &capture, sets);
    latency(folder.path());
}

fn parse(capture: &Path) {
    // Processor time of this thread: what one core does, whoever else is at work on the machine.
    let best = (0..7)
        .map(|_| {
            let mut decoder = Decoder::new(Contracts::default());
            let (start_ns, mut events, mut notional) = (processor_ns(), 0_usize, 0.0);
            records::read(Source::open(capture, None).unwrap(), None, &mut decoder, |record| {
                events += record.batch.events.len();
                notional += record.batch.events.iter().map(|event| event.size).sum::<f64>();
                ControlFlow::Continue(())
            })
            .unwrap();
            assert!(events == ROWS && notional > 0.0);
            Duration::from_nanos(processor_ns() - start_ns)
        })
        .min()
        .unwrap();
    println!("parse an uncompressed capture, one core: {:.2} million rows/s", ROWS as f64 / best.as_secs_f64() / 1e6);
}

/// Nanoseconds of processor time that this thread has had.
fn processor_ns() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").expect("Linux tells");
    text.split(' ').next().and_then(|ns| ns.parse().ok()).expect("a number")
}

fn sets_per_second() -> f64 {
    let server = Server::start();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let start = Instant::now();
    runtime.block_on(async {
        let mut halves = tokio::task::JoinSet::new();
        for half in 0..2 {
            let client = redis::Client::open(url_of(&server)).unwrap();
            halves.spawn(async move {
                let mut connection = client.get_multiplexed_async_connection().await.unwrap();
                for first in (0..SETS / 2).step_by(PIPELINE) {
                    let mut pipeline = redis::Pipeline::with_capacity(PIPELINE);
                    for n in first..first + PIPELINE {
                        let key = (n * 7919 + half) % 100_000;
                        pipeline.cmd("SET").arg(format!("key:{key}")).arg("1234567890").ignore();
                    }
                    pipeline.query_async::<()>(&mut connection).await.unwrap();
                }
            });
        }
        while let Some(half) = halves.join_next().await {
            half.unwrap();
        }
    });
    SETS as f64 / start.elapsed().as_secs_f64()
}

fn replay(folder: &Path, capture: &Path, sets: f64) {
    for batch in ["50", "4096"] {
        let server = Server::start();
        let mut command = program::command(folder);
        command.args(["--redis-url", &url_of(&server), "--batch", batch, "replay", "--quiet"]).arg(capture);
        let start = Instant::now();
        let mut running = Running(command.stdout(Stdio::null()).spawn().unwrap());
        let mut memory_kb = 0;
        while !running.has_ended() {
            memory_kb = memory_kb.max(peak_memory_kb(running.0.id()));
            std::thread::sleep(Duration::from_millis(5));
        }
        let rate = ROWS as f64 / start.elapsed().as_secs_f64();
        let stored =
            total(&server, "total_accepted") + total(&server, "total_filtered") + total(&server, "total_duplicate");
        assert_eq!(stored, ROWS as u64);
        println!(
            "replay --speed max --batch {batch}: {rate:.0} events/s, {:.2} x SET, {:.0} MB",
            rate / sets,
            memory_kb as f64 / 1024.0
        );
    }
}

/// The most memory that a process ever had resident.
fn peak_memory_kb(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).unwrap_or_default()
}

fn latency(folder: &Path) {
    let server = Server::start();
    let dialect = &DIALECTS[0];
    let exchange = Exchange::start(Script {
        expects: dialect.expects.to_vec(),
        greeting: dialect.greeting.to_vec(),
        pulse: dialect.pulse,
        keepalive: None,
        sessions: Vec::new(),
    });
    let config = folder.join("liq.toml");
    let port = free_port();
    let settings = format!(
        "listen = \"127.0.0.1:{port}\"\n[series]\nclock = \"EVENT\"\n[venue.binance-um]\nurl = \"{}\"\n",
        exchange.url()
    );
    std::fs::write(&config, settings).unwrap();
    let mut command: Command = program::command(&folder.join("state"));
    command.arg("--config").arg(config).args(["--redis-url", &url_of(&server), "stream", "binance-um"]);
    let running = Running::start(command.stderr(Stdio::null()));
    wait_until("the venue is connected", || exchange.finished() > 0);
    let mut client = server.connect();
    let mut stored = |n: u64| {
        let reply = client.call(&["LIQ.RANGE", "liq:{BTCUSDT}", "-", "+", "REV", "COUNT", "1"]);
        let newest = reply.array().first().map(|event| event.array()[0].clone());
        newest == Some(support::Reply::Int(newest_ms(n)))
    };
    let mut passed: Vec<Duration> = Vec::new();
    for n in 0..FRAMES {
        let start = Instant::now();
        exchange.send((dialect.frame)(n));
        while !stored(n) {
            assert!(start.elapsed() < Duration::from_secs(10));
        }
        passed.push(start.elapsed());
    }
    passed.sort();
    let at = |share: f64| passed[(share * (passed.len() - 1) as f64) as usize].as_secs_f64() * 1e6;
    println!("wire to Redis, local WebSocket, spooled on the way: p50 {:.0} us, p99 {:.0} us", at(0.5), at(0.99));
    let mut n = FRAMES;
    let mut stream = |when: &str, is_frozen: bool| {
        let (before, steady) = (spooled(port), Instant::now());
        if is_frozen {
            server.stall();
        }
        while steady.elapsed() < Duration::from_secs(5) {
            for _ in 0..20 {
                exchange.send((dialect.frame)(n));
                n += 1;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        if is_frozen {
            server.resume();
        }
        wait_until("all is stored", || total(&server, "total_accepted") + total(&server, "total_filtered") == n);
        let lag = since(&before, &spooled(port));
        println!(
            "2,000 events/s, {when}: {:.0} MB; from the socket to the spool p50 {:.0} us, p99 {:.0} us, max so far {:.0} us",
            peak_memory_kb(running.0.id()) as f64 / 1024.0,
            quantile(&lag, 0.5) * 1e6,
            quantile(&lag, 0.99) * 1e6,
            metric(port, "liq_ingest_spool_max_seconds", "") * 1e6
        );
    };
    stream("steady", false);
    stream("Redis frozen for 5 s (SIGSTOP)", true);
}

/// The histogram of the time from the socket to the spool: events by their bucket's upper bound, seconds.
fn spooled(port: u16) -> Vec<(f64, f64)> {
    let (_, text) = get(port, "/metrics").unwrap();
    let buckets = text.lines().filter_map(|line| line.strip_prefix("liq_ingest_spool_seconds_bucket{le=\""));
    let bucket = |line: &str| Some((line.split('"').next()?.parse().ok()?, line.rsplit(' ').next()?.parse().ok()?));
    buckets.filter_map(bucket).collect()
}

/// What came between two scrapes.
fn since(before: &[(f64, f64)], after: &[(f64, f64)]) -> Vec<(f64, f64)> {
    after.iter().zip(before).map(|((bound, now), (_, then))| (*bound, now - then)).collect()
}

/// As Prometheus' `histogram_quantile`: evenly spread within a bucket, and no more than the last bound that is one.
fn quantile(buckets: &[(f64, f64)], share: f64) -> f64 {
    let wanted = buckets.last().map_or(0.0, |(_, all)| all * share);
    let (mut from, mut below) = (0.0, 0.0);
    for (bound, count) in buckets {
        if *count >= wanted && bound.is_finite() {
            return from + (bound - from) * (wanted - below) / (count - below).max(1.0);
        }
        (from, below) = (if bound.is_finite() { *bound } else { from }, *count);
    }
    from
}

fn newest_ms(n: u64) -> i64 {
    1_790_000_000_000 + n as i64
}
