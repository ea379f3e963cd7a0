//! Server CPU and throughput of each command as multiples of SET's: pipeline 16, 50 connections, interleaved rounds.

use std::time::Instant;

use crate::load::{Connections, Workload, series, workload};
use crate::rivals;
use crate::support::{Client, Options, Server};
use crate::table::Table;

const CONNECTIONS: usize = 50;
const PIPELINE: usize = 16;
/// Events (or requests without events) per workload and round.
const EVENTS: usize = 160_000;
const PER_DAY: u64 = 144_000;
/// Fits the raw tail of 4,096 events, so that every answer is exact.
const EXACT_PER_DAY: u64 = 4_000;

/// What one round of one workload took, per event.
#[derive(Clone, Copy)]
struct Cost {
    cpu_us: f64,
    wall_us: f64,
}

pub fn run() {
    let rounds: usize = std::env::var("ROUNDS").map_or(5, |text| text.parse().expect("ROUNDS is a number"));
    println!("Server CPU and throughput as multiples of SET's: pipeline {PIPELINE}, {CONNECTIONS} connections,");
    println!(
        "median of {rounds} interleaved rounds of {EVENTS} events; in a round, each is compared with that round's SET."
    );
    println!("Series hold {PER_DAY} events in 24 h, \"exact\" ones {EXACT_PER_DAY}, all with default options.\n");
    commands(rounds);
    surroundings(rounds, "with keyspace events", &["notify-keyspace-events KEA"]);
    surroundings(rounds, "with the AOF, fsync every second", &["appendonly yes", "auto-aof-rewrite-percentage 0"]);
}

/// The commands themselves, without AOF and keyspace events.
fn commands(rounds: usize) {
    let server = rivals::load(Options::default().tcp()).start();
    let mut client = server.connect();
    let prefixes = ["read", "add", "venue", "madd", "pack"];
    for prefix in prefixes {
        copies(&mut client, prefix, 10, PER_DAY);
    }
    copies(&mut client, "many", 500, PER_DAY);
    for prefix in ["exact", "addexact"] {
        copies(&mut client, prefix, 10, EXACT_PER_DAY);
    }
    let over = workload::over_keys;
    let mut workloads = vec![
        workload::set(),
        over("PING", "", "-", 1, "PING"),
        workload::add("LIQ.ADD", "<= 1.0, >= 1.0", "add", 10, PER_DAY, ""),
        workload::add("LIQ.ADD, 500 keys", "", "many", 500, PER_DAY, ""),
        workload::add("LIQ.ADD, exact", "", "addexact", 10, EXACT_PER_DAY, ""),
        workload::add("LIQ.ADD … EXCHANGE ID", "", "venue", 10, PER_DAY, " EXCHANGE BINANCE ID 8886774"),
        over("LIQ.PCTL 80", "<= 0.85", "read", 10, "LIQ.PCTL {} 80"),
        over("LIQ.RANK", "<= 0.85", "read", 10, "LIQ.RANK {} 25000"),
        over("LIQ.VWAP", "<= 0.85", "read", 10, "LIQ.VWAP {}"),
        over("LIQ.STATS", "<= 1.5", "read", 10, "LIQ.STATS {}"),
        over("LIQ.STATS WINDOW 24h", "", "read", 10, "LIQ.STATS {} WINDOW 24h"),
        over("LIQ.PCTL 80, exact", "", "exact", 10, "LIQ.PCTL {} 80"),
        over("LIQ.RANK, exact", "", "exact", 10, "LIQ.RANK {} 25000"),
        over("LIQ.VWAP, exact", "", "exact", 10, "LIQ.VWAP {}"),
        over("LIQ.STATS, exact", "", "exact", 10, "LIQ.STATS {}"),
        workload::madd("LIQ.MADD of 100, per event", "<= 0.5", "madd", PER_DAY, 100),
        workload::madd_pack("LIQ.MADDPACK of 100, per event", "<= 0.15", "pack", PER_DAY, 100),
    ];
    workloads.extend(rivals::workloads(&mut client, PER_DAY));
    measure(&server, &mut workloads, rounds, "command");
}

/// What AOF or keyspace events add: SET and LIQ.ADD with them, both as multiples of that SET.
fn surroundings(rounds: usize, what: &str, lines: &[&str]) {
    let server = lines.iter().fold(Options::default().tcp(), |options, line| options.line(*line)).start();
    let mut client = server.connect();
    copies(&mut client, "add", 10, PER_DAY);
    copies(&mut client, "pack", 10, PER_DAY);
    let mut workloads = vec![
        workload::set(),
        workload::add("LIQ.ADD", "", "add", 10, PER_DAY, ""),
        workload::madd_pack("LIQ.MADDPACK of 100, per event", "", "pack", PER_DAY, 100),
    ];
    measure(&server, &mut workloads, rounds, what);
}

/// Series `prefix:0` … with a day of `per_day` events each.
fn copies(client: &mut Client, prefix: &str, keys: usize, per_day: u64) {
    series::create(client, &format!("{prefix}:0"), per_day, 1);
    for key in 1..keys {
        assert_eq!(client.run(&format!("COPY {prefix}:0 {prefix}:{key}")).int(), 1);
    }
}

pub fn measure(server: &Server, workloads: &mut [Workload], rounds: usize, heading: &str) {
    let mut connections = Connections::open(server.port(), CONNECTIONS);
    let mut control = server.connect();
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); workloads.len()];
    // The round before the first is not counted: it fills caches, and SET's keys.
    for round in 0..=rounds {
        for (workload, costs) in workloads.iter_mut().zip(&mut costs) {
            let cost = one_round(&mut control, &mut connections, workload);
            if round > 0 {
                costs.push(cost);
            }
        }
    }
    let set = costs[0].clone();
    let mut table = Table::new(&[heading, "CPU x SET", "throughput x SET", "wanted", "CPU us"]);
    for (workload, costs) in workloads.iter().zip(&costs) {
        let pairs = || costs.iter().zip(&set);
        let cpu = median(pairs().map(|(cost, set)| cost.cpu_us / set.cpu_us).collect());
        let throughput = median(pairs().map(|(cost, set)| set.wall_us / cost.wall_us).collect());
        table.row(vec![
            workload.name.to_owned(),
            format!("{cpu:.2}"),
            format!("{throughput:.2}"),
            workload.wanted.to_owned(),
            format!("{:.2}", median(costs.iter().map(|cost| cost.cpu_us).collect())),
        ]);
    }
    table.print();
}

fn one_round(control: &mut Client, connections: &mut Connections, workload: &mut Workload) -> Cost {
    let requests = EVENTS / workload.per_request;
    // A pipeline that the server cannot read at once (16 KB) would be served in pieces, in turn with those of other
    // connections, and the events come out of order: batches go two at a time.
    let depth = if workload.per_request > 1 { 2 } else { PIPELINE };
    let pipelines = workload.pipelines(requests, depth);
    let cpu_before = cpu_us(control);
    let started = Instant::now();
    connections.run(&pipelines);
    let wall_us = started.elapsed().as_secs_f64() * 1e6;
    let events = (requests * workload.per_request) as f64;
    Cost { cpu_us: (cpu_us(control) - cpu_before) / events, wall_us: wall_us / events }
}

/// CPU time of the whole server, user and system.
fn cpu_us(control: &mut Client) -> f64 {
    let seconds = |control: &mut Client, name| control.info(name).parse::<f64>().expect("INFO cpu holds seconds");
    (seconds(control, "used_cpu_user") + seconds(control, "used_cpu_sys")) * 1e6
}

pub fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
