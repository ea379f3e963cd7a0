//! Audits of many keys (`KEYS`, 1,000,000): CPU a key, the longest slice beside its budget, and how long a client that
//! reads and writes waits meanwhile, beside how long it waits without.

use std::time::{Duration, Instant};

use crate::support::{Client, Options, Reply};
use crate::table::{Table, whole};

/// Requests of the client without an audit.
const REQUESTS: usize = 100_000;

pub fn run() {
    let keys: u64 = std::env::var("KEYS").map_or(1_000_000, |text| text.parse().expect("KEYS is a number"));
    let server = Options::default().start();
    let mut client = server.connect();
    println!("Audits of {keys} keys: half of them strings of 20 bytes, half of 100, in two namespaces.\n");
    client.run(&format!("DEBUG POPULATE {} tick 20", keys / 2)).ok();
    client.run(&format!("DEBUG POPULATE {} candle 100", keys - keys / 2)).ok();
    client.call(&["CONFIG", "SET", "liq.key-policies", "tick: TTL 1h; candle: MAXBYTES 1kb IDLE 7d"]).ok();
    let mut table = Table::new(&[
        "audit",
        "took s",
        "CPU s",
        "us a key",
        "longest slice us",
        "wanted",
        "p50 us",
        "p99 us",
        "p99 / idle",
    ]);
    let idle = latencies(&mut server.connect(), |sent| sent < REQUESTS);
    let (p50, idle_p99) = (percentile(&idle, 50), percentile(&idle, 99));
    let none = || "-".to_owned();
    table.row(vec![
        "none".into(),
        none(),
        none(),
        none(),
        none(),
        String::new(),
        whole(p50),
        whole(idle_p99),
        "1.00".into(),
    ]);
    let mut most_cpu_s = 0_f64;
    for (name, budget_pct) in [("BUDGET 2", 2), ("BUDGET 10", 10), ("BUDGET 50", 50)] {
        client.run(&format!("KEYS.AUDIT START BUDGET {budget_pct}")).ok();
        let mut last_look = Instant::now();
        let waits = latencies(&mut server.connect(), |_| {
            let is_due = last_look.elapsed() > Duration::from_millis(50);
            if is_due {
                last_look = Instant::now();
            }
            !is_due || client.run("KEYS.AUDIT STATUS").field("state").text() == "running"
        });
        let status = client.run("KEYS.AUDIT STATUS");
        let report = client.run("KEYS.AUDIT REPORT");
        let of = |reply: &Reply, field: &str| reply.field(field).f64();
        let seen = of(&status, "scanned");
        assert!(seen >= keys as f64, "{seen} of {keys} keys seen");
        let (p50, p99) = (percentile(&waits, 50), percentile(&waits, 99));
        most_cpu_s = most_cpu_s.max(of(&status, "cpu_ms") / 1e3);
        table.row(vec![
            name.into(),
            format!("{:.1}", of(&report, "took_ms") / 1e3),
            format!("{:.1}", of(&status, "cpu_ms") / 1e3),
            format!("{:.2}", of(&status, "cpu_ms") * 1e3 / seen),
            whole(of(&status, "longest_us")),
            format!("<= 2.50 us a key, slice <= {}", budget_pct * 100 + 500),
            whole(p50),
            whole(p99),
            format!("{:.2}", p99 / idle_p99),
        ]);
    }
    let mut row = vec!["a loop that only reads its clock".into(), none(), format!("{most_cpu_s:.1}"), none()];
    row.push(whole(longest_leap_us(most_cpu_s)));
    row.resize(9, String::new());
    table.row(row);
    table.print();
}

/// The longest leap, microseconds, of a thread's own CPU clock that is read over and over for so many seconds of it: what a
/// slice may seem to take although it does nothing, as on a virtual machine that is not run for a while.
fn longest_leap_us(cpu_s: f64) -> f64 {
    let (begun_us, mut before_us, mut longest_us) = (thread_cpu_us(), thread_cpu_us(), 0_f64);
    while before_us - begun_us < cpu_s * 1e6 {
        let now_us = thread_cpu_us();
        longest_us = longest_us.max(now_us - before_us);
        before_us = now_us;
    }
    longest_us
}

fn thread_cpu_us() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 * 1e6 + time.tv_nsec as f64 / 1e3
}

/// How long each of a client's requests took, microseconds, ascending: SET and GET in turn, one after the other.
fn latencies(client: &mut Client, mut go_on: impl FnMut(usize) -> bool) -> Vec<f64> {
    let mut all = Vec::new();
    while go_on(all.len()) {
        let key = format!("load:{}", all.len() % 10_000);
        let begun = Instant::now();
        let reply =
            if all.len().is_multiple_of(2) { client.call(&["SET", &key, "x"]) } else { client.call(&["GET", &key]) };
        all.push(begun.elapsed().as_secs_f64() * 1e6);
        assert!(!reply.is_error());
    }
    all.sort_by(f64::total_cmp);
    all
}

fn percentile(ascending: &[f64], percent: usize) -> f64 {
    ascending.get(ascending.len() * percent / 100).copied().unwrap_or(0.0)
}
