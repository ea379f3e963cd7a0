//! Bytes per series by the number of events it holds: what the server's allocator says, and what the module says. And how
//! long memory modes take to give some back.

use std::time::Instant;

use liq_core::liq::request::{NewEvent, encode_events};

use crate::load::series::{self, START_MS};
use crate::slowlog;
use crate::support::{Client, Options};
use crate::table::Table;

/// Events in 24 h, how many equal series to measure, and what is wanted of the bytes.
const SIZES: [(u64, u64, &str); 6] = [
    (0, 1_000, "<= 1 KB"),
    (300, 1_000, "<= 12 KB"),
    (3_000, 200, "<= 120 KB"),
    (144_000, 40, "<= 288 KB"),
    (1_000_000, 4, ""),
    (5_000_000, 2, ""),
];

pub fn run() {
    println!("Memory per series, default options, events over 24 h.\n");
    let server = Options::default().start();
    let mut client = server.connect();
    let mut table = Table::new(&["events", "bytes", "per event", "MEMORY USAGE", "wanted"]);
    for (events, copies, wanted) in SIZES {
        client.run("FLUSHALL").ok();
        let empty = used(&mut client);
        series::create(&mut client, "s:0", events, 1);
        for copy in 1..copies {
            assert_eq!(client.run(&format!("COPY s:0 s:{copy}")).int(), 1);
        }
        let bytes = (used(&mut client) - empty) / copies as f64;
        let claimed = client.run("MEMORY USAGE s:0").f64();
        table.row(vec![
            crate::table::whole(events as f64),
            crate::table::whole(bytes),
            if events > 0 { format!("{:.2}", bytes / events as f64) } else { String::new() },
            crate::table::whole(claimed),
            wanted.to_owned(),
        ]);
    }
    table.print();
    step_down();
}

const SMALL: usize = 10_000;
const LARGE: usize = 4;

/// Memory runs short: until when series have given up detail, and how long commands took meanwhile.
fn step_down() {
    let options = Options::default().line("hz 100").expect_warning("liq: memory mode");
    let server = options.start();
    let mut client = server.connect();
    hour_of_events(&mut client, "small:0", "", 600);
    for copy in 1..SMALL {
        assert_eq!(client.run(&format!("COPY small:0 small:{copy}")).int(), 1);
    }
    for number in 0..LARGE {
        hour_of_events(&mut client, &format!("large:{number}"), "TAIL 65536", 70_000);
    }
    let before = module_bytes(&mut client);
    let begun = Instant::now();
    client.run("CONFIG SET liq.memory-budget 1kb").ok();
    let (mut times, mut bytes, mut rounds, mut last_given) = (Vec::new(), before, 0, begun);
    // It is over when nothing more was given back for a second.
    while last_given.elapsed().as_secs() < 1 || bytes == before {
        times.extend(adds(&mut client, rounds));
        rounds += 1;
        let now = module_bytes(&mut client);
        if now * 1.000_1 < bytes {
            (bytes, last_given) = (now, Instant::now());
        }
    }
    let seconds = (last_given - begun).as_secs_f64();
    // What the machine does to as many of them when nothing is left to give up.
    let quiet: Vec<f64> = (rounds..2 * rounds).flat_map(|round| adds(&mut client, round)).collect();
    println!(
        "\n{SMALL} series of 600 events and {LARGE} of 65,536 give up detail (critical), while others add to them.\n"
    );
    let megabytes = |bytes: f64| format!("{:.1}", bytes / (1 << 20) as f64);
    println!("{} MB before, {} MB after {seconds:.1} s\n", megabytes(before), megabytes(bytes));
    let mut table = Table::new(&["LIQ.ADD", "times", "median us", "99.9 % us", "max us", "wanted"]);
    for (name, mut times, wanted) in [("meanwhile", times, "<= 1,000"), ("afterwards", quiet, "")] {
        times.sort_by(f64::total_cmp);
        let behind = |share: usize| times.get(times.len() * share / 1000).or(times.last()).copied().unwrap_or_default();
        table.row(vec![
            name.to_owned(),
            times.len().to_string(),
            format!("{:.0}", behind(500)),
            format!("{:.0}", behind(999)),
            format!("{:.0}", behind(1000)),
            wanted.to_owned(),
        ]);
    }
    table.print();
}

/// How long 200 adds took, by the server's own measure: one in 50 goes to a large series.
fn adds(client: &mut Client, round: usize) -> Vec<f64> {
    let add = |place: usize| {
        let place = (round + 1) * 200 + place;
        let key = if place.is_multiple_of(50) {
            format!("large:{}", place / 50 % LARGE)
        } else {
            format!("small:{}", place * 7_919 % SMALL)
        };
        format!("LIQ.ADD {key} {} sell 64000 {}", START_MS + 3_600_000 + place as u64, 1_000 + place)
    };
    slowlog::microseconds(client, &(0..200).map(add).collect::<Vec<_>>())
}

fn hour_of_events(client: &mut Client, key: &str, options: &str, count: u64) {
    client.run(&format!("LIQ.CREATE {key} CLOCK EVENT {options}")).ok();
    let events = series::events(1).take(count as usize).enumerate();
    let events: Vec<NewEvent<'_>> = events
        .map(|(place, event)| NewEvent { ts_ms: Some(START_MS + place as u64 * 3_600_000 / count), ..event })
        .collect();
    for batch in events.chunks(10_000) {
        let reply = client.call(&[b"LIQ.MADDPACK", key.as_bytes(), &encode_events(batch)]);
        assert!(!reply.is_error(), "{reply:?}");
    }
}

fn module_bytes(client: &mut Client) -> f64 {
    client.run("LIQ.MEMORY").field("used").f64()
}

fn used(client: &mut Client) -> f64 {
    client.info("used_memory").parse().expect("INFO holds used_memory")
}
