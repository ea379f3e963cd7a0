//! The worst a single command does to the server's event loop, with 5 million events in the window.

use crate::load::series::{self, DAY_MS, START_MS};
use crate::orders;
use crate::slowlog;
use crate::speed::median;
use crate::support::{Client, Server};
use crate::table::Table;

const EVENTS: u64 = 5_000_000;
const PANE_MS: u64 = 300_000;
const KEY: &str = "liq:{WORST}";

pub fn run() {
    println!(
        "Longest single commands: {EVENTS} events in 24 h, default options, microseconds in the server (slow log)."
    );
    println!("Wanted: none over 1,000. A maximum far from the median is the machine taking the processor away.\n");
    let server = Server::start();
    let mut client = server.connect();
    series::create(&mut client, KEY, EVENTS, 1);
    let mut table = Table::new(&["command", "times", "median us", "max us"]);
    let mut now_ms = START_MS + DAY_MS;

    let mut show = |client: &mut Client, name: &str, lines: &[String]| {
        let mut times = slowlog::microseconds(client, lines);
        times.sort_by(f64::total_cmp);
        let longest = times.last().copied().unwrap_or_default();
        table.row(vec![
            name.to_owned(),
            times.len().to_string(),
            format!("{:.0}", median(times)),
            format!("{longest:.0}"),
        ]);
    };

    let add = |ts_ms: u64, place: u64| format!("LIQ.ADD {KEY} {ts_ms} sell {} {}", 64_000 + place % 100, 1_000 + place);
    let lines: Vec<String> = (0..20_000).map(|place| add(now_ms + place * DAY_MS / EVENTS, place)).collect();
    show(&mut client, "LIQ.ADD in order", &lines);
    now_ms += 20_000 * DAY_MS / EVENTS;

    let lines: Vec<String> = (1..=60).map(|minute| add(now_ms + minute * 60_000, minute)).collect();
    show(&mut client, "LIQ.ADD into the next minute", &lines);
    now_ms += 60 * 60_000;

    let lines: Vec<String> = (1..=48).map(|pane| add(now_ms + pane * PANE_MS, pane)).collect();
    show(&mut client, "LIQ.ADD into the next pane", &lines);
    now_ms += 48 * PANE_MS;

    let lines: Vec<String> = (1..=200).map(|place| add(now_ms - place * 250_000, place)).collect();
    show(&mut client, "LIQ.ADD late, into a closed pane", &lines);

    for (name, command) in [
        ("LIQ.PCTL", "LIQ.PCTL {} 50 80 95 99"),
        ("LIQ.RANK", "LIQ.RANK {} 100 5000 25000 1000000"),
        ("LIQ.VWAP", "LIQ.VWAP {} WINDOW 24h BANDS 2"),
        ("LIQ.STATS", "LIQ.STATS {} WINDOW 24h"),
    ] {
        let command = command.replace("{}", KEY);
        show(&mut client, name, &vec![command; 1_000]);
    }
    for name in ["LIQ.PCTL {} 80", "LIQ.RANK {} 25000", "LIQ.VWAP {}", "LIQ.STATS {}"] {
        // No length is asked twice, so that none finds what an earlier question left behind.
        let lines: Vec<String> = (0..60)
            .map(|place| {
                format!(
                    "{} WINDOW {}",
                    name.replace("{}", KEY),
                    64_800_000 + place * PANE_MS + 1_000 * name.len() as u64
                )
            })
            .collect();
        show(&mut client, &format!("{} WINDOW new length", name.replace(" {}", "")), &lines);
    }

    let lines: Vec<String> = (0..40).map(|batch| madd(now_ms, batch)).collect();
    show(&mut client, "LIQ.MADD of 1,000 in order", &lines);
    now_ms += 40 * 1_000 * DAY_MS / EVENTS;

    let idle = vec![add(now_ms + 3 * DAY_MS, 1)];
    show(&mut client, "LIQ.ADD after three idle days", &idle);
    table.print();
    orders::run();
}

fn madd(now_ms: u64, batch: u64) -> String {
    let event = |place: u64| format!(" {} buy 64000 {}", now_ms + place * DAY_MS / EVENTS, 900 + place % 700);
    let events: String = (batch * 1_000..(batch + 1) * 1_000).map(event).collect();
    format!("LIQ.MADD {KEY} EVENTS{events}")
}
