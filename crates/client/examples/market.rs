//! One question to the whole market: the distribution over many symbols, on one server or a cluster.
//!
//! `REDIS_URL=redis://127.0.0.1/ cargo run --example market -- 'liq:{BTCUSDT}' 'liq:{ETHUSDT}'`

use std::time::Duration;

use redis_liq::market::{AsyncMarket, MarketStats};
use redis_liq::{DigestQuery, Scope, redis};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".into());
    let mut keys: Vec<String> = std::env::args().skip(1).collect();
    if keys.is_empty() {
        keys = ["BTCUSDT", "ETHUSDT", "SOLUSDT"].map(|symbol| format!("liq:{{{symbol}}}")).to_vec();
    }
    run(&url, &keys).await?;
    Ok(())
}

/// Prints what the market did in the last hour.
pub async fn run(url: &str, keys: &[String]) -> Result<MarketStats, Box<dyn std::error::Error>> {
    let con = redis::Client::open(url)?.get_multiplexed_async_connection().await?;
    let last_hour = Scope::window(Duration::from_secs(3600));

    let stats = con.market_stats(keys, &last_hour).await?;
    println!("{} liquidations of {} USD in {} symbols", stats.count, stats.volume, stats.series);
    println!("longs {} USD, shorts {} USD, imbalance {:?}", stats.sell_volume, stats.buy_volume, stats.imbalance);

    if let Some(p95) = con.market_percentile(keys, 95.0, &last_hour).await? {
        println!("the 95th percentile is {} USD, between {} and {}", p95.value, p95.low, p95.high);
    }
    let existing = stats.series > 0;
    if existing {
        let digest = con.market_digest(keys, &DigestQuery::of(last_hour)).await?;
        println!("estimated from digests: {:?}", digest.percentile(95.0));
    }
    Ok(stats)
}
