//! What the order of events and the windows asked for do to a command's cost.

use crate::load::series::START_MS;
use crate::slowlog;
use crate::speed::median;
use crate::support::{Client, Server};
use crate::table::Table;

const BATCH: u64 = 65_536;
const TAILS: [u64; 3] = [256, 4096, 65_536];

type Order = fn(u64) -> u64;

const ORDERS: [(&str, Order); 6] = [
    ("in order", |n| n * 1_000),
    ("newest first", |n| (BATCH - n) * 1_000),
    ("shuffled", |n| n * 40_503 % BATCH * 1_000),
    ("shuffled, 10 ms apart", |n| n * 40_503 % BATCH * 10),
    ("all of one millisecond", |_| 0),
    ("two milliseconds in turn", |n| n % 2),
];

pub fn run() {
    let server = Server::start();
    let mut client = server.connect();
    batches(&mut client);
    windows_in_turn(&mut client);
}

/// Milliseconds of one command, and how many times those of the same events in order at the default TAIL.
fn batches(client: &mut Client) {
    println!("\nOne LIQ.MADD of {BATCH} events, ms in the server, and x the same in order at TAIL 4096.");
    println!("Wanted: <= 5 x at TAIL 4096; at 65536 <= 2 x in order, and <= 10 x that in any other.\n");
    let mut table = Table::new(&["order", "TAIL 256", "x", "TAIL 4096", "x", "TAIL 65536", "x"]);
    let base_us = batch_us(client, 4096, ORDERS[0].1);
    for (name, order) in ORDERS {
        let mut cells = vec![name.to_owned()];
        for tail in TAILS {
            let us = batch_us(client, tail, order);
            cells.extend([format!("{:.0}", us / 1_000.0), format!("{:.1}", us / base_us)]);
        }
        table.row(cells);
    }
    table.print();
}

/// The median of three.
fn batch_us(client: &mut Client, tail: u64, order: Order) -> f64 {
    let events: String = (0..BATCH)
        .map(|n| {
            format!(" {} {} {} {}", START_MS + order(n), ["buy", "sell"][n as usize % 2], 64_000 + n % 997, 900 + n)
        })
        .collect();
    let times = (0..3).map(|_| {
        client.run("DEL orders");
        client.run(&format!("LIQ.CREATE orders TAIL {tail} CLOCK EVENT")).ok();
        slowlog::microseconds(client, &[format!("LIQ.MADD orders EVENTS{events}")])[0]
    });
    median(times.collect())
}

fn windows_in_turn(client: &mut Client) {
    println!("\nA day of 144,000 events: windows asked in turn beside adds, us in the server.");
    println!("Wanted: <= 5 each.\n");
    let mut table = Table::new(&["command", "times", "median us", "max us"]);
    let mut now_ms = START_MS;
    client.run("DEL turns");
    client.run("LIQ.CREATE turns CLOCK EVENT").ok();
    for _ in 0..144 {
        let events: String =
            (0..1_000).map(|n| format!(" {} sell {} {}", now_ms + n * 600, 64_000 + n, 900 + n)).collect();
        client.run(&format!("LIQ.MADD turns EVENTS{events}"));
        now_ms += 600_000;
    }
    let hours = [1, 2, 3, 4, 5, 6, 8, 10, 12, 14, 16, 18, 20, 21, 22, 23];
    for command in ["LIQ.PCTL turns 80", "LIQ.VWAP turns"] {
        let ask = |hour: u64| format!("{command} WINDOW {hour}h");
        slowlog::microseconds(client, &hours.map(ask));
        let mut times = Vec::new();
        for round in 0..30 {
            client.run(&format!("LIQ.ADD turns {} sell 64000 {}", now_ms + round, 1_000 + round));
            times.extend(slowlog::microseconds(client, &hours.map(ask)));
        }
        show(&mut table, &format!("{command}, 16 windows"), times);
        now_ms += 30;
    }
    table.print();
}

fn show(table: &mut Table, name: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let longest = times.last().copied().unwrap_or_default();
    let count = times.len().to_string();
    table.row(vec![name.to_owned(), count, format!("{:.0}", median(times)), format!("{longest:.0}")]);
}
