//! Bytes per series by the number of events it holds: what the server's allocator says, and what the module says.

use crate::load::series;
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
}

fn used(client: &mut Client) -> f64 {
    client.info("used_memory").parse().expect("INFO holds used_memory")
}
