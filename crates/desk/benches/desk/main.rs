//! What the cache, the queue and the sessions cost, as server CPU and as ratios to SET, GET and moka in the same run:
//! `make bench PARTS=desk`, or `cargo bench -p redis-liq-desk --bench desk -- [cache queue crowd messages]`.
//!
//! Nothing is asserted: figures depend on the machine. Wall times on a busy machine say little; ratios and the server's
//! own CPU time say more. Ways take turns in rounds, and medians are printed. `benches/rivals` puts others beside it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a benchmark"
)]

mod cache;
mod measure;
mod messages;
mod queue;

use liq_harness::child;

fn main() {
    // Started again by the harness as a test program would be, this is a child.
    if let Some(args) = child::args("misses") {
        return cache::misses(&args[0]);
    }
    if let Some(args) = child::args("hold") {
        return cache::hold(&args[0]);
    }
    let parts: Vec<String> = std::env::args().skip(1).filter(|part| !part.starts_with('-')).collect();
    let is_wanted = |part: &str| parts.is_empty() || parts.iter().any(|wanted| wanted == part);
    println!("desk: medians of {} rounds", measure::ROUNDS);
    let runtime = measure::runtime();
    if is_wanted("cache") {
        runtime.block_on(async {
            cache::local_hits().await;
            cache::redis_hits().await;
            cache::without_redis().await;
        });
        cache::print_stampede("ours", cache::stampede("misses", measure::ROUNDS));
        cache::killed_winner();
    }
    if is_wanted("queue") {
        runtime.block_on(async {
            queue::costs().await;
            queue::wake_up().await;
        });
    }
    if is_wanted("crowd") {
        runtime.block_on(queue::crowd());
    }
    if is_wanted("messages") {
        runtime.block_on(messages::published());
    }
}
