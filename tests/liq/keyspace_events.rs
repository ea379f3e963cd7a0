//! Notifications: what is told to subscribers of key events.

use std::time::Duration;

use crate::support::{Client, Server};
use crate::twin::T0;

fn subscriber(server: &Server) -> Client {
    server.connect().run("CONFIG SET notify-keyspace-events KEA").ok();
    let mut client = server.connect();
    client.run("PSUBSCRIBE __keyevent@0__:*");
    client
}

/// The events (name, key) up to the marker key, which is set last.
fn heard(server: &Server, subscriber: &mut Client) -> Vec<(String, String)> {
    server.connect().run("SET marker 1").ok();
    let mut events = Vec::new();
    while let Some(message) = subscriber.try_receive(Duration::from_secs(20)) {
        let parts: Vec<String> = message.array().iter().map(|part| part.text()).collect();
        let name = parts[parts.len() - 2].rsplit(':').next().unwrap().to_owned();
        let (channel, key) = (parts[parts.len() - 2].clone(), parts[parts.len() - 1].clone());
        if key == "marker" {
            return events;
        }
        let name = channel.strip_prefix("__keyevent@0__:").map_or(name, str::to_owned);
        events.push((name, key));
    }
    panic!("the marker was not heard");
}

#[test]
fn adding_is_told_once_per_command_and_only_when_something_was_stored() {
    let server = Server::start();
    let mut client = server.connect();
    let mut subscriber = subscriber(&server);
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0 MINSIZE 5").ok();
    heard(&server, &mut subscriber);
    client.run(&format!("LIQ.ADD s {T0} buy 100 10"));
    let count = |events: &[(String, String)], name: &str| events.iter().filter(|(event, _)| event == name).count();
    let events = heard(&server, &mut subscriber);
    assert_eq!(count(&events, "liq.add"), 1, "{events:?}");
    assert!(events.iter().all(|(_, key)| key == "s"), "{events:?}");
    client.run(&format!("LIQ.MADD s EVENTS {T0} buy 100 11 {T0} buy 100 12"));
    let events = heard(&server, &mut subscriber);
    assert!((1..=2).contains(&count(&events, "liq.add")), "{events:?}");
    client.run(&format!("LIQ.ADD s {T0} buy x 10"));
    client.run("LIQ.PCTL s 50");
    let events = heard(&server, &mut subscriber);
    assert_eq!(count(&events, "liq.add"), 0, "{events:?}");
}

#[test]
fn a_signal_is_told() {
    let server = Server::start();
    let mut client = server.connect();
    let mut subscriber = subscriber(&server);
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0 SIGNALS out").ok();
    client.run(&format!("LIQ.ADD s {T0} buy 100 10"));
    heard(&server, &mut subscriber);
    client.run(&format!("LIQ.ADD s {T0} sell 50 10"));
    let events = heard(&server, &mut subscriber);
    assert!(events.contains(&("liq.signal".into(), "s".into())), "{events:?}");
}

#[test]
fn without_subscribers_nothing_is_told_and_nothing_fails() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("CONFIG SET notify-keyspace-events KEg$").ok();
    let mut subscriber = server.connect();
    subscriber.run("PSUBSCRIBE __keyevent@0__:*");
    client.run("LIQ.ADD s * buy 100 10");
    let events = heard(&server, &mut subscriber);
    assert!(events.iter().all(|(name, _)| !name.starts_with("liq.")), "the module class is not asked for: {events:?}");
}
