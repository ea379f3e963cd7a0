//! What is served to Prometheus: by `promtool` where it is installed, and by the rules of the text form in any case.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};

use support::in_use::prometheus_program;
use support::program::Running;
use support::running::{free_port, get, metric, one_venue, order, quiet_exchange, stored, stream};
use support::server::wait_until;
use support::{Server, url_of};

/// An answer with its head, to a request with this `Accept`.
fn accepting(port: u16, accept: &str) -> String {
    let mut connection = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(connection, "GET /metrics HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer
}

/// What Prometheus itself has scraped of a query, where it is installed.
fn scraped(port: u16, query: &str, until: f64) {
    let (folder, own) = (tempfile::tempdir().unwrap(), free_port());
    let config = folder.path().join("prometheus.yml");
    let settings = format!(
        "global: {{scrape_interval: 200ms}}\nscrape_configs:\n- job_name: feed\n  static_configs: [{{targets: ['127.0.0.1:{port}']}}]\n"
    );
    std::fs::write(&config, settings).unwrap();
    let mut command = Command::new(prometheus_program("prometheus"));
    command.arg(format!("--config.file={}", config.display()));
    command.arg(format!("--storage.tsdb.path={}", folder.path().join("data").display()));
    command.arg(format!("--web.listen-address=127.0.0.1:{own}")).stdout(Stdio::null()).stderr(Stdio::null());
    let Ok(child) = command.spawn() else {
        println!("prometheus is not installed: nothing scrapes");
        return;
    };
    let _prometheus = Running(child);
    wait_until("prometheus has scraped it", || {
        let (_, answer) = get(own, &format!("/api/v1/query?query={query}")).unwrap_or_default();
        // It answers in chunks; the value stands in quotes behind the time.
        answer.contains(&format!("\"{until}\"]"))
    });
}

#[test]
fn figures_follow_the_rules_and_add_up() {
    let (server, folder, port, exchange) =
        (Server::start(), tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
    let settings = one_venue(&exchange, "");
    let mut command = stream(folder.path(), &url_of(&server), port, &settings, &["binance-um"]);
    let mut running = Running::start(&mut command);
    wait_until("it listens", || get(port, "/metrics").is_some());
    // Before the first event every counter is there, at zero.
    assert_eq!(metric(port, "liq_ingest_events_total", "venue=\"binance-um\""), 0.0);
    let (_, text) = get(port, "/metrics").unwrap();
    assert!(text.contains("liq_ingest_events_total{venue=\"binance-um\"} 0"), "{text}");
    wait_until("it is connected", || exchange.finished() > 0);
    for n in 0..120 {
        exchange.send(order(["AUSDT", "BUSDT"][n as usize % 2], n, 1.0 + n as f64));
    }
    wait_until("all is stored", || stored(&server) == 120);
    wait_until("all is counted", || metric(port, "liq_ingest_answers_total", "") >= 120.0);

    let (_, text) = get(port, "/metrics").unwrap();
    let mut kinds: BTreeMap<&str, &str> = BTreeMap::new();
    let mut helped = std::collections::BTreeSet::new();
    for line in text.lines() {
        let mut words = line.split(' ');
        match (words.next().unwrap(), words.next()) {
            ("#", Some("HELP")) => assert!(helped.insert(words.next().unwrap()) && words.next().is_some(), "{line}"),
            ("#", Some("TYPE")) => drop(kinds.insert(words.next().unwrap(), words.next().unwrap())),
            ("#", _) => panic!("{line}"),
            (name, Some(value)) => {
                let name = name.split('{').next().unwrap();
                let family = ["_bucket", "_sum", "_count"]
                    .iter()
                    .find_map(|end| name.strip_suffix(end).filter(|family| kinds.get(family) == Some(&"histogram")))
                    .unwrap_or(name);
                assert!(kinds.contains_key(family) && helped.contains(family), "no TYPE or HELP of {line}");
                assert_eq!(kinds[family] == "counter", name.ends_with("_total"), "{line}");
                assert!(value.parse::<f64>().is_ok(), "{line}");
            }
            other => panic!("{other:?}"),
        }
    }
    // Each event has one status, was delivered once, and is in the histograms.
    for name in ["answers_total", "received_total", "events_total", "delivery_seconds_count", "spool_seconds_count"] {
        assert_eq!(metric(port, &format!("liq_ingest_{name}"), ""), 120.0, "{name}");
    }
    for name in
        ["process_open_fds", "process_resident_memory_bytes", "process_start_time_seconds", "liq_ingest_build_info"]
    {
        assert!(metric(port, name, "") > 0.0, "{name}");
    }
    assert!(accepting(port, "*/*").contains("text/plain; version=0.0.4"));
    let open = accepting(port, "application/openmetrics-text;version=1.0.0,text/plain;q=0.5");
    assert!(open.contains("application/openmetrics-text") && open.trim_end().ends_with("# EOF"), "{open}");

    match Command::new(prometheus_program("promtool"))
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
    {
        Ok(mut promtool) => {
            promtool.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
            let output = promtool.wait_with_output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
        Err(_) => println!("promtool is not installed: the rules above have to do"),
    }
    scraped(port, "sum(liq_ingest_answers_total)", 120.0);
    running.terminate();
}
