//! The cache and the queue of redis-liq-desk beside those of others, on the same server in the same run:
//! `make bench PARTS=desk`, or `scripts/rivals`. BullMQ 6 (Node), apalis 1 and amalgam-cache, each with its default
//! options but for batches, and what is finished removed. A package of its own, so that nobody else compiles them.
//!
//! Nothing is asserted: figures depend on the machine. Server CPU and ratios of one run count.

mod amalgam;
mod apalis;
mod bullmq;
#[allow(dead_code, reason = "what of ours stands alone is measured in crates/desk")]
#[path = "../../../crates/desk/benches/desk/cache.rs"]
mod cache;
#[path = "../../../crates/desk/benches/desk/measure.rs"]
mod measure;
#[allow(dead_code, reason = "what of ours stands alone is measured in crates/desk")]
#[path = "../../../crates/desk/benches/desk/queue.rs"]
mod queue;

use liq_harness::{Server, child};

const ROUNDS: usize = 3;

fn main() {
    // Started again by the harness as a test program would be, this is a child.
    if let Some(args) = child::args("misses") {
        return cache::misses(&args[0]);
    }
    if let Some(args) = child::args("amalgam_misses") {
        return amalgam::misses(&args[0]);
    }
    let runtime = measure::runtime();
    runtime.block_on(async {
        caches().await;
        queues().await;
    });
    cache::print_stampede("ours", cache::stampede("misses", ROUNDS));
    cache::print_stampede("amalgam-cache", cache::stampede("amalgam_misses", ROUNDS));
}

async fn caches() {
    let server = Server::plain();
    let (ours, theirs) = (cache::warm(&server).await, amalgam::warm(&server).await);
    let (mut own, mut other) = (Vec::new(), Vec::new());
    for _ in 0..measure::ROUNDS {
        own.push(cache::local_hit_ns(&ours).await);
        other.push(amalgam::local_hit_ns(&theirs).await);
    }
    let (own, other) = (measure::median(own), measure::median(other));
    println!("local hit: ours {own:.0} ns, amalgam-cache {other:.0} ns, ratio {:.2}", own / other);
    cache::without_redis().await;
    amalgam::without_redis().await;
}

async fn queues() {
    let server = Server::plain();
    let set = queue::set_us(&server).await;
    println!("server CPU: SET (P=16) {set:.2} us");
    for (what, jobs, batch) in [("batches of 50", 20_000, 50), ("one by one", 4000, 1)] {
        let mut rounds: [Vec<[f64; 2]>; 3] = Default::default();
        for _ in 0..ROUNDS {
            rounds[0].push(queue::round(&server, jobs, batch, false).await);
            rounds[1].extend(bullmq::round(&server, jobs, batch));
            rounds[2].extend(apalis::round(&server, jobs.min(apalis::MOST), batch).await);
            server.connect().run("FLUSHALL").ok();
        }
        let mut ours = 0.0;
        for (whose, rounds) in ["ours", "BullMQ", "apalis-redis"].into_iter().zip(rounds) {
            if rounds.is_empty() {
                println!(
                    "queue, {what}: {whose} skipped: it ended, or its packages are missing (scripts/rivals installs them)"
                );
                continue;
            }
            let [push, work] = [0, 1].map(|part| measure::median(rounds.iter().map(|round| round[part]).collect()));
            if whose == "ours" {
                ours = push + work;
            }
            println!(
                "queue, {what}: {whose} push {push:.1} us, take + done {work:.1} us, together {:.1} x SET; ours is {:.2} of it",
                (push + work) / set,
                ours / (push + work)
            );
        }
    }
}
