//! The streams of requests that markets are measured with.

use std::fmt::Write as _;

use liq_core::grammar::Decimal;
use liq_core::market::request::{NewTick, encode_ticks};
use liq_core::market::tape::{Id, Side};

use super::resp;
use super::workload::Workload;

/// When every market begins, Unix ms.
pub const START_MS: u64 = 1_735_689_600_000;

/// The same in Lua as lean as it can be: the price, candles of five intervals with volumes, and the newest 4,096 ticks.
/// KEYS: price, tail, then a hash of candles for each interval; ARGV: ts, side, price, qty, id.
pub const LUA_TICK: &str = "\
    local ts, price, qty = tonumber(ARGV[1]), tonumber(ARGV[3]), tonumber(ARGV[4]) \
    redis.call('HSET', KEYS[1], 'price', ARGV[3], 'ts', ARGV[1], 'id', ARGV[5]) \
    redis.call('LPUSH', KEYS[2], table.concat(ARGV, ' ')) \
    redis.call('LTRIM', KEYS[2], 0, 4095) \
    local widths = {60000, 300000, 900000, 3600000, 86400000} \
    for place = 1, 5 do \
        local start = ts - ts % widths[place] \
        local candle = redis.call('HGET', KEYS[2 + place], start) \
        local o, h, l, c, v, q, n = price, price, price, price, 0, 0, 0 \
        if candle then o, h, l, c, v, q, n = struct.unpack('ddddddd', candle) end \
        if price > h then h = price end \
        if price < l then l = price end \
        redis.call('HSET', KEYS[2 + place], start, struct.pack('ddddddd', o, h, l, price, v + qty, q + price * qty, n + 1)) \
    end \
    return 'accepted'";

/// How far apart ticks are in every market, ms: 1,200 a minute.
pub const STEP_MS: u64 = 50;

/// The tick at `place` of a market's tape.
pub fn tick(place: u64) -> (u64, &'static str, String, String) {
    let random = place.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33;
    let price = 61_000 + (place / 400 % 1_000) + random % 7;
    let side = if random.is_multiple_of(2) { "buy" } else { "sell" };
    (START_MS + place * STEP_MS, side, format!("{price}.{}0", random % 10), format!("0.{:03}", random % 999 + 1))
}

/// `head`, a key, and the next tick of that key with its id: `keys` markets in turn.
pub fn one_by_one(
    name: &'static str,
    wanted: &'static str,
    head: &'static str,
    prefix: &'static str,
    keys: u64,
    begin: u64,
) -> Workload {
    let mut turn = 0;
    Workload::new(name, wanted, 1, move |out| {
        let (key, place) = (turn % keys, begin + turn / keys);
        turn += 1;
        let (ts_ms, side, price, qty) = tick(place);
        resp::line(out, &format!("{head} {prefix}:{key} {ts_ms} {side} {price} {qty} ID {place}"));
    })
}

/// A tick that is `back_ms` late.
pub fn late(name: &'static str, wanted: &'static str, prefix: &'static str, begin: u64, back_ms: u64) -> Workload {
    let mut turn = 0_u64;
    Workload::new(name, wanted, 1, move |out| {
        let (key, place) = (turn % 10, begin + turn / 10);
        turn += 1;
        let (ts_ms, side, price, qty) = tick(place);
        let late_ms = START_MS + begin * STEP_MS - back_ms + ts_ms % 20_000;
        resp::line(out, &format!("TICK.ADD {prefix}:{key} {late_ms} {side} {price} {qty}"));
    })
}

/// `TICK.MADD … TICKS` of `batch` ticks for one of ten markets.
pub fn madd(name: &'static str, wanted: &'static str, prefix: &'static str, begin: u64, batch: usize) -> Workload {
    let mut turn = 0;
    Workload::new(name, wanted, batch, move |out| {
        let (key, first) = (turn % 10, begin + turn / 10 * batch as u64);
        turn += 1;
        let mut line = format!("TICK.MADD {prefix}:{key} IDS TICKS");
        for place in first..first + batch as u64 {
            let (ts_ms, side, price, qty) = tick(place);
            write!(line, " {ts_ms} {side} {price} {qty} {place}").unwrap();
        }
        resp::line(out, &line);
    })
}

/// `TICK.MADD … PACK` of `batch` ticks for one of ten markets.
pub fn pack(name: &'static str, wanted: &'static str, prefix: &'static str, begin: u64, batch: usize) -> Workload {
    let mut turn = 0;
    Workload::new(name, wanted, batch, move |out| {
        let (key, first) = (turn % 10, begin + turn / 10 * batch as u64);
        turn += 1;
        let key = format!("{prefix}:{key}");
        resp::request(out, &[b"TICK.MADD".as_slice(), key.as_bytes(), b"PACK", &packed(first, batch)]);
    })
}

/// `TS.MADD` of `batch` ticks for one of ten pairs of time series, prices and quantities; each with a rule.
pub fn time_series(name: &'static str, wanted: &'static str, batch: usize) -> Workload {
    let mut turn = 0;
    Workload::new(name, wanted, batch, move |out| {
        let (key, first) = (turn % 10, turn / 10 * batch as u64);
        turn += 1;
        let mut line = "TS.MADD".to_owned();
        for place in first..first + batch as u64 {
            let (ts_ms, _, price, qty) = tick(place);
            write!(line, " ts:p:{key} {ts_ms} {price} ts:q:{key} {ts_ms} {qty}").unwrap();
        }
        resp::line(out, &line);
    })
}

/// Ticks from `first` on as MessagePack.
pub fn packed(first: u64, count: usize) -> Vec<u8> {
    let decimal = |text: &str| Decimal::parse(text.as_bytes()).unwrap();
    let ticks: Vec<_> = (first..first + count as u64)
        .map(|place| {
            let (ts_ms, side, price, qty) = tick(place);
            NewTick {
                ts_ms: Some(ts_ms),
                side: if side == "buy" { Side::Buy } else { Side::Sell },
                price: Some(decimal(&price)),
                qty: decimal(&qty),
                id: Id::Numbers { first: place, last: place },
            }
        })
        .collect();
    encode_ticks(&ticks)
}

/// The script under its hash, for ten markets.
pub fn lua(name: &'static str, wanted: &'static str, hash: String) -> Workload {
    let mut turn = 0;
    Workload::new(name, wanted, 1, move |out| {
        let (key, place) = (turn % 10, turn / 10);
        turn += 1;
        let (ts_ms, side, price, qty) = tick(place);
        let keys = ["p", "t", "1", "2", "3", "4", "5"].map(|part| format!("lua:{part}:{key}")).join(" ");
        resp::line(out, &format!("EVALSHA {hash} 7 {keys} {ts_ms} {side} {price} {qty} {place}"));
    })
}
