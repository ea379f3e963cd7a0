//! A bot's server as it grew: names without a system, keys that nobody owns, lists that only grow; and what three policies
//! and one audit make of it.

use crate::audits::audit;
use crate::support::server::wait_until;
use crate::support::shifted::{Shifted, sees_nothing_preloaded};
use crate::support::{Client, Options, Server};

const KEYS: i64 = 100_000;

/// As bots write them.
const GROW: &str = r#"
local candle = '{"t":1735689600000,"o":"93500.10","h":"93720.00","l":"93410.55","c":"93650.00","v":"123.456"}'
local candles = '[' .. string.rep(candle .. ',', 60) .. candle .. ']'
local symbols = {'BTC', 'ETH', 'SOL', 'XRP', 'DOGE', 'ADA', 'BNB', 'LTC'}
local frames = {'1m', '5m', '15m', '1h', '4h', '1d'}
local made = 0
local function set(name, value) redis.call('SET', name, value); made = made + 1 end
for _, symbol in ipairs(symbols) do
    for _, frame in ipairs(frames) do
        set(symbol .. '_' .. frame, candle)
        for n = 7, 60 do set(symbol .. '_' .. frame .. '_RSI' .. n, n) end
        set('klines:' .. symbol .. 'USDT:' .. frame, candles)
    end
end
for _, name in ipairs({'last_scan_vol', 'tech_filter_count_in', 'fork_score:approved', 'fork_score:rejected'}) do
    set(name, '42')
end
for i = 1, 5000 do
    redis.call('RPUSH', 'FINAL_TRADES', candle)
    redis.call('HSET', 'SENT_TRADES', 'trade-' .. i, '1')
end
made = made + 2
local kinds = {'temp:job:', 'temp:scan:', 'signal:', 'price:', 'user_state_', 'perf:'}
local i = 0
while made < tonumber(ARGV[1]) do
    i = i + 1
    set(kinds[i % #kinds + 1] .. i, candle)
end
return made
"#;

const POLICIES: [&str; 3] = [
    "KEYS.POLICY SET temp: TTL 1h APPLY",
    "KEYS.POLICY SET price: TTL 10s MAXTTL 1m APPLY",
    "KEYS.POLICY SET FINAL_TRADES TYPE list MAXITEMS 1000",
];

fn grow(server: &Server) -> Client {
    let mut client = server.connect();
    assert_eq!(client.call(&["EVAL", GROW, "0", &KEYS.to_string()]).int(), KEYS);
    for line in POLICIES {
        client.run(line).ok();
    }
    client
}

#[test]
fn three_policies_and_an_audit_put_a_grown_server_in_order() {
    let server = Server::with(&["lua-time-limit 0"]);
    let mut client = grow(&server);
    let status = audit(&mut client);
    assert_eq!(status.field("scanned").int(), KEYS);
    let report = client.run("KEYS.AUDIT REPORT BY no_ttl COUNT 100");
    let row = |name: &str| {
        let rows = report.field("rows").array();
        rows.iter().find(|row| row.field("prefix").text() == name).unwrap_or_else(|| panic!("no {name}")).clone()
    };
    let ruled = row("temp:").field("keys").int() + row("price:").field("keys").int();
    assert_eq!(status.field("given").int(), ruled);
    assert_eq!(row("FINAL_TRADES").field("broken").field("MAXITEMS").int(), 1);
    let bare = client.run("KEYS.AUDIT REPORT PREFIX (none)");
    assert!(bare.field("keys").int() > 2_000 && bare.field("policy").is_null(), "{bare:?}");
    let largest = bare.field("largest").array()[0].array();
    assert_eq!(largest[0].text(), "SENT_TRADES");
    assert_eq!(report.field("unregistered").int(), KEYS - ruled - 1);
    assert_eq!(row("klines:").field("measured").int(), 48, "large values are all measured");
    // Nothing under an applied policy lacks an expiry now.
    audit(&mut client);
    for name in ["temp:", "price:"] {
        let left = client.run(&format!("KEYS.AUDIT REPORT PREFIX {name}"));
        assert_eq!((left.field("no_ttl").int(), left.field("broken").fields().len()), (0, 0), "{name}");
    }
    assert_eq!(client.run("LLEN FINAL_TRADES").int(), 5_000, "nothing is trimmed");
}

#[test]
fn a_day_later_the_dead_keys_are_gone() {
    let shifted = Shifted::start(Options::default().lines(&["hz 100", "lua-time-limit 0"]));
    if sees_nothing_preloaded(&shifted) {
        return;
    }
    let mut client = grow(&shifted.server);
    let dead = audit(&mut client).field("given").int();
    assert!(dead > 40_000 / 2, "{dead}");
    shifted.set_clock(86_400 * 1_000_000);
    wait_until("they expire", || client.run("DBSIZE").int() <= KEYS - dead * 99 / 100);
}
