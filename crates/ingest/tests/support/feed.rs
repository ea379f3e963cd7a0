//! Made-up captures: heavy-tailed sizes, a few symbols, repeated rows, some out of order.

use std::fmt::Write;
use std::path::Path;

pub const SYMBOLS: [&str; 5] = ["BTC", "ETH", "SOL", "XRP", "1000PEPE"];

/// Writes a capture of `rows` rows; the same seed gives the same capture.
pub fn capture(path: &Path, rows: usize, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut text = String::with_capacity(rows * 100);
    let mut ts_ms = 1_700_000_000_000_u64;
    let mut last = String::new();
    for _ in 0..rows {
        if random.u8(..) < 8 && !last.is_empty() {
            text.push_str(&last);
            continue;
        }
        ts_ms += random.u64(0..40);
        let late_ms = if random.u8(..) < 5 { random.u64(0..5_000) } else { 0 };
        let symbol = SYMBOLS[random.usize(..SYMBOLS.len())];
        let side = if random.bool() { "SELL" } else { "BUY" };
        let price = 100.0 + random.f64();
        let quantity = (random.f64() * 12.0).exp() / 100.0;
        last.clear();
        let _ = writeln!(
            last,
            "{symbol},{side},LIMIT,IOC,{quantity:.3},{:.2},{price:.2},FILLED,1,{quantity:.3},{},0",
            price * 1.01,
            ts_ms - late_ms
        );
        text.push_str(&last);
    }
    std::fs::write(path, text).expect("the folder is writable");
}
