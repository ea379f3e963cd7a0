//! The policy file of the guide `docs/guides/keys-in-order.md`, as it stands there, on a server with the keys of a trading
//! system.

use crate::audits::audit;
use crate::policies::PARAMETER;
use crate::support::Options;

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/guides/keys-in-order.md");

/// A key, how it is written, and the longest it may stay, s; 0 for as long as it likes.
const KEYS: [(&str, &str, i64); 20] = [
    ("market:ticker:BTCUSDT", "SET {} 42150.5", 2),
    ("market:book:BTCUSDT", "HSET {} bid 1 ask 2", 2),
    ("market:klines:BTCUSDT:1m", "SET {} [] EX 30", 30),
    ("market:klines:BTCUSDT:1d", "SET {} [] EX 10800", 10_800),
    ("market:klines:BTCUSDT:1w", "SET {} [] EX 604800", 10_800),
    ("market:depth", "SET {} x", 30),
    ("analysis:BTCUSDT", "SET {} x", 60),
    ("analysis:ETHUSDT", "SET {} x EX 300", 300),
    ("signal:1735689600000", "HSET {} side buy", 86_400),
    ("session:7f3a", "HSET {} user ann", 86_400),
    ("perf:loop", "SET {} 1.2", 30),
    ("ratelimit:ip:10.0.0.1", "INCR {}", 900),
    ("queue:orders", "RPUSH {} job", 0),
    ("ws:sub:BTCUSDT", "SADD {} web-1", 0),
    ("cache:top", "SET {} x", 3_600),
    ("price:BTCUSDT", "SET {} 42150.5", 10),
    ("tick:BTCUSDT", "RPUSH {} t", 300),
    ("candle:BTCUSDT:1h", "SET {} x", 3_600),
    ("calm:BTCUSDT", "SET {} 1", 3_600),
    ("last_scan_vol", "SET {} 1", 0),
];

#[test]
fn the_policy_file_of_the_guide_keeps_a_trading_systems_keys_in_order() {
    let guide = std::fs::read_to_string(GUIDE).unwrap();
    let line = guide.lines().find(|line| line.starts_with(PARAMETER)).expect("the guide shows the line");
    let server = Options::default().line(line).start();
    let mut client = server.connect();
    for (key, line, stays_s) in KEYS {
        assert!(!client.run(&line.replace("{}", key)).is_error(), "{line}");
        let left_ms = client.run(&format!("PTTL {key}")).int();
        if stays_s == 0 {
            assert_eq!(left_ms, -1, "{key}");
        } else {
            assert!((1..=stays_s * 1_000).contains(&left_ms), "{key}: {left_ms} ms");
            assert!(left_ms > stays_s * 1_000 - 60_000, "{key}: {left_ms} ms");
        }
    }
    client.run("PERSIST session:7f3a");
    assert!(client.run("PTTL session:7f3a").int() > 0, "PERSIST does not last");
    client.run("SET session:odd text").ok();
    audit(&mut client);
    let report = client.run("KEYS.AUDIT REPORT BY broken COUNT 1");
    assert_eq!(report.field("unregistered").int(), 1);
    assert_eq!(report.field("broken").int(), 1);
    assert_eq!(report.field("rows").array()[0].field("prefix").text(), "session:");
}
