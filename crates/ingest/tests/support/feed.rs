//! Captures made of the project's generated market, with repeated rows and rows out of order as real ones have them.

use std::io::{BufWriter, Write};
use std::path::Path;

use liq_sample::{Contract, DOZEN, Feed, Liquidation};

pub const START_MS: u64 = 1_767_225_600_000;

/// Rows without end: the contracts in time order.
pub fn rows(contracts: &[Contract], seed: u64) -> impl Iterator<Item = (Contract, Liquidation)> {
    let mut feeds: Vec<(Contract, Feed, Liquidation)> = Vec::new();
    for contract in contracts {
        let mut feed = Feed::new(*contract, seed, START_MS);
        let first = feed.next().expect("feeds are endless");
        feeds.push((*contract, feed, first));
    }
    std::iter::from_fn(move || {
        let (contract, feed, next) = feeds.iter_mut().min_by_key(|(_, _, next)| next.ts_ms)?;
        Some((*contract, std::mem::replace(next, feed.next()?)))
    })
}

/// Writes a capture of `rows_wanted` rows of five contracts; the same seed gives the same capture.
pub fn capture(path: &Path, rows_wanted: usize, seed: u64) {
    write(path, rows_wanted, seed, &DOZEN[..5], true);
}

/// Writes a capture in order and without repeats, of all contracts.
pub fn plain_capture(path: &Path, rows_wanted: usize, seed: u64) {
    write(path, rows_wanted, seed, &DOZEN, false);
}

fn write(path: &Path, rows_wanted: usize, seed: u64, contracts: &[Contract], is_rough: bool) {
    let mut out = BufWriter::new(std::fs::File::create(path).expect("the folder is writable"));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut rows = rows(contracts, seed);
    let mut line = String::new();
    for _ in 0..rows_wanted {
        let is_repeated = is_rough && !line.is_empty() && random.u8(..) < 8;
        if !is_repeated {
            let (contract, mut event) = rows.next().expect("feeds are endless");
            event.ts_ms -= if is_rough && random.u8(..) < 5 { random.u64(0..5_000) } else { 0 };
            line = liq_ingest::sample::row(&contract, &event) + "\n";
        }
        out.write_all(line.as_bytes()).expect("the disk has room");
    }
}
