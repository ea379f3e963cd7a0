//! What other modules offer for the same questions, beside ours, when their files are named: `REDISBLOOM_SO` (t-digests,
//! which never forget) and `REDISTIMESERIES_SO` (samples with rules). redis-cell stands in `limits`.

use crate::load::Workload;
use crate::load::series::{START_MS, events};
use crate::load::workload::over_keys;
use crate::support::module::load_line;
use crate::support::{Client, Options};

/// Keys that each of them works on, as many as ours.
const KEYS: usize = 10;

/// A server's options with the modules that are named.
pub fn load(options: Options) -> Options {
    let files = ["REDISBLOOM_SO", "REDISTIMESERIES_SO"].into_iter().filter_map(|name| std::env::var(name).ok());
    files.fold(options, |options, file| options.line(load_line(file.as_ref(), "")))
}

/// What is asked of the modules that are there, on keys with a day of `per_day` events.
pub fn workloads(client: &mut Client, per_day: u64) -> Vec<Workload> {
    let mut workloads = Vec::new();
    if std::env::var_os("REDISBLOOM_SO").is_some() {
        fill(
            client,
            per_day,
            |key| vec![format!("TDIGEST.CREATE bloom:{key} COMPRESSION 200")],
            |key, _, size, _| format!("TDIGEST.ADD bloom:{key} {size}"),
        );
        workloads.push(over_keys("TDIGEST.ADD of RedisBloom", "", "bloom", KEYS, "TDIGEST.ADD {} 25000"));
        workloads.push(over_keys("TDIGEST.QUANTILE of RedisBloom", "", "bloom", KEYS, "TDIGEST.QUANTILE {} 0.8"));
        workloads.push(over_keys("TDIGEST.CDF of RedisBloom", "", "bloom", KEYS, "TDIGEST.CDF {} 25000"));
    }
    if std::env::var_os("REDISTIMESERIES_SO").is_some() {
        let made = |key| {
            ["pv", "v"].map(|kind| format!("TS.CREATE {kind}:{key} RETENTION 86400000 DUPLICATE_POLICY LAST")).to_vec()
        };
        fill(client, per_day, made, |key, price, size, ts_ms| {
            format!("TS.MADD pv:{key} {ts_ms} {} v:{key} {ts_ms} {size}", price * size)
        });
        workloads.push(over_keys("TS.ADD of RedisTimeSeries", "", "v", KEYS, "TS.ADD {} * 25000 ON_DUPLICATE LAST"));
        let sum = "TS.RANGE {} - + AGGREGATION sum 86400000";
        workloads.push(over_keys("TS.RANGE sum of 24 h of RedisTimeSeries", "", "v", KEYS, sum));
    }
    workloads
}

fn fill(
    client: &mut Client,
    per_day: u64,
    make: impl Fn(usize) -> Vec<String>,
    add: impl Fn(usize, f64, f64, u64) -> String,
) {
    for key in 0..KEYS {
        client.pipeline(&make(key));
        let mut lines = Vec::new();
        for (place, event) in (0..per_day).zip(events(1)) {
            lines.push(add(key, event.price, event.size, START_MS + place * 86_400_000 / per_day));
            if lines.len() == 1000 {
                client.pipeline(&lines);
                lines.clear();
            }
        }
        client.pipeline(&lines);
    }
}
