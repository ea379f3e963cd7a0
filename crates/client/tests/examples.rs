//! The examples, run against a real server.
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    dead_code,
    missing_docs,
    reason = "tests, and the examples' own main"
)]

#[path = "../examples/bot.rs"]
mod bot;
#[path = "../examples/feed.rs"]
mod feed;
#[path = "../examples/market.rs"]
mod market;

use liq_harness::Server;
use redis_liq::{LiqCommands, Side};

#[test]
fn the_bot_trades_the_one_large_liquidation_far_from_the_vwap() {
    let server = Server::start();
    assert_eq!(bot::run(&server.url()).unwrap(), [Side::Buy]);
    let signals: u64 = redis::cmd("XLEN").arg("signals:{BTCUSDT}").query(&mut server.connect()).unwrap();
    assert_eq!(signals, 1);
    bot::run(&server.url()).expect("the series exists at the second start");
}

#[tokio::test]
async fn the_feed_delivers_all_and_the_market_sees_it() {
    let server = Server::start();
    let totals = feed::run(&server.url(), 1000).await.unwrap();
    assert_eq!((totals.delivered, totals.failed), (1000, 0));
    let events = server.connect().liq_info("liq:{BTCUSDT}").unwrap().events;
    assert_eq!(events, 334);
    let keys = ["liq:{BTCUSDT}", "liq:{ETHUSDT}", "liq:{SOLUSDT}"].map(str::to_owned);
    let stats = market::run(&server.url(), &keys).await.unwrap();
    assert_eq!((stats.count, stats.series), (1000, 3));
}
