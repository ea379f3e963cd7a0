//! `make demo`: an hour of generated liquidations through a private server, and what a trader asks of it; the market and
//! its stops are in `chart`.
//!
//! The hour is the one that ended just now, so that commands typed by hand find its events in their windows.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a demonstration")]

mod chart;
mod table;

use std::collections::BTreeMap;
use std::io::IsTerminal as _;
use std::time::Instant;

use liq_harness::{Client, Options, Server};
use liq_sample::{Contract, DOZEN, Liquidation, market};
use table::Table;

/// An hour with a crash in it.
const SEED: u64 = 4;
const HOUR_MS: u64 = 3_600_000;
/// Commands per pipeline.
const BATCH: usize = 256;
const SIGNALS_SHOWN: usize = 8;

fn main() {
    let server = Options::default().tcp().start();
    let mut client = server.connect();
    let (version, port) = (client.info("redis_version"), server.port());
    println!("A private redis-server {version} with the module listens on 127.0.0.1:{port}.\n");

    let start_ms = client.time_ms() - HOUR_MS;
    create(&mut client);
    let events = market(&DOZEN, SEED, start_ms, HOUR_MS);
    replay(&mut client, &events);
    chart::feed(&mut client, &events, start_ms);
    show_sizes(&mut client);
    show_prices(&mut client);
    show_signals(&mut client, start_ms);
    chart::show_candles(&mut client, start_ms);
    chart::show_fires(&mut client, start_ms);
    say_goodbye(&server);
}

fn key(contract: &Contract) -> String {
    format!("liq:{{{}}}", contract.symbol)
}

fn create(client: &mut Client) {
    for contract in &DOZEN {
        client.run(&format!("LIQ.CREATE {} CLOCK EVENT SIGNALS signals", key(contract))).ok();
    }
}

/// Adds the events one by one, in pipelines, and says how they were judged.
fn replay(client: &mut Client, events: &[(Contract, Liquidation)]) {
    let started = Instant::now();
    let mut judged: BTreeMap<String, usize> = BTreeMap::new();
    for batch in events.chunks(BATCH) {
        let lines: Vec<String> = batch
            .iter()
            .map(|(contract, Liquidation { ts_ms, side, price, size })| {
                format!("LIQ.ADD {} {ts_ms} {side} {price} {size} EXCHANGE BINANCE", key(contract))
            })
            .collect();
        for reply in client.pipeline(&lines) {
            *judged.entry(reply.field("status").text()).or_default() += 1;
        }
    }
    let statuses: Vec<String> = judged.iter().map(|(status, count)| format!("{count} {status}")).collect();
    let (symbols, count, took) = (DOZEN.len(), events.len(), started.elapsed().as_millis());
    println!("One hour of liquidations, {symbols} symbols: {count} events ({}), in {took} ms.\n", statuses.join(", "));
}

fn show_sizes(client: &mut Client) {
    println!("Sizes in USD: LIQ.PCTL key 50 80 95 99 WINDOW 1h, LIQ.STATS key WINDOW 1h");
    let mut table =
        Table::new(&["symbol", "events", "p50", "p80", "p95", "p99", "volume", "longs", "shorts", "per minute"]);
    for contract in &DOZEN {
        let percentiles = client.run(&format!("LIQ.PCTL {} 50 80 95 99 WINDOW 1h", key(contract)));
        let stats = client.run(&format!("LIQ.STATS {} WINDOW 1h", key(contract)));
        let volume = stats.field("volume").f64();
        // A sell order closes a long.
        let share = |field: &str| format!("{:.0} %", 100.0 * stats.field(field).f64() / volume);
        let mut row = vec![contract.symbol.to_owned(), stats.field("count").int().to_string()];
        row.extend(percentiles.array().iter().map(|value| table::whole(value.f64())));
        row.extend([table::whole(volume), share("sell_volume"), share("buy_volume")]);
        row.push(format!("{:.1}", stats.field("per_minute").f64()));
        table.row(row);
    }
    table.print();
}

fn show_prices(client: &mut Client) {
    println!("VWAP and two standard deviations: LIQ.VWAP key WINDOW 1h BANDS 2");
    let mut table = Table::new(&["symbol", "vwap", "lower", "upper", "long entry", "short entry"]);
    for contract in &DOZEN {
        let vwap = client.run(&format!("LIQ.VWAP {} WINDOW 1h BANDS 2", key(contract)));
        let price = |field| format!("{:.*}", usize::from(contract.price_decimals), vwap.field(field).f64());
        let mut row = vec![contract.symbol.to_owned()];
        row.extend(["vwap", "lower", "upper", "long_entry", "short_entry"].map(price));
        table.row(row);
    }
    table.print();
}

fn show_signals(client: &mut Client, start_ms: u64) {
    let length = client.run("XLEN signals").int();
    println!("The last of {length} signals: XREVRANGE signals + - COUNT {SIGNALS_SHOWN}");
    let mut table = Table::new(&["minute", "symbol", "signal", "reason", "price", "vwap", "deviation", "size"]);
    for entry in client.run(&format!("XREVRANGE signals + - COUNT {SIGNALS_SHOWN}")).array() {
        let fields = &entry.array()[1];
        let text = |name: &str| fields.field(name).text();
        let number = |name: &str| fields.field(name).f64();
        let second = (number("timestamp") as u64 - start_ms) / 1000;
        let decimals = DOZEN.iter().find(|contract| contract.symbol == text("symbol")).unwrap().price_decimals;
        let price = |name: &str| format!("{:.*}", usize::from(decimals), number(name));
        table.row(vec![
            format!("{:02}:{:02}", second / 60, second % 60),
            text("symbol"),
            text("side"),
            text("entry_reason"),
            price("price"),
            price("vwap"),
            format!("{:+.2} %", number("vwap_deviation")),
            table::whole(number("liquidation_size")),
        ]);
    }
    table.print();
}

fn say_goodbye(server: &Server) {
    let port = server.port();
    println!("Go on by hand:");
    println!("  redis-cli -p {port} LIQ.STATS 'liq:{{BTCUSDT}}' WINDOW 15m");
    println!("  redis-cli -p {port} LIQ.ADD 'liq:{{BTCUSDT}}' '*' sell 62000 250000");
    println!("  redis-cli -p {port} LIQ.INFO 'liq:{{SOLUSDT}}'");
    println!("  redis-cli -p {port} TICK.LAST '{}' WINDOW 1h", chart::KEY);
    println!("  redis-cli -p {port} TRIG.LIST '{}'", chart::KEY);
    if std::io::stdin().is_terminal() {
        println!("\nThe server stays until you press Enter here.");
        let _ = std::io::stdin().read_line(&mut String::new());
    } else {
        println!("\nNo terminal: the server ends now. Run `make demo` in one to keep it.");
    }
}
