//! The table of commands, what they answer and what they refuse.

use std::time::Duration;

use crate::support::{Client, Reply, Server};

/// What fired, by the reply of a feeding command: fire, cause, level, price.
pub fn fired(reply: &Reply) -> Vec<String> {
    let told = |fire: &Reply| {
        let part = |part: &Reply| if part.is_null() { "-".to_owned() } else { part.text() };
        fire.array().iter().map(part).collect::<Vec<_>>().join(" ")
    };
    reply.array()[2].array().iter().map(told).collect()
}

/// Ids and states of what is listed.
pub fn listed(client: &mut Client, line: &str) -> Vec<String> {
    let rows = client.run(line);
    rows.array().iter().map(|row| format!("{} {}", row.field("id").text(), row.field("state").text())).collect()
}

#[test]
fn a_level_below_zero_is_none() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k CLOCK EVENT");
    client.run("TICK.ADD k 1723161600000 buy 100 1");
    for (legs, expected) in [("LONG TRAIL 500", None), ("LONG TRAIL 100", None), ("SHORT TRAIL 500", Some("600"))] {
        assert_eq!(client.run(&format!("TRIG.SET k a {legs}")).field("state").text(), "armed");
        let row = &client.run("TRIG.LIST k").array()[0].clone();
        let level = Some(row.field("level")).filter(|level| !level.is_null()).map(|level| level.text());
        assert_eq!((level.as_deref(), row.field("extreme").text().as_str()), (expected, "100"), "{legs}");
    }
}

#[test]
fn commands_say_what_they_do() {
    let server = Server::start();
    let mut client = server.connect();
    for (command, flags) in
        [("TRIG.SET", "write fast module"), ("TRIG.DEL", "write module"), ("TRIG.LIST", "readonly module")]
    {
        let info = client.run(&format!("COMMAND INFO {command}"));
        let mut shown: Vec<String> = info.array()[0].array()[2].array().iter().map(|flag| flag.text()).collect();
        let mut expected: Vec<&str> = flags.split(' ').collect();
        shown.sort_unstable();
        expected.sort_unstable();
        assert_eq!(shown, expected, "{command}");
        let name = command.to_lowercase();
        let docs = client.run(&format!("COMMAND DOCS {name}"));
        assert!(!docs.field(&name).field("arguments").array().is_empty(), "{command}");
    }
    assert_eq!(client.run("COMMAND GETKEYS TRIG.SET k id ABOVE 1").array()[0].text(), "k");
}

#[test]
fn a_stop_fires_at_the_tick_that_reaches_it() {
    let server = Server::start();
    for mut client in [server.connect(), server.connect_resp3()] {
        client.run("DEL k").int();
        client.run("TICK.ADD k * buy 61755.70 0.012 ID 1");
        let set = client.call(&[
            "TRIG.SET",
            "k",
            "user42:pos7",
            "LONG",
            "SL",
            "61000",
            "TP",
            "63000",
            "TRAILPCT",
            "0.8",
            "ACTIVATE",
            "62500",
            "PAYLOAD",
            "{\"qty\":\"0.5\"}",
        ]);
        assert_eq!((set.field("state").text(), set.field("price").text()), ("armed".into(), "61755.7".into()));
        let arming = set.field("arming").int();
        let row = &client.run("TRIG.LIST k").array()[0].clone();
        assert_eq!((row.field("sl").text(), row.field("sl_by").text()), ("61000".into(), "last".into()));
        assert_eq!((row.field("trailpct").text(), row.field("activate").text()), ("0.8".into(), "62500".into()));
        assert_eq!(
            (row.field("level").text(), row.field("payload").text()),
            ("61000".into(), "{\"qty\":\"0.5\"}".into())
        );
        assert!(row.field("extreme").is_null() && row.field("above").is_null());
        assert_eq!(fired(&client.run("TICK.ADD k * sell 61000.1 3 ID 2")), [""; 0]);
        let expected = format!("user42:pos7:{arming} sl 61000 60950.1");
        assert_eq!(fired(&client.run("TICK.ADD k * sell 60950.10 3 ID 3")), [expected]);
        assert_eq!(client.run("TRIG.LIST k").array().len(), 0);
        assert_eq!(client.run("TRIG.DEL k user42:pos7").int(), 0, "it has fired");
        let info = client.run("TICK.INFO k");
        assert_eq!((info.field("armed").int(), info.field("total_fires").int()), (0, 1));
    }
    assert_eq!(server.connect().info("liq_fires"), "2");
}

#[test]
fn batches_and_quotes_judge_as_single_ticks_do() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k").ok();
    for line in ["a LONG TRAIL 10", "b SHORT TRAILPCT 10 BY mark", "c ABOVE 120 BY mid"] {
        let set = client.run(&format!("TRIG.SET k {line}"));
        let state = if line.contains("TRAIL") { "waiting" } else { "armed" };
        assert_eq!(set.field("state").text(), state);
        assert!(set.field("price").is_null());
    }
    assert_eq!(client.run("TICK.MADD k TICKS * buy 100 1 * buy 115 1 * buy 90 1 * buy 130 1").field("fired").int(), 1);
    assert_eq!(listed(&mut client, "TRIG.LIST k"), ["b waiting", "c armed"]);
    assert_eq!(fired(&client.run("TICK.QUOTE k * BID 119 1 ASK 120 1 MARK 50")), [""; 0]);
    let all = fired(&client.run("TICK.QUOTE k * BID 120.5 1 MARK 55"));
    let all: Vec<&str> = all.iter().map(|fire| fire.split_once(' ').unwrap().1).collect();
    assert_eq!(all, ["above 120 120.25", "trail 55 55"], "the mean stands before the mark");
}

#[test]
fn sets_are_refused_in_the_words_of_the_argument_and_change_nothing() {
    let mut server = Server::start();
    server.expect_warning("liq: memory mode");
    let mut client = server.connect();
    assert_eq!(client.run("TRIG.SET none a ABOVE 1").error(), "ERR no such key");
    assert_eq!(client.run("EXISTS none").int(), 0);
    assert_eq!(client.run("TRIG.DEL none a").int(), 0);
    assert_eq!(client.run("TRIG.LIST none").array().len(), 0);
    client.run("SET text x").ok();
    for line in ["TRIG.SET text a ABOVE 1", "TRIG.DEL text a", "TRIG.LIST text"] {
        assert!(client.run(line).error().starts_with("WRONGTYPE"), "{line}");
    }
    client.run("TICK.CREATE k").ok();
    let before = client.digest("k");
    for (line, error) in [
        ("a LONG SL 5 TP 4", "ERR SL: must be below TP for LONG, got '5'"),
        ("a TP 4 BY last", "ERR TP: needs LONG or SHORT, got '4'"),
        ("a ABOVE 5 EXPIRES 1000", "ERR EXPIRES: is past, got '1000'"),
        ("a ABOVE -5", "ERR ABOVE: must be 0.000000000001 to 1000000000000000, got '-5'"),
        ("a ABOVE 5 XX NX", "ERR NX: NX and XX do not go together, and each is given once, got 'NX'"),
    ] {
        assert_eq!(client.run(&format!("TRIG.SET k {line}")).error(), error);
    }
    assert!(client.run("TRIG.SET k a ABOVE 5 AT 9007199254740992").error().starts_with("ERR AT: more than 1m"));
    assert!(client.run("TRIG.SET k a ABOVE 5 XX").is_null());
    assert_eq!(client.digest("k"), before);
    client.run("CONFIG SET liq.max-triggers 2").ok();
    assert_eq!(client.run("TRIG.SET k a ABOVE 5").field("state").text(), "armed");
    assert!(client.run("TRIG.SET k a ABOVE 5 NX").is_null());
    assert_eq!(client.run("TRIG.SET k b ABOVE 5").field("state").text(), "armed");
    assert_eq!(
        client.run("TRIG.SET k c ABOVE 5").error(),
        "ERR id: would be more than 2 triggers (liq.max-triggers), got 'c'"
    );
    assert_eq!(client.run("TRIG.SET k b ABOVE 6 XX").field("state").text(), "armed");
    client.run("CONFIG SET maxmemory 1").ok();
    client.run("TRIG.DEL k a");
    assert!(client.run("TRIG.SET k c ABOVE 5").error().starts_with("OOM"));
    assert!(client.run("TRIG.SET k c ABOVE 5 XX").is_null(), "it makes none");
    assert_eq!(client.run("TRIG.SET k b ABOVE 7").field("state").text(), "armed", "what is there may be moved");
    client.run("CONFIG SET maxmemory 0").ok();
}

#[test]
fn lists_are_pages_by_arming() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k").ok();
    for id in ["b:1", "a:1", "b:2", "a:2"] {
        client.run(&format!("TRIG.SET k {id} ABOVE 5"));
    }
    assert_eq!(listed(&mut client, "TRIG.LIST k COUNT 2"), ["b:1 armed", "a:1 armed"]);
    let after = client.run("TRIG.LIST k COUNT 2").array()[1].field("arming").int();
    assert_eq!(listed(&mut client, &format!("TRIG.LIST k AFTER {after}")), ["b:2 armed", "a:2 armed"]);
    assert_eq!(listed(&mut client, "TRIG.LIST k PREFIX a:"), ["a:1 armed", "a:2 armed"]);
    assert_eq!(listed(&mut client, "TRIG.LIST k ID b:2"), ["b:2 armed"]);
    assert_eq!(client.run("TRIG.DEL k PREFIX a:").int(), 2);
    assert_eq!(client.run("TRIG.DEL k b:1 a:1 b:2").int(), 2);
}

#[test]
fn events_tell_of_triggers() {
    let server = Server::with(&["notify-keyspace-events EAd"]);
    let (mut client, mut watcher) = (server.connect(), server.connect());
    watcher.run("PSUBSCRIBE __keyevent@0__:trig*");
    client.run("TICK.CREATE k").ok();
    let now = client.time_ms();
    client.run("TRIG.SET k a BELOW 5");
    client.run(&format!("TRIG.SET k b BELOW 5 EXPIRES {} AT {}", now - 5_000, now - 9_000));
    client.run("TRIG.SET k c BELOW 5");
    client.run("TRIG.DEL k c");
    client.run("TICK.ADD k * buy 5 1");
    for event in ["trig.set", "trig.set", "trig.expired", "trig.set", "trig.del", "trig.fired"] {
        let message = watcher.try_receive(Duration::from_secs(20)).expect(event);
        assert_eq!(message.array()[2].text(), format!("__keyevent@0__:{event}"));
    }
}

#[test]
fn an_engine_may_set_stops_and_not_feed() {
    let server = Server::start();
    let mut client = server.connect();
    let categories: Vec<String> = client.run("ACL CAT").array().iter().map(|name| name.text()).collect();
    if !categories.contains(&"trig".to_owned()) {
        return eprintln!("this server lets modules add no categories");
    }
    client.run("TICK.CREATE k").ok();
    client.run("ACL SETUSER engine on >x ~* +@trig").ok();
    let mut engine = server.connect_as("engine", "x");
    assert_eq!(engine.run("TRIG.SET k a BELOW 5").field("state").text(), "armed");
    assert!(engine.run("TICK.ADD k * buy 1 1").error().starts_with("NOPERM"));
}

#[test]
fn a_market_with_triggers_does_not_go_idle() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k IDLE 1h").ok();
    client.run("TICK.ADD k * buy 100 1");
    assert!(client.run("PTTL k").int() > 0);
    client.run("TRIG.SET k a BELOW 5");
    assert_eq!(client.run("PTTL k").int(), -1);
    client.run("TICK.ADD k * buy 100 1");
    assert_eq!(client.run("PTTL k").int(), -1);
    client.run("TRIG.DEL k a");
    assert!(client.run("PTTL k").int() > 0, "the last one is gone");
    client.run("TRIG.SET k a BELOW 5");
    client.run("TICK.ADD k * buy 4 1");
    assert!(client.run("PTTL k").int() > 0, "the last one has fired and was told");
}
