//! The market beside the liquidations: BTCUSDT's fills as trades, a chart's candles of them, and stops that the crash
//! reaches.
//!
//! Trades begin on a full hour, wherever the hour of the liquidations lies, so that candles of ten minutes are the same in
//! every run.

use liq_harness::Client;
use liq_sample::{Contract, Liquidation};

use crate::table::Table;
use crate::{BATCH, HOUR_MS};

pub const KEY: &str = "tick:{BTCUSDT}";
const FIRES: &str = "fires:{BTCUSDT}";
const SYMBOL: &str = "BTCUSDT";
const INTERVAL: &str = "10m";
/// Positions and what protects them.
const STOPS: [(&str, &str); 4] = [
    ("ann:pos1", "LONG SL 63500 TP 66000"),
    ("bob:pos4", "LONG TRAILPCT 0.8"),
    ("cyd:pos2", "SHORT SL 65500 TP 63000"),
    ("dee:pos9", "LONG SL 60000"),
];

/// Feeds the market with the fills of one contract.
pub fn feed(client: &mut Client, events: &[(Contract, Liquidation)], start_ms: u64) {
    client.run(&format!("TICK.CREATE {KEY} CLOCK EVENT FIRES {FIRES}")).ok();
    let lines: Vec<String> = events
        .iter()
        .filter(|(contract, _)| contract.symbol == SYMBOL)
        .map(|(_, Liquidation { ts_ms, side, price, size })| {
            format!("TICK.ADD {KEY} {} {side} {price} {:.3}", full_hour(start_ms) + ts_ms - start_ms, size / price)
        })
        .collect();
    let (first, rest) = lines.split_first().expect("the hour has trades");
    client.run(first);
    for (id, legs) in STOPS {
        client.run(&format!("TRIG.SET {KEY} {id} {legs}"));
    }
    for batch in rest.chunks(BATCH) {
        client.pipeline(batch);
    }
    // Time has passed: the last candle is over.
    client.run(&format!("TICK.QUOTE {KEY} {}", full_hour(start_ms) + HOUR_MS + 2_000));
}

/// What a chart draws.
pub fn show_candles(client: &mut Client, start_ms: u64) {
    println!("Candles of BTCUSDT's fills: CANDLE.RANGE {KEY} {INTERVAL} STUDY EMA 3");
    let mut table = Table::new(&["minute", "open", "high", "low", "close", "volume", "trades", "bought", "ema 3"]);
    for row in client.run(&format!("CANDLE.RANGE {KEY} {INTERVAL} STUDY EMA 3")).array() {
        let column = |place: usize| row.array()[place].clone();
        let share = 100.0 * column(9).f64() / column(5).f64();
        let mut cells = vec![minute(column(0).int() as u64, start_ms)];
        cells.extend((1..=4).map(|place| format!("{:.1}", column(place).f64())));
        cells.push(format!("{:.3}", column(5).f64()));
        cells.extend([column(8).int().to_string(), format!("{share:.0} %")]);
        // Null until there are candles enough.
        cells.push(if column(12).is_null() { String::new() } else { format!("{:.1}", column(12).f64()) });
        table.row(cells);
    }
    table.print();
}

/// The stops that were reached, at the trade that reached them.
pub fn show_fires(client: &mut Client, start_ms: u64) {
    let armed = client.run(&format!("TICK.INFO {KEY}")).field("armed").int();
    println!("Stops that fired, {armed} of {} still armed: XRANGE {FIRES} - +", STOPS.len());
    let mut table = Table::new(&["minute", "position", "side", "cause", "level", "price", "extreme"]);
    for entry in client.run(&format!("XRANGE {FIRES} - +")).array() {
        let fields = &entry.array()[1];
        let text = |name: &str| fields.field(name).text();
        let at = minute(text("timestamp").parse().expect("a time"), start_ms);
        let cells = ["id", "side", "cause", "level", "price", "extreme"].map(text);
        table.row(std::iter::once(at).chain(cells).collect());
    }
    table.print();
}

const fn full_hour(ms: u64) -> u64 {
    ms / HOUR_MS * HOUR_MS
}

/// Minutes and seconds since the market began.
fn minute(ts_ms: u64, start_ms: u64) -> String {
    let second = (ts_ms - full_hour(start_ms)) / 1000;
    format!("{:02}:{:02}", second / 60, second % 60)
}
