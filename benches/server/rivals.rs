//! What other modules offer for the same questions, beside ours, when their files are named: `REDISBLOOM_SO` (t-digests,
//! which never forget) and `REDISTIMESERIES_SO` (samples with rules). redis-cell stands in `limits`.

use crate::load::series::{START_MS, events};
use crate::load::workload::over_keys;
use crate::load::{Workload, markets, resp};
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

/// The same as a market by two time series, prices and quantities, each with a rule that makes buckets of five minutes
/// of it. What shares its millisecond is lost.
pub fn market_workloads(client: &mut Client, seen: u64, batch: usize) -> Vec<Workload> {
    if std::env::var_os("REDISTIMESERIES_SO").is_none() {
        return Vec::new();
    }
    for (kind, how) in [("p", "max"), ("q", "sum")] {
        for key in 0..KEYS {
            client.run(&format!("TS.CREATE ts:{kind}:{key} DUPLICATE_POLICY LAST")).ok();
            client.run(&format!("TS.CREATE ts:{kind}5:{key}")).ok();
            client.run(&format!("TS.CREATERULE ts:{kind}:{key} ts:{kind}5:{key} AGGREGATION {how} 300000")).ok();
        }
    }
    // Buckets of a day for the reads; the feed goes on by itself.
    for place in 0..seen / (300_000 / markets::STEP_MS) {
        let at_ms = markets::START_MS + place * 300_000;
        client.run(&format!("TS.ADD ts:day:p {at_ms} {}", 61_000 + place % 100));
        client.run(&format!("TS.ADD ts:day:q {at_ms} {}", place % 100));
    }
    let range = "TS.RANGE ts:day:{} - + COUNT 288";
    let mut columns = ["p", "q"].map(|kind| range.replace("{}", kind)).into_iter().cycle();
    vec![
        markets::time_series("TS.MADD of 100, two series with a rule each, per tick", "", batch.min(100)),
        Workload::new("TS.RANGE over 288 buckets, one of the two columns", "", 1, move |out| {
            resp::line(out, &columns.next().unwrap_or_default());
        }),
    ]
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
