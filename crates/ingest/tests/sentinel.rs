//! A stream to the master that a Sentinel names, while that changes: by agreement, and because the master died.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::cell::Cell;

use support::exchange::Exchange;
use support::program::Running;
use support::running::{free_port, get, metric, one_venue, order, quiet_exchange, stored, stream};
use support::sentinel::Watched;
use support::server::wait_until;

const SYMBOLS: [&str; 3] = ["AUSDT", "BUSDT", "CUSDT"];

/// Sends so many events more, of which all are on the spool when this returns.
fn send(exchange: &Exchange, port: u16, sent: &Cell<u64>, count: u64) {
    for n in sent.get()..sent.get() + count {
        exchange.send(order(SYMBOLS[n as usize % 3], n, 1.0 + n as f64 % 13.0));
    }
    sent.set(sent.get() + count);
    wait_until("they are on the spool", || metric(port, "liq_ingest_received_total", "") >= sent.get() as f64);
}

#[test]
fn failovers_that_a_sentinel_decides_lose_and_double_nothing() {
    let mut sentinel = Watched::start();
    let (folder, port, exchange) = (tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
    // What a master had taken and its replica had not is delivered again.
    let settings = one_venue(&exchange, "") + "[spool]\ngrace_ms = 600000\n";
    let mut running = Running::start(&mut stream(folder.path(), &sentinel.url(), port, &settings, &["binance-um"]));
    wait_until("the venue is connected", || metric(port, "liq_ingest_connected", "") == 1.0);
    let sent = Cell::new(0);
    send(&exchange, port, &sent, 300);
    wait_until("the first are there", || stored(&sentinel.master) == 300);

    // By agreement, under way: the old master becomes a replica, which its connection's answers tell.
    let mut client = sentinel.ask();
    wait_until("the sentinel begins", || !client.run("SENTINEL FAILOVER market").is_error());
    send(&exchange, port, &sent, 300);
    Watched::wait_for_role(&sentinel.replica, "master");
    send(&exchange, port, &sent, 300);
    wait_until("the new master has all", || stored(&sentinel.replica) == sent.get());
    Watched::wait_for_role(&sentinel.master, "slave");
    wait_until("the old one has it from there", || stored(&sentinel.master) == sent.get());

    // The master dies: nobody takes events until the Sentinel has found out.
    wait_until("the sentinel knows its replica", || {
        let replicas = client.run("SENTINEL REPLICAS market");
        !replicas.is_error()
            && replicas.array().iter().any(|replica| replica.field("master-link-status").text() == "ok")
    });
    sentinel.replica.kill();
    send(&exchange, port, &sent, 300);
    wait_until("health is red", || get(port, "/healthz").is_some_and(|(status, _)| status == 503));
    Watched::wait_for_role(&sentinel.master, "master");
    send(&exchange, port, &sent, 300);
    wait_until("the next master has all", || stored(&sentinel.master) == sent.get());
    wait_until("all is well", || get(port, "/healthz").is_some_and(|(status, _)| status == 200));
    wait_until("the spool has told all", || metric(port, "liq_ingest_spool_events", "") == 0.0);
    assert!(metric(port, "liq_ingest_redis_rewinds_total", "") >= 2.0);
    running.terminate();
    assert_eq!(stored(&sentinel.master), sent.get());
    sentinel.replica.start_again();
}
