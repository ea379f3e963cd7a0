//! `RL.CHECK` beside SET, beside the same in Lua, and beside redis-cell when `REDIS_CELL_SO` names its file.

use crate::load::limits::{LUA_GCRA, line, lua};
use crate::load::workload::set;
use crate::speed::measure;
use crate::support::module::load_line;
use crate::support::{Client, Options};
use crate::table::{Table, whole};

/// A unit returns every 86 seconds: keys stay through the run, as those of SET do.
const ONE: &str = "LIMIT 1000 PERIOD 1d";
const THREE: &str = "LIMIT 100 PERIOD 1h ALIGNED LIMIT 50 PERIOD 10m LIMIT 1000 PERIOD 1d ALIGNED";
/// None returns while the benchmark runs.
const SPENT: &str = "LIMIT 1 PERIOD 1d";

pub fn run() {
    let rounds: usize = std::env::var("ROUNDS").map_or(5, |text| text.parse().expect("ROUNDS is a number"));
    println!("Rate limits on 100,000 keys, as multiples of SET's server CPU and throughput, pipeline 16.\n");
    let cell = std::env::var("REDIS_CELL_SO").ok();
    let options =
        cell.iter().fold(Options::default().tcp(), |options, path| options.line(load_line(path.as_ref(), "")));
    let server = options.start();
    let mut client = server.connect();
    for key in 0..100_000 {
        // Sent one by one they would take longer than the measurement.
        if key % 1_000 == 0 {
            let lines: Vec<String> = (key..key + 1_000)
                .flat_map(|key| {
                    [format!("RL.CREATE made:{key:012} {ONE}"), format!("RL.CHECK spent:{key:012} {SPENT}")]
                })
                .collect();
            client.pipeline(&lines);
        }
    }
    let hash = client.call(&["SCRIPT", "LOAD", LUA_GCRA]).text();
    let mut workloads = vec![
        set(),
        line("RL.CHECK, one limit", "<= 0.8, >= 0.9", "RL.CHECK", "one", ONE),
        line("RL.CHECK, three limits", "<= 1.2", "RL.CHECK", "three", THREE),
        line("RL.CHECK, limits stored", "", "RL.CHECK", "made", ""),
        line("RL.CHECK, one limit, denied", "", "RL.CHECK", "spent", SPENT),
        line("RL.CHECK, one sliding limit", "", "RL.CHECK", "slide", "LIMIT 1000 PERIOD 1d SLIDING"),
        line("RL.PEEK, limits stored", "", "RL.PEEK", "made", ""),
        lua("the same limit in Lua", hash.clone(), "86400000 1000 1"),
    ];
    if cell.is_some() {
        workloads.push(line("CL.THROTTLE of redis-cell", "", "CL.THROTTLE", "cell", "999 1000 86400"));
        workloads.push(line("CL.THROTTLE of redis-cell, denied", "", "CL.THROTTLE", "cellspent", "0 1 86400"));
    }
    measure(&server, &mut workloads, rounds, "command");
    bytes_per_key(&mut client);
}

fn bytes_per_key(client: &mut Client) {
    let mut table = Table::new(&["one key with", "MEMORY USAGE", "wanted"]);
    for (name, wanted, limits) in [
        ("one limit", "<= 120", ONE),
        ("three limits", "", THREE),
        ("eight limits", "", EIGHT),
        ("one sliding limit, one use", "", "LIMIT 1000 PERIOD 1d SLIDING"),
    ] {
        client.run(&format!("RL.CHECK user:1234567 {limits}"));
        let bytes = client.run("MEMORY USAGE user:1234567").f64();
        client.run("DEL user:1234567");
        table.row(vec![name.to_owned(), whole(bytes), wanted.to_owned()]);
    }
    table.print();
}

const EIGHT: &str = "LIMIT 9 PERIOD 1s LIMIT 9 PERIOD 2s LIMIT 9 PERIOD 3s LIMIT 9 PERIOD 4s \
                     LIMIT 9 PERIOD 5s LIMIT 9 PERIOD 6s LIMIT 9 PERIOD 7s LIMIT 9 PERIOD 8s";
