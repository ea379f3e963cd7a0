//! A price that many services ask for and one of them loads: `cargo run -p redis-liq-desk --example ticker`.
//! `REDIS_URL` names the server; without one the program works too, and says so.
#![allow(clippy::print_stdout, reason = "an example shows")]

use std::time::Duration;

use redis_liq_desk::{Cache, Health, Link, Space};
use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
struct Ticker {
    last: f64,
}

/// Stands for an exchange that takes its time.
async fn ask_the_exchange(symbol: String) -> Result<Option<Ticker>, std::io::Error> {
    tokio::time::sleep(Duration::from_millis(80)).await;
    Ok((symbol == "BTCUSDT").then_some(Ticker { last: 42_150.5 }))
}

/// Asks three times for one price, and once for one that is not there.
pub async fn run(link: Link) -> Result<Vec<String>, Box<dyn std::error::Error>> {
    const TICKERS: Space = Space::new("market:ticker");
    let tickers = Cache::<Ticker>::builder(TICKERS).fresh(Duration::from_secs(2)).stale(Duration::from_secs(10));
    let tickers: Cache<Ticker> = tickers.build(&link)?;
    let mut lines = Vec::new();
    for symbol in ["BTCUSDT", "BTCUSDT", "BTCUSDT", "NOSUCH"] {
        let hit = tickers.get(symbol, move || ask_the_exchange(symbol.to_owned())).await?;
        lines.push(match &hit.value {
            Some(ticker) => format!("{symbol} {} from {:?}", ticker.last, hit.from),
            None => format!("{symbol} is no symbol"),
        });
    }
    if let Health::Down { last, .. } = link.health() {
        lines.push(format!("without redis: {last}"));
    }
    Ok(lines)
}

#[tokio::main(flavor = "current_thread")]
#[allow(dead_code, reason = "the test includes this file and calls run")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    for line in run(Link::from_env()?).await? {
        println!("{line}");
    }
    Ok(())
}
