//! A made-up market in which one trade comes every twelve seconds, the venue's own minutes of it, and what a server has of
//! both.

use super::{Reply, Server};

pub const MINUTE_MS: u64 = 60_000;

/// A trade, prices and quantities in tenths.
pub struct Made {
    pub ts_ms: u64,
    pub price: u64,
    pub qty: u64,
    pub is_buy: bool,
}

/// Trade `id` of a market that begins at `from_ms`.
pub fn made(from_ms: u64, id: u64) -> Made {
    Made { ts_ms: from_ms + id * 12_000, price: 1_000 + id % 7 * 10 + 5, qty: 1 + id % 3, is_buy: id % 2 == 1 }
}

/// A minute some time ago, so that everything in it and behind it has ended.
pub fn first_minute() -> u64 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis() as u64;
    now / MINUTE_MS * MINUTE_MS - 30 * MINUTE_MS
}

/// So many tenths as a decimal.
pub fn tenths(sum: u64) -> String {
    format!("{}.{}", sum / 10, sum % 10)
}

/// Minutes as the exchange makes them: start, open, high, low, close, volume, end, quote volume, trades, taker volume,
/// taker quote volume.
pub fn minutes(from_ms: u64, count: u64) -> Vec<[String; 11]> {
    let hundredths = |sum: u64| format!("{}.{:02}", sum / 100, sum % 100);
    let minute = |minute: u64| {
        let start = from_ms + minute * MINUTE_MS;
        let trades: Vec<Made> = (minute * 5..minute * 5 + 5).map(|id| made(from_ms, id)).collect();
        let prices: Vec<u64> = trades.iter().map(|trade| trade.price).collect();
        let sum = |of: &dyn Fn(&Made) -> u64| trades.iter().map(of).sum::<u64>();
        let bought = |trade: &Made| if trade.is_buy { trade.qty } else { 0 };
        [
            start.to_string(),
            tenths(prices[0]),
            tenths(*prices.iter().max().unwrap()),
            tenths(*prices.iter().min().unwrap()),
            tenths(prices[4]),
            tenths(sum(&|trade| trade.qty)),
            (start + MINUTE_MS - 1).to_string(),
            hundredths(sum(&|trade| trade.price * trade.qty)),
            "5".to_owned(),
            tenths(sum(&bought)),
            hundredths(sum(&|trade| trade.price * bought(trade))),
        ]
    };
    (0..count).map(minute).collect()
}

/// Minutes as the module answers them.
pub fn rows(minutes: &[[String; 11]]) -> Vec<String> {
    minutes.iter().map(|row| row.each_ref().map(|text| plain(text)).join(" ") + " closed").collect()
}

/// The same of a venue that tells nothing of trades and takers.
pub fn short_rows(minutes: &[[String; 11]]) -> Vec<String> {
    minutes
        .iter()
        .map(|row| row[..8].iter().map(|text| plain(text)).collect::<Vec<_>>().join(" ") + " - - - closed")
        .collect()
}

/// A decimal without zeros at its end.
pub fn plain(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

/// Rows of CANDLE.RANGE.
pub fn candles(server: &Server, key: &str) -> Vec<String> {
    let rows = server.connect().call(&["CANDLE.RANGE", key, "1m", "-", "+", "COUNT", "5000"]);
    let text = |value: &Reply| match value {
        Reply::Int(number) => number.to_string(),
        Reply::Nil => "-".to_owned(),
        other => other.text(),
    };
    let row = |row: &Reply| row.array().iter().map(text).collect::<Vec<_>>().join(" ");
    rows.array().iter().map(row).collect()
}

/// A number out of TICK.INFO; 0 where there is no market.
pub fn fact(server: &Server, key: &str, name: &str) -> i64 {
    let info = server.connect().call(&["TICK.INFO", key]);
    if info.is_error() { 0 } else { info.field(name).int() }
}
