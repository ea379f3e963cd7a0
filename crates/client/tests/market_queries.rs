//! Questions to a market, on one server and on a cluster of three nodes, against the definition.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use liq_harness::{Cluster, Server};
use redis_liq::market::{AsyncMarket, Market, MarketHistogram, MarketStats};
use redis_liq::{
    AsyncLiqCommands, BatchOptions, ClockMode, DigestQuery, Error, Event, LiqCommands, Scope, SeriesOptions, Side,
};

const START_MS: u64 = 1_737_910_800_000;
const HOUR: Duration = Duration::from_secs(3600);

/// Sizes of a heavy tail with repeated lots, of one symbol.
fn events(symbol: u64) -> Vec<Event<'static>> {
    let event = |number: u64| {
        let noise = (number * 7919 + symbol * 104_729) % 1000;
        let size = if noise < 300 { 100.0 } else { (noise as f64 / 80.0).exp() };
        let side = if noise.is_multiple_of(3) { Side::Buy } else { Side::Sell };
        Event::new(START_MS + number * 1000, side, 50.0 + symbol as f64, size).id(number.to_string())
    };
    (0..300 + symbol).map(event).collect()
}

fn keys() -> Vec<String> {
    (0..40).map(|symbol| format!("liq:{{S{symbol}USDT}}")).collect()
}

fn all_sizes() -> Vec<f64> {
    let mut sizes: Vec<f64> = (0..keys().len() as u64).flat_map(events).map(|event| event.size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes
}

fn options() -> SeriesOptions {
    SeriesOptions::new().clock(ClockMode::Event)
}

fn check_stats(stats: &MarketStats) {
    let sizes = all_sizes();
    let (count, volume) = (sizes.len() as f64, sizes.iter().sum::<f64>());
    let mean = volume / count;
    let variance = sizes.iter().map(|size| (size - mean).powi(2)).sum::<f64>() / count;
    let close = |found: f64, exact: f64| (found / exact - 1.0).abs() < 1e-9;
    assert_eq!((stats.count, stats.series), (sizes.len() as u64, keys().len() as u64));
    assert!(close(stats.volume, volume) && close(stats.mean.unwrap(), mean));
    assert!(close(stats.stddev.unwrap(), variance.sqrt()));
    assert_eq!((stats.min, stats.max), (sizes.first().copied(), sizes.last().copied()));
    assert_eq!(stats.buy_count + stats.sell_count, stats.count);
    assert!(close(stats.buy_volume + stats.sell_volume, volume));
    assert!(stats.exact && stats.imbalance.unwrap() < 0.0);
    for (percent, found) in [(50, stats.p50), (80, stats.p80), (95, stats.p95), (99, stats.p99)] {
        let exact = sizes[(percent * sizes.len()).div_ceil(100) - 1];
        let found = found.unwrap();
        assert!(found.low <= exact && exact < found.high, "p{percent}: {exact} in {found:?}");
        assert!((found.value / exact - 1.0).abs() <= 1.0 / 256.0, "p{percent}: {exact} near {found:?}");
    }
}

#[test]
fn one_server_answers_for_all_its_series() {
    let server = Server::start();
    let mut con = server.connect();
    for (symbol, key) in keys().iter().enumerate() {
        con.liq_create(key, &options()).unwrap();
        con.liq_maddpack(key, &events(symbol as u64), &BatchOptions::new()).unwrap();
    }
    check_stats(&con.market_stats(&keys(), &Scope::window(HOUR)).unwrap());
    let longs = con.market_histogram(&keys(), &Scope::window(HOUR).side(Side::Sell)).unwrap();
    let shorts = con.market_histogram(&keys(), &Scope::window(HOUR).side(Side::Buy)).unwrap();
    let mut both = longs.clone();
    both.merge(&shorts);
    assert_eq!(both, con.market_histogram(&keys(), &Scope::window(HOUR)).unwrap());
    assert_eq!(both.count(), all_sizes().len() as u64);
}

#[test]
fn a_series_that_cannot_answer_is_named() {
    let server = Server::start();
    let mut con = server.connect();
    redis::cmd("SET").arg("text").arg("1").exec(&mut con).unwrap();
    let error = con.market_percentile(&["none", "text"], 50.0, &Scope::default()).unwrap_err();
    assert_eq!((error.key.as_str(), error.error), ("text", Error::WrongType));
    assert_eq!(con.market_percentile(&["none", "nothing"], 50.0, &Scope::default()).unwrap(), None);
    let error = con.market_digest(&["none"], &DigestQuery::default()).unwrap_err();
    assert_eq!(error.error, Error::NoSuchKey);
    let error = con.market_percentile(&["none"], 101.0, &Scope::default()).unwrap_err();
    assert!(matches!(error.error, Error::Refused { .. }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_answers_as_one_market() {
    let cluster = tokio::task::block_in_place(Cluster::start);
    let client = redis::cluster::ClusterClient::new(cluster.urls()).unwrap();
    let mut con = client.get_async_connection().await.unwrap();
    for (symbol, key) in keys().iter().enumerate() {
        con.liq_create(key, &options()).await.unwrap();
        con.liq_maddpack(key, &events(symbol as u64), &BatchOptions::new()).await.unwrap();
    }
    check_stats(&con.market_stats(&keys(), &Scope::window(HOUR)).await.unwrap());

    let sizes = all_sizes();
    let exact = sizes[(sizes.len() * 90).div_ceil(100) - 1];
    let p90 = con.market_percentile(&keys(), 90.0, &Scope::window(HOUR)).await.unwrap().unwrap();
    assert!(p90.low <= exact && exact < p90.high);
    let digest = con.market_digest(&keys(), &DigestQuery::of(Scope::window(HOUR))).await.unwrap();
    assert_eq!((digest.count(), digest.max()), (sizes.len() as u64, sizes.last().copied()));
    assert!((digest.percentile(90.0).unwrap() / exact - 1.0).abs() < 0.1);

    // The synchronous connection to a cluster has no pipelines across nodes, and answers the same.
    tokio::task::block_in_place(|| {
        let mut con = client.get_connection().unwrap();
        check_stats(&con.market_stats(&keys(), &Scope::window(HOUR)).unwrap());
        let used = cluster.nodes.iter().filter(|node| {
            let keys: u64 = redis::cmd("DBSIZE").query(&mut node.connect()).unwrap();
            keys > 0
        });
        assert_eq!(used.count(), 3, "every node holds a part of the market");
    });

    // Independent servers are asked one by one, and merged.
    let mut merged = MarketHistogram::new();
    for half in keys().chunks(20) {
        merged.merge(&con.market_histogram(half, &Scope::window(HOUR)).await.unwrap());
    }
    assert_eq!(merged.percentile(90.0).unwrap(), Some(p90));
}
