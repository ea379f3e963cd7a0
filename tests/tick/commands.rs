//! The table of commands: flags, keys, categories; and that reads work on missing keys.

use crate::support::{Options, Server};

#[test]
fn commands_say_what_they_do() {
    let server = Server::start();
    let mut client = server.connect();
    for (command, flags) in [
        ("TICK.CREATE", "write denyoom module"),
        ("TICK.ALTER", "write module"),
        ("TICK.ADD", "write fast module"),
        ("TICK.MADD", "write module"),
        ("TICK.QUOTE", "write fast module"),
        ("TICK.LAST", "readonly fast module"),
        ("TICK.RANGE", "readonly module"),
        ("TICK.INFO", "readonly module"),
        ("CANDLE.PUT", "write module"),
        ("CANDLE.RANGE", "readonly module"),
    ] {
        let info = client.run(&format!("COMMAND INFO {command}"));
        let mut shown: Vec<String> = info.array()[0].array()[2].array().iter().map(|flag| flag.text()).collect();
        let mut expected: Vec<&str> = flags.split(' ').collect();
        shown.sort_unstable();
        expected.sort_unstable();
        assert_eq!(shown, expected, "{command}");
        let name = command.to_lowercase();
        let docs = client.run(&format!("COMMAND DOCS {name}"));
        assert!(docs.field(&name).field("complexity").text().contains("O("), "{command}");
        assert!(!docs.field(&name).field("arguments").array().is_empty(), "{command}");
    }
    assert_eq!(client.run("COMMAND GETKEYS TICK.ADD k 1 buy 1 1").array()[0].text(), "k");
}

#[test]
fn clients_cannot_send_what_only_replication_carries() {
    let server = Server::start();
    let mut client = server.connect();
    for line in ["TICK.APPLY k x", "TICK.LOAD k x"] {
        assert!(client.run(line).is_error(), "{line}");
    }
    assert_eq!(client.run("EXISTS k").int(), 0);
}

#[test]
fn create_with_nx_leaves_a_market_that_is_there() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k NX TAIL 100").ok();
    let before = client.digest("k");
    assert!(client.run("TICK.CREATE k NX TAIL 200").is_null());
    assert_eq!(client.digest("k"), before);
    assert_eq!(client.run("TICK.CREATE k").error(), "ERR key already exists");
    assert_eq!(client.run("TICK.CREATE n TAIL 100 NX").error(), "ERR option: unknown, got 'NX'");
    client.run("SET text x").ok();
    assert!(client.run("TICK.CREATE text NX").error().starts_with("WRONGTYPE"));
}

#[test]
fn a_missing_market_answers_like_an_empty_one() {
    let server = Server::start();
    let mut client = server.connect();
    assert!(client.run("TICK.LAST none").field("price").is_null());
    assert!(client.run("TICK.LAST none FULL WINDOW 1d").field("volume").is_null());
    assert_eq!(client.run("TICK.RANGE none - +").array().len(), 0);
    assert_eq!(client.run("CANDLE.RANGE none 1s").array().len(), 0);
    assert_eq!(client.run("TICK.INFO none").error(), "ERR no such key");
    assert_eq!(client.run("TICK.ALTER none TAIL 5").error(), "ERR no such key");
    client.run("SET text x").ok();
    for line in ["TICK.LAST text", "TICK.ADD text 1 buy 1 1", "CANDLE.RANGE text 1m", "TICK.INFO text"] {
        assert!(client.run(line).error().starts_with("WRONGTYPE"), "{line}");
    }
}

#[test]
fn categories_divide_a_feed_from_a_chart() {
    let server = Options::default().start();
    let mut client = server.connect();
    let categories: Vec<String> = client.run("ACL CAT").array().iter().map(|name| name.text()).collect();
    if !categories.contains(&"tick".to_owned()) {
        return eprintln!("this server lets modules add no categories");
    }
    client.run("ACL SETUSER chart on >x ~* +@candle").ok();
    let mut chart = server.connect_as("chart", "x");
    assert_eq!(chart.run("CANDLE.RANGE k 1m").array().len(), 0);
    assert!(chart.run("TICK.ADD k 1 buy 1 1").error().starts_with("NOPERM"));
}

#[test]
fn parameters_are_the_defaults_of_new_markets() {
    let server = Server::start();
    let mut client = server.connect();
    assert_eq!(client.run("CONFIG GET liq.tick-keep").array()[1].text(), "1m 1500 5m 1000 1h 1000 1d 1000");
    for (name, value) in [
        ("tick-keep", "1s 60 1m 30"),
        ("tick-tail", "7"),
        ("tick-order", "ID"),
        ("tick-tz", "+08:00"),
        ("tick-grace", "2s"),
        ("tick-stale", "1m"),
        ("tick-max-jump", "5"),
        ("tick-announce", "1m 5m"),
        ("tick-idle", "7d"),
        ("tick-max-future", "5m"),
    ] {
        client.call(&["CONFIG", "SET", &format!("liq.{name}"), value]).ok();
        assert_eq!(client.run(&format!("CONFIG GET liq.{name}")).array()[1].text(), value, "{name}");
    }
    client.run("TICK.CREATE k").ok();
    let info = client.run("TICK.INFO k");
    assert_eq!(info.field("keep").text(), "1s 60 1m 30");
    assert_eq!((info.field("tail").int(), info.field("tz").text()), (7, "+08:00".to_owned()));
    assert_eq!(info.field("announce").array().len(), 2);
    for (name, value) in [
        ("tick-keep", "1m 5 1h 5"),
        ("tick-keep", "1m 4 5m 12"),
        ("tick-keep", ""),
        ("tick-order", "x"),
        ("tick-announce", "7m"),
    ] {
        assert!(client.call(&["CONFIG", "SET", &format!("liq.{name}"), value]).is_error(), "{name} {value}");
    }
}
