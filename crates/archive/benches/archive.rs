//! How fast entries leave Redis, beside a bare loop of XRANGE, and how small they become: `make bench PARTS=desk`, or
//! `cargo bench -p liq-archive --bench archive -- [entries]`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "a benchmark")]

use std::path::Path;
use std::time::Instant;

use liq_archive::archiver::{self, Plan};
use liq_archive::folder::Owned;
use liq_archive::id::Id;
use liq_archive::source;
use liq_harness::Server;

fn main() {
    let entries: u64 = std::env::args().filter_map(|arg| arg.parse().ok()).next().unwrap_or(1_000_000);
    let server = Server::plain();
    fill(&server, entries);
    let mut connection = redis::Client::open(server.url()).unwrap().get_connection().unwrap();
    let bytes = server.connect().run("MEMORY USAGE signals:{BTCUSDT} SAMPLES 0").int();
    let stream = b"signals:{BTCUSDT}";
    let (mut bare, mut ours) = (Vec::new(), Vec::new());
    let mut sizes = (0, 0.0);
    for _ in 0..3 {
        let begun = Instant::now();
        let (mut last, mut read) = (Id::default(), 0);
        loop {
            let batch = source::read(&mut connection, stream, last, 1000).unwrap();
            let Some(newest) = batch.last() else { break };
            last = newest.id;
            read += batch.len() as u64;
        }
        assert_eq!(read, entries);
        bare.push(entries as f64 / begun.elapsed().as_secs_f64());
        let dir = tempfile::tempdir().unwrap();
        let folder = Owned::take(dir.path()).unwrap();
        let plan = Plan { streams: vec!["signals:{BTCUSDT}".into()], rows: 100_000, keep: None };
        let before = cpu(&server);
        let begun = Instant::now();
        let (round, outcome) = archiver::round(&mut connection, &folder, &plan);
        ours.push(entries as f64 / begun.elapsed().as_secs_f64());
        outcome.unwrap();
        assert_eq!(round.entries, entries);
        sizes = (size(dir.path()), (cpu(&server) - before) * 1e6 / entries as f64);
    }
    bare.sort_by(f64::total_cmp);
    ours.sort_by(f64::total_cmp);
    let (Some(bare), Some(ours)) = (bare.get(1), ours.get(1)) else { return };
    println!("archive, {entries} entries: {ours:.0}/s, bare XRANGE {bare:.0}/s, ratio {:.2}", ours / bare);
    let (file, cpu_us) = sizes;
    println!(
        "{:.1} bytes an entry on disk, {:.1} in Redis, ratio {:.3}; server CPU {cpu_us:.2} us an entry, {:.2} % of a core at 1,000/s",
        file as f64 / entries as f64,
        bytes as f64 / entries as f64,
        file as f64 / bytes as f64,
        cpu_us / 10.0
    );
}

fn fill(server: &Server, entries: u64) {
    let mut client = server.connect();
    for start in (0..entries).step_by(2000) {
        let lines: Vec<String> = (start..entries.min(start + 2000))
            .map(|number| {
                let noise = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
                let (price, size) = (90_000 + noise % 20_000, noise >> 40);
                format!(
                    "XADD signals:{{BTCUSDT}} {}-0 symbol BTCUSDT key liq:{{BTCUSDT}} side buy entry_reason liquidation_long \
                     vwap {price}.25 vwap_deviation -2.{} liquidation_size {size} price {price}.5 timestamp {} exchange binance",
                    1_795_000_000_000 + number * 50,
                    noise % 100_000,
                    1_795_000_000_000 + number * 50
                )
            })
            .collect();
        client.pipeline(&lines);
    }
}

fn size(dir: &Path) -> u64 {
    std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            if entry.path().is_dir() { size(&entry.path()) } else { entry.metadata().unwrap().len() }
        })
        .sum()
}

fn cpu(server: &Server) -> f64 {
    let mut client = server.connect();
    let mut part = |name: &str| client.info(name).parse::<f64>().unwrap();
    part("used_cpu_user") + part("used_cpu_sys")
}
