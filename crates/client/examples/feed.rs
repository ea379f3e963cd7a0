//! A feed of many symbols, delivered in batches, exactly once, whatever happens to the connection.
//!
//! `REDIS_URL=redis://127.0.0.1/ cargo run --example feed`

use redis_liq::redis::{self, RedisError};
use redis_liq::{Batcher, BatcherTotals, Event, Side, Timestamp};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = std::env::var("REDIS_URL").unwrap_or_else(|_| "redis://127.0.0.1/".into());
    let totals = run(&url, 10_000).await?;
    println!("{totals:#?}");
    Ok(())
}

/// Delivers so many events of three symbols.
pub async fn run(url: &str, events: u32) -> Result<BatcherTotals, RedisError> {
    // The connection manager reconnects; the batcher sends again what was under way, and the server counts it once.
    let connection = redis::Client::open(url)?.get_connection_manager().await?;
    let batcher = Batcher::builder()
        .on_failure(|batch| eprintln!("{} events of {} given up: {}", batch.events.len(), batch.key, batch.error))
        .spawn(connection);
    let keys = ["liq:{BTCUSDT}", "liq:{ETHUSDT}", "liq:{SOLUSDT}"];
    for (number, key) in (0..events).zip(keys.into_iter().cycle()) {
        let side = if number % 2 == 0 { Side::Sell } else { Side::Buy };
        let event = Event::new(Timestamp::Server, side, 1_000.0 + f64::from(number % 50), 100.0 + f64::from(number))
            .exchange("binance")
            .id(number.to_string());
        // Waits while 10,000 events are on their way: the feed goes as fast as Redis takes it.
        if let Err(error) = batcher.add(key, event).await {
            eprintln!("not added: {error}");
        }
    }
    Ok(batcher.close().await)
}
