//! Questions to many series at once, answered client side: a market is the sum of its symbols.
//!
//! Every series tells its distribution as a histogram (`LIQ.HIST`), and histograms add up without error: a market-wide
//! percentile is as exact as that of a single series, however many keys and cluster nodes it comes from. Where
//! bandwidth counts more, a few hundred centroids per key (`LIQ.DIGEST`) give an estimate.
//!
//! The traits ask through one connection, which for a cluster reaches every node. Independent servers are asked one by
//! one, and what they answer is merged: [`MarketHistogram::merge`], [`MarketDigest::of`].
//!
//! ```no_run
//! use std::time::Duration;
//! use redis_liq::{Scope, redis};
//! use redis_liq::market::{AsyncMarket, MarketHistogram};
//!
//! # async fn run() -> Result<(), Box<dyn std::error::Error>> {
//! let con = redis::Client::open("redis://127.0.0.1/")?.get_multiplexed_async_connection().await?;
//! let keys = ["liq:{BTCUSDT}", "liq:{ETHUSDT}", "liq:{SOLUSDT}"];
//! let last_hour = Scope::window(Duration::from_secs(3600));
//! if let Some(p95) = con.market_percentile(&keys, 95.0, &last_hour).await? {
//!     println!("95 % of the market's liquidations are at most {} to {} USD", p95.low, p95.high);
//! }
//! let stats = con.market_stats(&keys, &last_hour).await?;
//! println!("{} liquidations, {} USD", stats.count, stats.volume);
//! # Ok(())
//! # }
//! ```

mod digest;
mod histogram;
mod query;
mod stats;

pub use digest::MarketDigest;
pub use histogram::{MarketHistogram, MarketPercentile};
#[cfg(feature = "async")]
pub use query::AsyncMarket;
pub use query::{Market, MarketError};
pub use stats::MarketStats;
