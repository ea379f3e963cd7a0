//! What takes its time: a narrow link, and replicas that are waited for.

use std::time::Duration;

use super::redis::add_replica;
use super::stage::Stage;
use super::support::running::{metric, order};
use super::support::server::wait_until;
use super::support::{Fault, Options};

/// Has an event of each of so many series wait for Redis, which takes none just now.
fn hold_series(stage: &mut Stage, series: u64) {
    stage.proxy.set(Fault::Refuse);
    stage.wait_red("redis: does not take events");
    for _ in 0..series {
        stage.exchange.send(order(&format!("S{}USDT", stage.sent), stage.sent, 1.0));
        stage.sent += 1;
    }
    let (port, sent) = (stage.port, stage.sent as f64);
    wait_until("the events are on the spool", || metric(port, "liq_ingest_received_total", "") >= sent);
}

#[test]
fn over_a_link_that_is_too_slow_for_all_series_at_once_some_go_at_a_time() {
    let mut stage = Stage::start(Options::default().tcp(), "");
    hold_series(&mut stage, 40);
    // All of them take longer than an answer is awaited.
    stage.proxy.set(Fault::Slow(Duration::from_millis(300)));
    wait_until("some are delivered", || stage.metric("spool_events") < stage.sent as f64);
    stage.proxy.set(Fault::None);
    stage.wait_exact(0);
    stage.end();
}

#[test]
fn what_takes_long_by_itself_is_awaited_longer_when_nothing_else_goes_with_it() {
    let mut stage = Stage::start(Options::default().tcp(), "");
    stage.proxy.set(Fault::Refuse);
    stage.wait_red("redis: does not take events");
    for n in 0..256 {
        stage.exchange.send(order("AUSDT", n, 1.0));
    }
    stage.sent = 256;
    let port = stage.port;
    wait_until("the events are on the spool", || metric(port, "liq_ingest_received_total", "") >= 256.0);
    // In doubt they go one to a command, and together.
    stage.running.kill();
    stage.start_again();
    stage.proxy.set(Fault::Slow(Duration::from_millis(50)));
    wait_until("they are delivered", || stage.metric("spool_events") == 0.0);
    stage.proxy.set(Fault::None);
    stage.wait_exact(0);
    stage.end();
}

#[test]
fn replicas_are_waited_for_once_for_all_that_goes_to_a_server() {
    let mut stage = Stage::start(Options::default().tcp(), "[redis]\nwait_replicas = 1\nwait_ms = 1000\n");
    hold_series(&mut stage, 30);
    stage.proxy.set(Fault::None);
    // Waited for by each series, they would outlast what an answer may take.
    stage.wait_red("0 of 1 replicas have the events");
    add_replica(&mut stage);
    stage.wait_exact(0);
    stage.end();
}
