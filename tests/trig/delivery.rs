//! The stream FIRES, and what becomes of fires that it does not take.

use crate::commands::{fired, listed};
use crate::support::{Client, Reply, Server};

/// One field of every entry of a stream.
fn column(client: &mut Client, stream: &str, name: &str) -> Vec<String> {
    let entries = client.run(&format!("XRANGE {stream} - +"));
    let value = |entry: &Reply| {
        let fields = entry.array()[1].array();
        fields[fields.iter().position(|field| field.text() == name).unwrap() + 1].text()
    };
    entries.array().iter().map(value).collect()
}

#[test]
fn an_entry_tells_everything() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE tick:{BTCUSDT} FIRES fires:{BTCUSDT} ORDER ID").ok();
    client.run("TICK.ADD tick:{BTCUSDT} * buy 62000 1 ID 1");
    let set = client.run("TRIG.SET tick:{BTCUSDT} pos7 LONG TRAILPCT 0.5 PAYLOAD qty=0.5");
    let armed_at = client.run("TRIG.LIST tick:{BTCUSDT}").array()[0].field("armed_at").int();
    client.run("TICK.ADD tick:{BTCUSDT} * buy 62500 1 ID 2-3");
    let now = client.time_ms();
    let reply = client.run(&format!("TICK.ADD tick:{{BTCUSDT}} {now} buy 62000 1 ID 4"));
    let arming = set.field("arming").int();
    assert_eq!(fired(&reply), [format!("pos7:{arming} trail 62187.5 62000")]);
    let entries = client.run("XRANGE fires:{BTCUSDT} - +");
    let fields: Vec<String> = entries.array()[0].array()[1].array().iter().map(|field| field.text()).collect();
    let expected = format!(
        "fire pos7:{arming} id pos7 arming {arming} symbol BTCUSDT key tick:{{BTCUSDT}} side long cause trail level 62187.5 \
         price 62000 by last timestamp {now} tick 4 extreme 62500 armed_at {armed_at} payload qty=0.5"
    );
    assert_eq!(fields.join(" "), expected);
    assert_eq!(client.run("TICK.INFO tick:{BTCUSDT}").field("pending").int(), 0);
    assert_eq!(fired(&client.run("TICK.ADD tick:{BTCUSDT} * buy 62000 1 ID 5")), [""; 0], "told once");
}

#[test]
fn what_cannot_be_appended_is_pending_until_it_can() {
    let mut server = Server::start();
    server.expect_warning("a fire of 'k' was not appended");
    let mut client = server.connect();
    client.run("SET out x").ok();
    client.run("TICK.CREATE k FIRES out").ok();
    for id in ["c", "b", "a"] {
        client.run(&format!("TRIG.SET k {id} BELOW 50"));
    }
    assert_eq!(fired(&client.run("TICK.ADD k * buy 50 1")).len(), 3, "decided all the same");
    assert_eq!(listed(&mut client, "TRIG.LIST k"), ["c pending", "b pending", "a pending"]);
    assert_eq!(client.run("TRIG.DEL k a").int(), 0, "it has fired");
    // The id is free: another arming, which is judged at once by the price that is there.
    assert_eq!(client.run("TRIG.SET k a BELOW 50 NX").field("state").text(), "fired");
    assert_eq!(client.run("TICK.INFO k").field("pending").int(), 4);
    assert_eq!(client.run("PTTL k").int(), -1, "a market that owes a fire does not go");
    client.run("DEL out");
    // Any write tries again, oldest first; a heartbeat is one.
    client.run("TICK.QUOTE k *");
    assert_eq!(column(&mut client, "out", "id"), ["c", "b", "a", "a"]);
    assert_eq!(client.run("TICK.INFO k").field("pending").int(), 0);
    assert!(client.run("PTTL k").int() > 0);
    assert!(client.info("liq_failed_fires").parse::<u64>().unwrap() >= 2);
}

#[test]
fn a_row_of_candles_is_a_write_too() {
    let mut server = Server::start();
    server.expect_warning("a fire of 'k' was not appended");
    let mut client = server.connect();
    client.run("TICK.CREATE k FIRES out").ok();
    let now = client.time_ms();
    client.run(&format!("TRIG.SET k over BELOW 50 EXPIRES {} AT {}", now - 5_000, now - 9_000));
    let row =
        |minutes: u64| format!("CANDLE.PUT k 1m OHLCV {} 40 60 40 60 1", now / 60_000 * 60_000 - minutes * 60_000);
    assert_eq!(client.run(&row(9)).field("inserted").int(), 1);
    assert_eq!(column(&mut client, "out", "cause"), ["expired"], "time has passed, and no price was judged");
    client.run("DEL out");
    client.run("SET out x").ok();
    client.run("TRIG.SET k due BELOW 50");
    client.run("TICK.ADD k * buy 50 1");
    client.run("DEL out");
    assert_eq!(client.run(&row(8)).field("inserted").int(), 1);
    assert_eq!(column(&mut client, "out", "id"), ["due"], "what was pending is tried again");
    assert_eq!(client.run("TICK.INFO k").field("pending").int(), 0);
}

#[test]
fn the_feeding_user_must_be_allowed_to_write_to_the_stream() {
    let mut server = Server::start();
    server.expect_warning("a fire of 'k' was not appended");
    let mut client = server.connect();
    client.run("TICK.CREATE k FIRES out").ok();
    client.run("TRIG.SET k a BELOW 50");
    client.run("ACL SETUSER feed on >x ~k +@all").ok();
    let mut feed = server.connect_as("feed", "x");
    feed.run("TICK.ADD k * buy 50 1");
    assert_eq!((client.run("XLEN out").int(), client.run("TICK.INFO k").field("pending").int()), (0, 1));
    assert!(feed.run("TICK.ALTER k FIRES other").error().starts_with("NOPERM"));
    client.run("TICK.QUOTE k *");
    assert_eq!((client.run("XLEN out").int(), client.run("TICK.INFO k").field("pending").int()), (1, 0));
}

#[test]
fn one_command_tells_at_most_so_many() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("CONFIG SET liq.max-fires 3").ok();
    client.run("TICK.CREATE with FIRES out").ok();
    client.run("TICK.CREATE without").ok();
    for key in ["with", "without"] {
        for number in 0..8 {
            client.run(&format!("TRIG.SET {key} t{number} BELOW 50"));
        }
        let reply = client.run(&format!("TICK.MADD {key} TICKS * buy 50 1"));
        assert_eq!(reply.field("fired").int(), 8, "the counts count all");
    }
    let ids = |count: u64| (0..count).map(|number| format!("t{number}")).collect::<Vec<_>>();
    assert_eq!(column(&mut client, "out", "id"), ids(3));
    client.run("TICK.QUOTE with *");
    assert_eq!(column(&mut client, "out", "id"), ids(6));
    client.run("TICK.QUOTE with *");
    assert_eq!(column(&mut client, "out", "id"), ids(8));
    // Without a stream a batch's reply counts them, and that of one tick names them, the others in later replies.
    assert_eq!(client.run("TICK.INFO without").field("pending").int(), 0);
    for number in 0..8 {
        client.run(&format!("TRIG.SET without t{number} BELOW 40"));
    }
    let told: Vec<String> = [
        client.run("TICK.ADD without * buy 40 1"),
        client.run("TICK.QUOTE without *"),
        client.run("TICK.ADD without * buy 60 1"),
        client.run("TICK.ADD without * buy 60 1"),
    ]
    .iter()
    .flat_map(fired)
    .map(|fire| fire.split(':').next().unwrap().to_owned())
    .collect();
    assert_eq!(told, ids(8));
}

#[test]
fn a_batch_counts_what_no_reply_had_told() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("CONFIG SET liq.max-fires 2").ok();
    client.run("TICK.ADD k * buy 100 1");
    for number in 0..5 {
        client.run(&format!("TRIG.SET k t{number} ABOVE 110"));
    }
    assert_eq!(fired(&client.run("TICK.ADD k * buy 110 1")).len(), 2);
    assert_eq!(client.run("TICK.INFO k").field("pending").int(), 3);
    assert_eq!(client.run("TRIG.SET k late ABOVE 90").field("state").text(), "fired");
    client.run("TRIG.SET k own ABOVE 120");
    assert_eq!(client.run("TICK.MADD k TICKS * buy 120 1").field("fired").int(), 5);
    assert_eq!(client.run("TICK.INFO k").field("pending").int(), 0);
}

#[test]
fn any_write_delivers_what_waits_though_it_changes_nothing_else() {
    let mut server = Server::start();
    server.expect_warning("a fire of 'k' was not appended");
    let mut client = server.connect();
    let now = client.time_ms();
    let open_row = format!("CANDLE.PUT k 1m OHLCV {} 1 2 1 2 3", now / 60_000 * 60_000 + 60_000);
    let refused_tick = format!("TICK.ADD k {} buy 1 1", now - 86_400_000 * 5_000);
    let lines = [
        "TICK.ALTER k FIRES other",
        "TICK.ALTER k STALE 5s",
        "TRIG.DEL k nobody",
        "TRIG.SET k q XX ABOVE 1",
        &open_row,
        &refused_tick,
    ];
    for line in lines {
        client.run("DEL k out other").int();
        client.run("SET out x").ok();
        client.run("TICK.CREATE k FIRES out").ok();
        client.run("TICK.ADD k * buy 100 1");
        client.run("TRIG.SET k x ABOVE 90");
        assert_eq!(client.run("TICK.INFO k").field("pending").int(), 1, "{line}");
        client.run("DEL out").int();
        assert!(!client.run(line).is_error(), "{line}");
        assert_eq!(client.run("TICK.INFO k").field("pending").int(), 0, "{line}");
        assert_eq!(client.run("XLEN out").int() + client.run("XLEN other").int(), 1, "{line}");
    }
    // And lets go of what is over.
    client.run("DEL k out other").int();
    client.run("TICK.CREATE k FIRES out").ok();
    client.run(&format!("TRIG.SET k over BELOW 50 EXPIRES {} AT {}", now - 5_000, now - 9_000));
    client.run("TICK.ALTER k STALE 5s").ok();
    assert_eq!(column(&mut client, "out", "cause"), ["expired"]);
}

#[test]
fn what_is_owed_to_a_stream_waits_for_one() {
    let mut server = Server::start();
    server.expect_warning("a fire of 'k' was not appended");
    let mut client = server.connect();
    client.run("SET out x").ok();
    client.run("TICK.CREATE k FIRES out").ok();
    client.run("TRIG.SET k a BELOW 50");
    client.run("TICK.ADD k * buy 50 1");
    client.run("TICK.ALTER k FIRES \"\"").ok();
    client.run("TRIG.SET k b BELOW 40");
    let told = fired(&client.run("TICK.ADD k * buy 40 1"));
    assert!(told.len() == 1 && told[0].starts_with("b:"), "without a stream the reply is all there is: {told:?}");
    assert_eq!(listed(&mut client, "TRIG.LIST k"), ["a pending"]);
    client.run("TICK.ALTER k FIRES new MAXLEN 5").ok();
    assert_eq!(column(&mut client, "new", "id"), ["a"]);
}

#[test]
fn a_transaction_and_a_script_deliver_too() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k FIRES out").ok();
    client.run("TRIG.SET k a BELOW 50");
    client.run("TRIG.SET k b BELOW 40");
    client.run("MULTI").ok();
    client.run("TICK.ADD k * buy 50 1");
    client.run("EXEC");
    client.call(&["EVAL", "redis.call('TICK.ADD', 'k', '*', 'buy', '40', '1')", "1", "k"]);
    assert_eq!(column(&mut client, "out", "id"), ["a", "b"]);
}

#[test]
fn what_is_pending_is_counted_over_all_markets() {
    let mut server = Server::start();
    server.expect_warning("a fire of 'k' was not appended");
    let mut client = server.connect();
    client.run("SET out x").ok();
    client.run("TICK.CREATE k FIRES out").ok();
    client.run("TICK.ADD k * buy 50 1");
    let pending = |client: &mut Client| client.info("liq_fires_pending");
    for id in ["a", "b"] {
        client.run(&format!("TRIG.SET k {id} BELOW 60"));
    }
    assert_eq!(pending(&mut client), "2");
    assert_eq!(client.run("COPY k copied").int(), 1);
    assert_eq!(pending(&mut client), "4", "a copy owes them too");
    // Valkey frees what is flushed in another thread unless told otherwise.
    client.run("FLUSHDB SYNC").ok();
    assert_eq!(pending(&mut client), "0");
    client.run("TICK.CREATE k FIRES out").ok();
    client.run("SET out x").ok();
    client.run("TICK.ADD k * buy 50 1");
    client.run("TRIG.SET k c BELOW 60");
    assert_eq!(pending(&mut client), "1");
    client.run("DEL out");
    client.run("TICK.QUOTE k *");
    assert_eq!((pending(&mut client).as_str(), client.run("XLEN out").int()), ("0", 1));
}
