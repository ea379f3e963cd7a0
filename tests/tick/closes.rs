//! The stream CLOSES and keyspace events: each announced candle once, and again when it is amended.

use std::time::Duration;

use crate::support::{Client, Server};

const M: u64 = 1_723_161_300_000;

/// The entries of a stream: event, interval, start in minutes, trades, state.
fn entries(client: &mut Client, stream: &str) -> Vec<String> {
    let entries = client.run(&format!("XRANGE {stream} - +"));
    let entry = |entry: &crate::support::Reply| {
        let fields = entry.array()[1].array();
        let value = |name: &str| fields[fields.iter().position(|field| field.text() == name).unwrap() + 1].text();
        let start = (value("start").parse::<u64>().unwrap() - M) / 60_000;
        format!("{} {} {start} {} {}", value("event"), value("interval"), value("trades"), value("state"))
    };
    entries.array().iter().map(entry).collect()
}

#[test]
fn each_announced_candle_is_told_once_and_again_when_amended() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k{x} CLOCK EVENT CLOSES out{x} MAXLEN 100 ANNOUNCE 1m ANNOUNCE 5m").ok();
    for minute in [0, 1, 2, 5] {
        client.run(&format!("TICK.ADD k{{x}} {} buy 100 1", M + minute * 60_000));
    }
    client.run(&format!("TICK.ADD k{{x}} {} buy 100 1", M + 60_001));
    client.run(&format!("TICK.ADD k{{x}} {} buy 100 1", M + 3 * 60_000));
    client.run(&format!("TICK.MADD k{{x}} TICKS {} buy 100 1 {} buy 100 1", M + 6 * 60_000, M + 5 * 60_000 + 9));
    assert_eq!(
        entries(&mut client, "out{x}"),
        [
            "closed 1m 0 1 partial",
            "closed 1m 1 1 closed",
            "closed 1m 2 1 closed",
            "closed 5m 0 3 partial",
            "amended 1m 1 2 closed",
            "amended 5m 0 4 partial",
            "closed 1m 3 1 closed",
            "amended 5m 0 5 partial",
            // Closed and amended by one command: once, as it is then.
            "closed 1m 5 2 closed",
        ]
    );
    let entry = client.run("XRANGE out{x} - + COUNT 1");
    let fields: Vec<String> = entry.array()[0].array()[1].array().iter().step_by(2).map(|name| name.text()).collect();
    let columns = "start open high low close volume end quote_volume trades taker_volume taker_quote_volume state";
    assert_eq!(fields.join(" "), format!("event symbol key interval {columns}"));
    assert_eq!(client.run("TICK.INFO k{x}").field("total_closes").int(), 6);
    client.run("TICK.ALTER k{x} CLOSES \"\"").ok();
    client.run(&format!("TICK.ADD k{{x}} {} buy 100 1", M + 60 * 60_000));
    assert_eq!(client.run("XLEN out{x}").int(), 9);
}

#[test]
fn the_state_that_is_told_is_that_which_is_read() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k{x} ORDER ID CLOCK EVENT CLOSES out{x}").ok();
    client.run(&format!("TICK.MADD k{{x}} IDS TICKS {M} buy 5 1 1 {} buy 5 1 2", M + 61_000));
    client.run(&format!("TICK.ADD k{{x}} {} buy 5 1 ID 5", M + 120_001));
    // The venue says the same, which ends the doubt.
    let put = client.run(&format!("CANDLE.PUT k{{x}} 1m KLINE {} 5 5 5 5 1 0 5 1 1 5", M + 60_000));
    assert_eq!(put.field("same").int(), 1);
    let expected = ["closed 1m 0 1 partial", "closed 1m 1 1 partial", "amended 1m 1 1 closed"];
    assert_eq!(entries(&mut client, "out{x}"), expected);
    let states = client.run("CANDLE.RANGE k{x} 1m CLOSED");
    let states: Vec<String> = states.array().iter().map(|row| row.array()[11].text()).collect();
    assert_eq!(states, ["partial", "closed"]);
}

#[test]
fn a_stream_that_takes_nothing_costs_nothing() {
    let mut server = Server::start();
    server.expect_warning("a close of 'k' was not appended");
    let mut client = server.connect();
    client.run("SET out x").ok();
    client.run("TICK.CREATE k CLOCK EVENT CLOSES out").ok();
    client.run(&format!("TICK.ADD k {M} buy 100 1"));
    let reply = client.run(&format!("TICK.ADD k {} buy 100 1", M + 60_000));
    assert_eq!(reply.array()[1].array().len(), 1);
    assert_eq!(client.info("liq_failed_closes"), "1");
}

#[test]
fn keyspace_events_tell_of_ticks_and_closes() {
    let server = Server::with(&["notify-keyspace-events KEd"]);
    let mut listener = server.connect();
    listener.run("PSUBSCRIBE __keyspace@0__:k").ok_or_message();
    let mut client = server.connect();
    client.run("TICK.CREATE k CLOCK EVENT").ok();
    client.run(&format!("TICK.ADD k {M} buy 100 1"));
    client.run(&format!("TICK.ADD k {} buy 100 1", M + 60_000));
    client.run(&format!("TICK.ADD k {} buy 100 1", M + 1));
    let mut seen = Vec::new();
    while seen.len() < 5 {
        let Some(message) = listener.try_receive(Duration::from_secs(20)) else { break };
        seen.push(message.array().last().unwrap().text());
    }
    assert_eq!(seen, ["tick.add", "tick.add", "candle.closed", "tick.add", "candle.amended"]);
}

trait OkOrMessage {
    fn ok_or_message(self);
}

impl OkOrMessage for crate::support::Reply {
    fn ok_or_message(self) {
        assert!(!self.is_error(), "{self:?}");
    }
}
