//! What the server tells of itself, as `/metrics` shows it: of a server with everything in use, of one without the module,
//! under a user who may not ask, and of a cluster.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::process::Command;

use liq_ingest::server::shown_as;
use support::in_use;
use support::program::{self, Running};
use support::running::{free_port, get, metric, one_venue, order, quiet_exchange, stored, stream};
use support::server::wait_until;
use support::{Client, Cluster, Server, url_of};

/// The numbers of the INFO section `liq`, by field.
fn section(client: &mut Client) -> Vec<(String, f64)> {
    let text = client.run("INFO liq").text();
    let fields = text.lines().filter_map(|line| line.split_once(':'));
    fields.filter_map(|(name, value)| Some((name.to_owned(), value.trim().parse().ok()?))).collect()
}

fn has(port: u16, line: &str) -> bool {
    get(port, "/metrics").unwrap_or_default().1.lines().any(|shown| shown == line)
}

fn value_of(port: u16, line_start: &str) -> Option<f64> {
    let (_, text) = get(port, "/metrics")?;
    let line = text.lines().find_map(|line| line.strip_prefix(line_start)?.strip_prefix(' ').map(str::to_owned))?;
    line.parse().ok()
}

/// Waits for another round of questions: whatever is set is shown then.
fn wait_for_a_round(client: &mut Client, port: u16, limit: u64) {
    client.run(&format!("CONFIG SET maxmemory {limit}")).ok();
    wait_until("the figures follow", || metric(port, "liq_server_memory_limit_bytes", "") == limit as f64);
}

#[test]
fn everything_that_the_server_counts_is_shown() {
    let mut stage = in_use::everything();
    let (server, port) = (&stage.server, stage.port);
    let mut client = server.connect();
    let told = section(&mut client);
    assert!(told.len() > 25, "{told:?}");
    for (field, value) in told {
        let by_status = format!("liq_adds_total{{status=\"{}\"}}", field.trim_start_matches("liq_"));
        let shown = match (shown_as(&field), field.as_str()) {
            (Some(name), _) => value_of(port, &name),
            (None, "liq_adds") => Some(metric(port, "liq_adds_total", "")),
            (None, "liq_memory_budget") => value_of(port, "liq_memory_budget_bytes"),
            // A number that came later is shown under its own name.
            (None, _) => value_of(port, &by_status).or_else(|| value_of(port, &field)),
        };
        // What is allocated changes with every question.
        let agrees = if field == "liq_memory_used" { shown > Some(0.0) } else { shown == Some(value) };
        assert!(agrees, "{field} is {value}, shown as {shown:?}");
    }
    for line in [
        format!("liq_module_info{{version=\"{}\"}} 1.0", env!("CARGO_PKG_VERSION")),
        "liq_memory_mode{mode=\"normal\"} 1.0".to_owned(),
        "liq_memory_mode{mode=\"critical\"} 0.0".to_owned(),
        "liq_memory_warning 0.0".to_owned(),
        "liq_adds_total{status=\"accepted\"} 2.0".to_owned(),
        "liq_rate_bans_total 1.0".to_owned(),
        "liq_key_keys{prefix=\"market:\"} 1.0".to_owned(),
        "liq_key_keys{prefix=\"a,b=1:\"} 1.0".to_owned(),
        "liq_key_evicted_total{prefix=\"\"} 0.0".to_owned(),
        "liq_server_replicas 1.0".to_owned(),
        "liq_server_aof_enabled 1.0".to_owned(),
        "liq_server_aof_write_ok 1.0".to_owned(),
    ] {
        assert!(has(port, &line), "{line} in {:?}", get(port, "/metrics"));
    }
    assert!(value_of(port, "liq_key_bytes{prefix=\"market:\"}") > Some(10.0));
    assert!(metric(port, "liq_errors_total", "command=\"liq.add\"") >= 1.0);
    assert!(metric(port, "liq_server_replica_lag_seconds", "replica=\"127.0.0.1:") < 60.0);
    assert!(get(port, "/metrics").unwrap().1.contains("liq_server_replica_behind_bytes{replica="));
    let ratio = value_of(port, "liq_memory_ratio").unwrap();
    assert!(ratio < 0.1, "{ratio}");
    stage.running.terminate();
}

#[test]
fn modes_and_a_server_that_goes_and_comes_back_are_followed() {
    let mut server = Server::start();
    server.expect_warning("memory mode");
    let (folder, port, exchange) = (tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
    let mut command = stream(folder.path(), &url_of(&server), port, &one_venue(&exchange, ""), &["binance-um"]);
    let mut running = Running::start(&mut command);
    wait_until("the figures are there", || has(port, "liq_memory_mode{mode=\"normal\"} 1.0"));
    assert_eq!(value_of(port, "liq_memory_ratio"), None, "without a budget there is no share of it");
    let mut client = server.connect();
    client.run("CONFIG SET liq.memory-budget 1kb").ok();
    client.run("LIQ.ADD liq:{A} * buy 1 1");
    wait_until("the mode is shown", || has(port, "liq_memory_mode{mode=\"critical\"} 1.0"));
    wait_until("since when is shown", || value_of(port, "liq_memory_mode_since_seconds") > Some(1.7e9));
    server.kill();
    wait_until("it is not to be had", || has(port, "liq_server_up 0.0"));
    assert_eq!(value_of(port, "liq_series"), None);
    server.start_again();
    wait_until("it is there again", || has(port, "liq_server_up 1.0"));
    // One that stands still holds up nobody who asks, and its last figures are not told for ever.
    server.stall();
    wait_until("it is not to be had", || has(port, "liq_server_up 0.0"));
    server.resume();
    wait_until("it goes on", || has(port, "liq_server_up 1.0"));
    running.terminate();
}

#[test]
fn a_server_without_the_module_is_said_once_and_its_own_figures_are_shown() {
    let server = Server::plain();
    let mut client = server.connect();
    let (folder, port, exchange) = (tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
    let mut command = stream(folder.path(), &url_of(&server), port, &one_venue(&exchange, ""), &["binance-um"]);
    let mut running = Running::start(&mut command);
    wait_until("it listens", || get(port, "/metrics").is_some());
    for limit in [100_000_001, 100_000_002, 100_000_003] {
        wait_for_a_round(&mut client, port, limit);
    }
    let (_, text) = get(port, "/metrics").unwrap();
    let of_the_module = text.lines().filter(|line| line.starts_with("liq_") && !line.starts_with("liq_ingest_"));
    let strangers: Vec<&str> = of_the_module.filter(|line| !line.starts_with("liq_server_")).collect();
    assert!(strangers.is_empty(), "{strangers:?}");
    running.terminate();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log.matches("no section liq: the module is not loaded").count(), 1, "{log}");
    assert!(!log.contains("LIQ.MEMORY"), "{log}");
}

#[test]
fn who_may_not_ask_is_told_so_once_and_events_flow() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("ACL SETUSER feed on >secret ~* +@all -info -liq.memory -config").ok();
    let (folder, port, exchange) = (tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
    let url = format!("{}?user=feed&pass=secret", url_of(&server));
    let settings = format!("{}[redis]\nmax_memory = \"64mb\"\n", one_venue(&exchange, ""));
    let mut command = stream(folder.path(), &url, port, &settings, &["binance-um"]);
    let mut running = Running::start(&mut command);
    wait_until("it is connected", || exchange.finished() > 0);
    for n in 0..20 {
        exchange.send(order("AUSDT", n, 1.0));
    }
    wait_until("all is stored", || stored(&server) == 20);
    let refused = |client: &mut Client| {
        let stats = client.run("INFO commandstats").text();
        let line = stats.lines().find(|line| line.starts_with("cmdstat_liq.memory:")).unwrap_or_default().to_owned();
        let count = line.split("rejected_calls=").nth(1).and_then(|rest| rest.split(',').next()?.parse::<u64>().ok());
        count.unwrap_or(0)
    };
    wait_until("it was refused more than once", || refused(&mut client) >= 3);
    assert!(has(port, "liq_server_up 0.0"));
    running.terminate();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    for said in ["why=\"INFO: ", "why=\"LIQ.MEMORY: ", "REDIS_MAX_MEMORY could not be set"] {
        assert_eq!(log.matches(said).count(), 1, "{said} in {log}");
    }
    assert!(!log.contains("secret"), "{log}");
}

#[test]
fn the_budget_is_the_modules() {
    let mut server = Server::start();
    let (folder, port, exchange) = (tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
    let mut command = stream(folder.path(), &url_of(&server), port, &one_venue(&exchange, ""), &["binance-um"]);
    let mut running = Running::start(command.env("REDIS_MAX_MEMORY", "64mb"));
    let budget = |server: &Server| server.connect().run("CONFIG GET liq.memory-budget").array()[1].text();
    wait_until("it is set", || budget(&server) == "64mb");
    server.kill_and_restart();
    wait_until("it is set again after a restart", || budget(&server) == "64mb");
    wait_until("it is shown", || value_of(port, "liq_memory_budget_bytes") == Some(67_108_864.0));
    assert_eq!(server.connect().run("CONFIG GET maxmemory").array()[1].text(), "0", "the server's own is its own");
    running.terminate();
    for wrong in ["lots", "-1", "0mb", "64 mb"] {
        let mut check: Command = program::command(&folder.path().join("state"));
        let said = program::fail(check.arg("check").env("REDIS_MAX_MEMORY", wrong));
        assert!(said.contains("REDIS_MAX_MEMORY: must be an amount of memory") && said.contains(wrong), "{said}");
    }
}

#[test]
fn every_master_of_a_cluster_is_shown_by_its_address() {
    let cluster = Cluster::start();
    let hosts: Vec<String> = cluster.nodes.iter().map(|node| format!("127.0.0.1:{}", node.port())).collect();
    let (folder, port, exchange) = (tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
    let url = format!("redis+cluster://{}", hosts.join(","));
    let mut command = stream(folder.path(), &url, port, &one_venue(&exchange, ""), &["binance-um"]);
    let mut running = Running::start(command.env("REDIS_MAX_MEMORY", "1gb"));
    for host in &hosts {
        wait_until("the node is shown", || has(port, &format!("liq_server_up{{node=\"{host}\"}} 1.0")));
        assert!(has(port, &format!("liq_memory_mode{{mode=\"normal\",node=\"{host}\"}} 1.0")));
    }
    for node in &cluster.nodes {
        wait_until("the node is told", || {
            node.connect().run("CONFIG GET liq.memory-budget").array()[1].text() == "1gb"
        });
    }
    running.terminate();
}
