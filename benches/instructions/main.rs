//! `make instructions`: instructions per request by callgrind, beside a command of the module that does nothing.
//!
//! Counts do not depend on how busy the machine is. The server runs under valgrind; the difference between two runs of
//! different length, divided by the difference in requests, leaves out what does not depend on the requests.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "a benchmark")]

#[path = "../../tests/support/mod.rs"]
mod support;
#[path = "../../examples/demo/table.rs"]
mod table;

#[path = "../load/mod.rs"]
mod load;

mod baseline;

use std::path::Path;
use std::process::Command;

use baseline::Baseline;
use load::{Connections, Workload, markets, series, triggers, workload};
use support::{Options, Server};
use table::Table;

const PER_DAY: u64 = 144_000;
const SHORT: usize = 1_600;
const LONG: usize = 6_400;
/// Depth of the pipeline, and whether the client reads RESP3.
type Way = (usize, bool);
const WAYS: [Way; 3] = [(1, false), (16, false), (16, true)];

/// Names the file that callgrind writes.
const DUMP: &str = "LIQ_CALLGRIND_DUMP";

fn main() {
    let Some(dump) = std::env::var_os(DUMP) else { return run_self_under_callgrind() };
    // Without arguments all of them; cargo adds its own.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|name| name == part);
    // What the server does by the clock would be counted too, the more of it the busier the machine is.
    let server = Options::default().tcp().line("hz 1").start();
    let mut baseline = Baseline::load();
    if is_wanted("series") {
        count_series(&server, Path::new(&dump), &mut baseline);
    }
    if is_wanted("markets") {
        count_markets(&server, Path::new(&dump), &mut baseline);
    }
    if is_wanted("limits") {
        count_limits(&server, Path::new(&dump), &mut baseline);
    }
    if is_wanted("keys") {
        count_keys(&server, Path::new(&dump), &mut baseline);
    }
    assert!(baseline.finish(), "instructions are above their baselines");
}

fn count_series(server: &Server, dump: &Path, baseline: &mut Baseline) {
    let mut client = server.connect();
    for prefix in ["read", "add", "madd", "pack"] {
        series::create(&mut client, &format!("{prefix}:0"), PER_DAY, 1);
        for key in 1..10 {
            assert_eq!(client.run(&format!("COPY {prefix}:0 {prefix}:{key}")).int(), 1);
        }
    }
    // The same with an expiry that is put off now and then.
    for key in 0..10 {
        for prefix in ["readx", "addx"] {
            assert_eq!(client.run(&format!("COPY read:0 {prefix}:{key}")).int(), 1);
            client.run(&format!("LIQ.ALTER {prefix}:{key} IDLE 30d")).ok();
        }
    }
    let over = workload::over_keys;
    let mut workloads = vec![
        workload::no_operation("LIQ._NOOP, arguments and reply of LIQ.ADD"),
        workload::add("LIQ.ADD", "<= 1.5", "add", 10, PER_DAY, ""),
        workload::add("LIQ.ADD, expiring", "", "addx", 10, PER_DAY, ""),
        workload::set(),
        over("PING", "", "-", 1, "PING"),
        over("LIQ.PCTL 80", "", "read", 10, "LIQ.PCTL {} 80"),
        over("LIQ.RANK", "", "read", 10, "LIQ.RANK {} 25000"),
        over("LIQ.VWAP", "", "read", 10, "LIQ.VWAP {}"),
        over("LIQ.VWAP, expiring", "", "readx", 10, "LIQ.VWAP {}"),
        over("LIQ.STATS", "", "read", 10, "LIQ.STATS {}"),
        workload::madd("LIQ.MADD of 100, per event", "", "madd", PER_DAY, 100),
        workload::madd_pack("LIQ.MADDPACK of 100, per event", "", "pack", PER_DAY, 100),
    ];
    println!(
        "Instructions per request (callgrind), 10 series of {PER_DAY} events in 24 h, and as multiples of the no-op.\n"
    );
    let mut table = Table::new(&[
        "command",
        "pipeline 1",
        "x no-op",
        "pipeline 16",
        "x no-op",
        "RESP3, 16",
        "x no-op",
        "wanted",
        "baseline",
    ]);
    let mut floor = [0.0; WAYS.len()];
    for (place, workload) in workloads.iter_mut().enumerate() {
        let counts = WAYS.map(|way| per_event(server, dump, workload, way));
        if place == 0 {
            floor = counts;
        }
        let mut row = vec![workload.name.to_owned()];
        for (count, floor) in counts.iter().zip(floor) {
            row.extend([table::whole(*count), format!("{:.2}", count / floor)]);
        }
        row.extend([workload.wanted.to_owned(), baseline.compare(workload.name, &counts)]);
        table.row(row);
    }
    table.print();
}

fn count_markets(server: &Server, dump: &Path, baseline: &mut Baseline) {
    /// Ticks that each market has seen: enough for its levels and its tail to move.
    const SEEN: u64 = 120_000;
    let mut client = server.connect();
    for prefix in ["last", "tick", "late", "ticks", "packed"] {
        for key in 0..10 {
            client.run(&format!("TICK.CREATE {prefix}:{key} CLOCK EVENT")).ok();
            for first in (0..SEEN).step_by(40_000) {
                let payload = markets::packed(first, 40_000);
                let name = format!("{prefix}:{key}");
                assert!(!client.call(&[b"TICK.MADD".as_slice(), name.as_bytes(), b"PACK", &payload]).is_error());
            }
        }
    }
    for key in 0..10 {
        client.run(&format!("COPY last:{key} armed:{key}")).int();
        let far = triggers::arm(&format!("armed:{key}"), 10_000).collect::<Vec<_>>();
        far.chunks(1_000).for_each(|lines| assert!(client.pipeline(lines).iter().all(|reply| !reply.is_error())));
        series::create(&mut client, &format!("beside:{key}"), PER_DAY / 10, 1);
        client.run(&format!("LIQ.ALTER beside:{key} MARKET last:{key} VWAPWINDOW 24h")).ok();
    }
    client.run("COPY last:0 due:0").int();
    client.run("TICK.ALTER due:0 FIRES due:fires MAXLEN 1000").ok();
    let over = |name, line: &str| workload::over_keys(name, "", "last", 10, line);
    let mut workloads = [
        over("PING", "PING"),
        markets::one_by_one("TICK.ADD", "", "TICK.ADD", "tick", 10, SEEN),
        markets::one_by_one("TICK.ADD, 10k triggers armed", "", "TICK.ADD", "armed", 10, SEEN),
        markets::late("TICK.ADD, late by a minute", "", "late", SEEN, 60_000),
        markets::madd("TICK.MADD of 100, per tick: TICKS", "", "ticks", SEEN, 100),
        markets::pack("TICK.MADD of 100, per tick: PACK", "", "packed", SEEN, 100),
        over("TICK.LAST", "TICK.LAST {}"),
        over("TICK.LAST FULL", "TICK.LAST {} FULL"),
        over("TICK.LAST WINDOW 24h", "TICK.LAST {} WINDOW 24h"),
        over("CANDLE.RANGE, the newest 1m", "CANDLE.RANGE {} 1m COUNT 1"),
        over("CANDLE.RANGE, 500 of 1m, pack", "CANDLE.RANGE {} 1m COUNT 500 AS pack"),
        over("CANDLE.RANGE of 100, a row: kline", "CANDLE.RANGE {} 1m COUNT 100").by_row(100),
        over("CANDLE.RANGE of 100, a row: ohlcv", "CANDLE.RANGE {} 1m COUNT 100 AS ohlcv").by_row(100),
        over("TICK.RANGE of 100, a row", "TICK.RANGE {} - + COUNT 100").by_row(100),
        triggers::set_and_delete("TRIG.SET and TRIG.DEL in turn, each", "", "armed:0"),
        triggers::fire("TRIG.SET that fires at once, with its entry", "", "due:0"),
        workload::add("LIQ.ADD beside a market", "", "beside", 10, PER_DAY / 10, ""),
    ];
    print_counts("\nInstructions per request (callgrind), 10 markets.\n", server, dump, &mut workloads, baseline);
}

fn count_limits(server: &Server, dump: &Path, baseline: &mut Baseline) {
    let mut client = server.connect();
    // One unit of a hundred thousand a day: expiries move as seldom as under real use, and nothing is refused.
    const ONE: &str = "LIMIT 100000 PERIOD 1d";
    const THREE: &str = "LIMIT 100000 PERIOD 1h ALIGNED LIMIT 90000 PERIOD 10m LIMIT 99999 PERIOD 1d ALIGNED";
    for key in 0..10 {
        client.run(&format!("RL.CREATE made:{key} {ONE}")).ok();
        client.run(&format!("RL.CREATE spent:{key} LIMIT 1 PERIOD 366d")).ok();
        client.run(&format!("RL.CHECK spent:{key}"));
    }
    let over = |name, wanted, prefix, line: &str| workload::over_keys(name, wanted, prefix, 10, line);
    let mut workloads = [
        over("PING", "", "-", "PING"),
        over("RL.CHECK, one limit", "<= 9400", "one", &format!("RL.CHECK {{}} {ONE}")),
        over("RL.CHECK, limits stored", "<= 6500", "made", "RL.CHECK {}"),
        over("RL.CHECK, three limits", "", "three", &format!("RL.CHECK {{}} {THREE}")),
        over("RL.CHECK, one sliding limit", "", "slide", &format!("RL.CHECK {{}} {ONE} SLIDING")),
        over("RL.CHECK, stored, refused", "", "spent", "RL.CHECK {}"),
        over("RL.PEEK", "", "made", "RL.PEEK {}"),
    ];
    print_counts("\nInstructions per request (callgrind), 10 keys.\n", server, dump, &mut workloads, baseline);
}

fn print_counts(heading: &str, server: &Server, dump: &Path, workloads: &mut [Workload], baseline: &mut Baseline) {
    println!("{heading}");
    let mut table = Table::new(&["command", "pipeline 1", "pipeline 16", "RESP3, 16", "wanted", "baseline"]);
    for workload in workloads {
        let counts = WAYS.map(|way| per_event(server, dump, workload, way));
        let mut row = vec![workload.name.to_owned()];
        row.extend(counts.map(table::whole));
        row.extend([workload.wanted.to_owned(), baseline.compare(workload.name, &counts)]);
        table.row(row);
    }
    table.print();
}

/// What key policies cost those who write and read, beside the same without any. Run behind the others: on servers before
/// Redis 8.2 the module hears of keys from its first policy on.
fn count_keys(server: &Server, dump: &Path, baseline: &mut Baseline) {
    const POLICIES: &str = "p0: TTL 1h MAXTTL 1d APPLY; p1: TTL 1h; p2: IDLE 1d; p3: TTL 1h APPLY; p4: TYPE hash; \
                            p5: MAXBYTES 1mb; p6: TTL 1h; p7: TTL 1h; p8: TTL 1h; p9: TTL 1h MAXTTL 1d APPLY";
    let mut client = server.connect();
    let over = |name, wanted, line: &'static str, prefix: &str| workload::over_keys(name, wanted, prefix, 10, line);
    let mut free = [
        over("SET, no key policy", "", "SET {} VXK", "free"),
        over("SET … EX, no key policy", "", "SET {} VXK EX 600", "free"),
        over("GET hit, no key policy", "", "GET {}", "free"),
        over("GET miss, no key policy", "", "GET {}", "missing"),
    ];
    let mut ruled = [
        over("SET elsewhere, a key policy applies", "<= + 700", "SET {} VXK", "free"),
        over("SET … EX under a key policy", "<= + 2500", "SET {} VXK EX 600", "p9"),
        over("SET, a key policy gives the expiry", "<= 1.15 x SET … EX + 1500", "SET {} VXK", "p9"),
        over("GET hit under a key policy", "<= + 0", "GET {}", "p9"),
        over("GET miss, counted", "<= + 700", "GET {}", "p9:missing"),
    ];
    println!("\nInstructions per request (callgrind), 10 keys, 10 key policies, of which three are applied.\n");
    let mut table = Table::new(&["command", "pipeline 1", "pipeline 16", "RESP3, 16", "wanted", "baseline"]);
    for (policies, workloads) in [("", &mut free[..]), (POLICIES, &mut ruled[..])] {
        client.call(&["CONFIG", "SET", "liq.key-policies", policies]).ok();
        for workload in workloads {
            let counts = WAYS.map(|way| per_event(server, dump, workload, way));
            let mut row = vec![workload.name.to_owned()];
            row.extend(counts.map(table::whole));
            row.extend([workload.wanted.to_owned(), baseline.compare(workload.name, &counts)]);
            table.row(row);
        }
    }
    table.print();
}

/// The tests' harness takes the server's command line from `LIQ_TEST_SERVER`: this program runs itself with valgrind
/// in it.
fn run_self_under_callgrind() {
    let dump = tempfile::NamedTempFile::new().expect("a temporary file");
    let server = format!(
        "valgrind --tool=callgrind --soname-synonyms=somalloc=*jemalloc* --log-file=/dev/null --callgrind-out-file={} redis-server",
        dump.path().display()
    );
    let mut program = Command::new(std::env::current_exe().expect("this program has a path"));
    program.args(std::env::args().skip(1));
    program.env("LIQ_TEST_SERVER", server).env(DUMP, dump.path());
    assert!(program.status().expect("this program runs").success());
}

fn per_event(server: &Server, dump: &Path, workload: &mut Workload, way: Way) -> f64 {
    let events = |requests: usize| (requests / workload.per_request * workload.per_request) as f64;
    let difference = events(LONG) - events(SHORT);
    let (short, long) = (counted(server, dump, workload, SHORT, way), counted(server, dump, workload, LONG, way));
    (long - short) / difference
}

/// Instructions of the server while it serves about `events` events.
fn counted(server: &Server, dump: &Path, workload: &mut Workload, events: usize, (depth, resp3): Way) -> f64 {
    // One connection, so that events arrive in the order of their times.
    let open = if resp3 { Connections::open_resp3 } else { Connections::open };
    let mut connections = open(server.port(), 1);
    // The first requests of a kind pay for what is built once.
    connections.run(&workload.pipelines(64, depth));
    let pipelines = workload.pipelines(events / workload.per_request, depth);
    control(server, "--zero");
    connections.run(&pipelines);
    control(server, "--dump");
    newest_total(dump)
}

fn control(server: &Server, what: &str) {
    let output = Command::new("callgrind_control").args([what, &server.pid().to_string()]).output();
    let output = output.expect("callgrind_control comes with valgrind");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// The total of the dump with the highest number, which is then removed.
fn newest_total(dump: &Path) -> f64 {
    let name = dump.file_name().unwrap().to_str().unwrap();
    let number = |path: &Path| -> Option<u32> {
        path.file_name()?.to_str()?.strip_prefix(name)?.strip_prefix('.')?.parse().ok()
    };
    let entries = std::fs::read_dir(dump.parent().unwrap()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let newest = paths.filter(|path| number(path).is_some()).max_by_key(|path| number(path)).expect("a dump");
    let text = std::fs::read_to_string(&newest).unwrap();
    std::fs::remove_file(&newest).unwrap();
    let total = text.lines().find_map(|line| line.strip_prefix("totals: ")).expect("a dump has totals");
    total.trim().parse().expect("a count")
}
