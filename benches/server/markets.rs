//! `TICK.*` and `CANDLE.*` beside SET, beside the same in Lua, and what rows and memory cost.

use crate::load::markets::{LUA_TICK, START_MS, STEP_MS, late, lua, madd, one_by_one, pack, packed};
use crate::load::workload::{add, over_keys, set};
use crate::load::{Workload, series};
use crate::slowlog;
use crate::speed::{measure, median};
use crate::support::{Client, Options, Server};
use crate::table::{Table, whole};
use crate::{rivals, triggers};

/// Ticks that every market has seen before it is measured: more than a day, at 1,200 a minute.
const SEEN: u64 = 1_800_000;
const BATCH: usize = 50_000;
/// Events that a series holds beside them.
const EVENTS_PER_DAY: u64 = 144_000;

pub fn run() {
    let rounds: usize = std::env::var("ROUNDS").map_or(5, |text| text.parse().expect("ROUNDS is a number"));
    println!(
        "Markets after {SEEN} ticks, default options, as multiples of SET's server CPU and throughput, pipeline 16.\n"
    );
    let server = rivals::load(Options::default().tcp()).start();
    let mut client = server.connect();
    seed(&mut client);
    let hash = client.call(&["SCRIPT", "LOAD", LUA_TICK]).text();
    let over = |name, wanted, line| over_keys(name, wanted, "read", 10, line);
    let mut workloads = vec![
        set(),
        one_by_one("TICK.ADD, 10 markets", "<= 1.2, >= 0.9", "TICK.ADD", "add", 10, SEEN),
        one_by_one("TICK.ADD, 500 markets", "", "TICK.ADD", "many", 500, SEEN),
        late("TICK.ADD, late by a minute", "<= 1.3", "late", SEEN, 60_000),
        late("TICK.ADD, late by ten hours", "", "older", SEEN, 36_000_000),
        madd("TICK.MADD of 100, per tick: TICKS", "<= 0.25", "madd", SEEN, 100),
        pack("TICK.MADD of 100, per tick: PACK", "<= 0.10", "pack", SEEN, 100),
        over_keys("TICK.QUOTE", "", "quote", 10, "TICK.QUOTE {} * BID 61755.6 2 ASK 61755.7 0.5"),
        over("TICK.LAST", "<= 1.1", "TICK.LAST {}"),
        over("TICK.LAST FULL", "<= 1.7", "TICK.LAST {} FULL"),
        over("TICK.LAST WINDOW 24h", "<= 5", "TICK.LAST {} WINDOW 24h"),
        over("CANDLE.RANGE, the newest 1m", "<= 5", "CANDLE.RANGE {} 1m COUNT 1"),
        lua("price, 5 intervals and tail in Lua", "37 … 50", hash),
    ];
    workloads.extend(beside_markets(&mut client));
    workloads.extend(rivals::market_workloads(&mut client, SEEN, BATCH));
    measure(&server, &mut workloads, rounds, "command");
    triggers::run(&server, &mut client, SEEN, rounds);
    rows(&mut client);
    memory(&server);
}

/// One market that has seen everything, and copies of it.
fn seed(client: &mut Client) {
    client.run("TICK.CREATE read:0 CLOCK EVENT").ok();
    for first in (0..SEEN).step_by(BATCH) {
        let reply = client.call(&[b"TICK.MADD".as_slice(), b"read:0", b"PACK", &packed(first, BATCH)]);
        assert_eq!(reply.field("accepted").int(), BATCH as i64, "{reply:?}");
    }
    for (prefix, keys) in [
        ("read", 10),
        ("add", 10),
        ("many", 500),
        ("late", 10),
        ("older", 10),
        ("madd", 10),
        ("pack", 10),
        ("quote", 10),
    ] {
        for key in 0..keys {
            client.run(&format!("COPY read:0 {prefix}:{key}"));
        }
    }
}

/// Series that judge by a market of their own, beside the same without.
fn beside_markets(client: &mut Client) -> [Workload; 2] {
    for prefix in ["alone", "beside"] {
        series::create(client, &format!("{prefix}:0"), EVENTS_PER_DAY, 1);
        for key in 1..10 {
            assert_eq!(client.run(&format!("COPY {prefix}:0 {prefix}:{key}")).int(), 1);
        }
    }
    for key in 0..10 {
        client.run(&format!("LIQ.ALTER beside:{key} MARKET read:{key}")).ok();
    }
    [
        add("LIQ.ADD", "<= 1.0", "alone", 10, EVENTS_PER_DAY, ""),
        add("LIQ.ADD beside a market", "", "beside", 10, EVENTS_PER_DAY, ""),
    ]
}

/// Microseconds in the server of answers of many rows.
fn rows(client: &mut Client) {
    let mut table = Table::new(&["command", "rows", "median us", "max us", "us per row", "wanted"]);
    let last_ms = START_MS + SEEN * STEP_MS;
    let between = format!("{} {last_ms}", last_ms - 499 * 60_000);
    for (command, wanted) in [
        ("CANDLE.RANGE {} 1m COUNT 500".to_owned(), "<= 0.6"),
        ("CANDLE.RANGE {} 1m COUNT 500 AS ohlcv".to_owned(), "<= 0.35"),
        ("CANDLE.RANGE {} 1m COUNT 500 AS pack".to_owned(), "<= 0.15"),
        (format!("CANDLE.RANGE {{}} 1m {between} REV AS ohlcv"), ""),
        ("CANDLE.RANGE {} 1h COUNT 500".to_owned(), ""),
        ("CANDLE.RANGE {} 1m COUNT 500 AS pack STUDY RSI 14 STUDY BB 20 2".to_owned(), ""),
        ("TICK.RANGE {} - + COUNT 4096".to_owned(), ""),
    ] {
        let line = command.replace("{}", "read:0");
        let reply = client.run(&line);
        let count = if command.contains("pack") { 500 } else { reply.array().len() };
        let times = slowlog::microseconds(client, &vec![line; 50]);
        let (middle, most) = (median(times.clone()), times.iter().copied().fold(0.0, f64::max));
        table.row(vec![
            command.replace(" {}", ""),
            count.to_string(),
            format!("{middle:.0}"),
            format!("{most:.0}"),
            format!("{:.3}", middle / count as f64),
            wanted.to_owned(),
        ]);
    }
    table.print();
}

/// What a day of minutes takes.
fn memory(server: &Server) {
    let mut client = server.connect();
    client.run("TICK.CREATE empty").ok();
    client.run("TICK.CREATE bare CLOCK EVENT TAIL 0").ok();
    for first in (0..SEEN).step_by(BATCH) {
        client.call(&[b"TICK.MADD".as_slice(), b"bare", b"PACK", &packed(first, BATCH)]);
    }
    let mut table = Table::new(&["market", "MEMORY USAGE", "wanted"]);
    for (name, key, wanted) in [
        ("empty", "empty", "<= 2,048"),
        ("1,500 minutes, nine columns, no tail", "bare", "<= 69,632"),
        ("the same with 4,096 raw ticks and ids", "read:0", ""),
    ] {
        let bytes = client.run(&format!("MEMORY USAGE {key} SAMPLES 0")).f64();
        table.row(vec![name.to_owned(), whole(bytes), wanted.to_owned()]);
    }
    table.print();
}
