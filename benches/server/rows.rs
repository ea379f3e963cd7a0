//! What commands cost that answer or take many rows: microseconds of the server per row.

use liq_core::liq::request::encode_events;

use crate::load::series::{self, DAY_MS, START_MS};
use crate::slowlog;
use crate::speed::median;
use crate::support::{Client, Server};
use crate::table::Table;

const PER_DAY: u64 = 144_000;
const KEY: &str = "liq:{ROWS}";
const REPEATS: usize = 50;

pub fn run() {
    println!("Cost per row: {PER_DAY} events in 24 h, default options, microseconds in the server (slow log).\n");
    let server = Server::start();
    let mut client = server.connect();
    series::create(&mut client, KEY, PER_DAY, 1);
    let mut table = Table::new(&["command", "rows", "median us", "max us", "us per row"]);
    for command in [
        "LIQ.RANGE {} - +",
        "LIQ.RANGE {} - + COUNT 4096",
        "LIQ.STATS {} WINDOW 24h BUCKET 5m",
        "LIQ.STATS {} WINDOW 24h BUCKET 1h",
        "LIQ.STATS {} WINDOW 24h BY EXCHANGE",
        "LIQ.HIST {}",
    ] {
        let line = command.replace("{}", KEY);
        let rows = client.run(&line).array().len() / if command.contains("BY EXCHANGE") { 2 } else { 1 };
        let times = slowlog::microseconds(&mut client, &vec![line; REPEATS]);
        add_row(&mut table, &command.replace(" {}", ""), rows, times);
    }
    full_batches(&mut client, &mut table);
    table.print();
}

/// Batches of as many events as one call may bring: in order, and spread over the whole window.
fn full_batches(client: &mut Client, table: &mut Table) {
    const FULL: usize = 65_536;
    let spread = |first_ms: u64, span_ms: u64| {
        let events: Vec<_> = series::events(3)
            .take(FULL)
            .enumerate()
            .map(|(place, event)| liq_core::liq::request::NewEvent {
                ts_ms: Some(first_ms + place as u64 * span_ms / FULL as u64),
                ..event
            })
            .collect();
        encode_events(&events)
    };
    let now_ms = START_MS + DAY_MS;
    for (name, payload) in [
        ("LIQ.MADDPACK, all late, over 23 h", spread(now_ms - 23 * 3_600_000, 23 * 3_600_000)),
        ("LIQ.MADDPACK in order", spread(now_ms, DAY_MS / 2)),
    ] {
        client.run("CONFIG SET slowlog-log-slower-than 0").ok();
        client.run("SLOWLOG RESET").ok();
        let reply = client.call(&[b"LIQ.MADDPACK".as_slice(), KEY.as_bytes(), &payload]);
        assert!(!reply.is_error(), "{reply:?}");
        let newest = client.run("SLOWLOG GET 1").array()[0].array()[2].f64();
        add_row(table, name, FULL, vec![newest]);
    }
    client.run("CONFIG SET slowlog-log-slower-than -1").ok();
}

fn add_row(table: &mut Table, name: &str, rows: usize, times: Vec<f64>) {
    let longest = times.iter().copied().fold(0.0, f64::max);
    let middle = median(times);
    table.row(vec![
        name.to_owned(),
        rows.to_string(),
        format!("{middle:.0}"),
        format!("{longest:.0}"),
        format!("{:.3}", middle / rows as f64),
    ]);
}
