//! LIQ.MADD and LIQ.MADDPACK: the same as so many LIQ.ADD, and exactly once with BATCH.

use rmp_serde::encode;

use crate::support::feed::Feed;
use crate::support::oracle::{Event, HOUR, MINUTE, Options, SECOND, Series, Side, Status};
use crate::support::{Client, Reply, Server};
use crate::twin::{T0, Twin};

const COUNTS: [&str; 7] = ["future", "late", "small", "duplicate", "filtered", "accepted", "signals"];

/// A packed event: exchange and id absent, nil or given.
type Row<'a> = (u64, &'a str, f64, f64, Option<&'a str>, Option<&'a str>);

#[track_caller]
fn assert_counts(reply: &Reply, expected: &[(&str, usize)]) {
    for field in COUNTS {
        let count = expected.iter().find(|(name, _)| *name == field).map_or(0, |(_, count)| *count);
        assert_eq!(reply.field(field).int(), count as i64, "{field}: {reply:?}");
    }
}

fn expected_counts(series: &Series, from: usize) -> Vec<(&'static str, usize)> {
    let judged = &series.judgements[from..];
    let of = |status| judged.iter().filter(|judgement| judgement.status == status).count();
    let mut counts: Vec<_> = Status::ALL.iter().map(|status| (status.name(), of(*status))).collect();
    counts.push(("signals", judged.iter().filter(|judgement| judgement.signal.is_some()).count()));
    counts
}

#[track_caller]
fn pack_command(client: &mut Client, key: &str, payload: &[u8], rest: &[&str]) -> Reply {
    let mut args: Vec<&[u8]> = vec![b"LIQ.MADDPACK", key.as_bytes(), payload];
    args.extend(rest.iter().map(|word| word.as_bytes()));
    client.call(&args)
}

fn feed() -> Vec<Event> {
    let mut events = Feed::new(11, T0).take(900, 8 * SECOND, 9, 4 * HOUR);
    for event in &mut events {
        event.exchange = "okx".into();
    }
    let again: Vec<Event> = events.iter().step_by(13).cloned().collect();
    events.extend(again);
    events
}

#[test]
fn the_three_ways_to_add_lead_to_the_same_series() {
    let server = Server::start();
    let mut client = server.connect();
    let options = Options {
        retention: 2 * HOUR,
        window: HOUR,
        vwap_window: 10 * MINUTE,
        min_size: 5.0,
        event_clock: true,
        long_offset: 0.5,
        short_offset: 0.5,
        ..Options::default()
    };
    let mut twin = Twin::create(&mut client, "one", options.clone());
    for key in ["many", "packed"] {
        Twin::create(&mut client, key, options.clone());
    }
    for chunk in feed().chunks(100) {
        let before = twin.series.judgements.len();
        for event in chunk {
            twin.add(&mut client, event, T0);
        }
        let expected = expected_counts(&twin.series, before);
        let events: Vec<String> = chunk
            .iter()
            .map(|event| format!("{} {} {} {}", event.ts, event.side.name(), event.price, event.size))
            .collect();
        let reply = client.run(&format!("LIQ.MADD many EXCHANGE okx AT {T0} EVENTS {}", events.join(" ")));
        assert_counts(&reply, &expected);
        let rows: Vec<Row<'_>> = chunk
            .iter()
            .map(|event| (event.ts, event.side.name(), event.price, event.size, Some("okx"), None))
            .collect();
        let payload = encode::to_vec(&rows).unwrap();
        let at = T0.to_string();
        assert_counts(&pack_command(&mut client, "packed", &payload, &["AT", &at]), &expected);
    }
    let digest = client.digest("one");
    assert_eq!(client.digest("many"), digest);
    assert_eq!(client.digest("packed"), digest);
}

#[test]
fn ids_tell_events_of_a_batch_apart() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0").ok();
    let line = format!("LIQ.MADD s IDS EVENTS {T0} buy 100 5 a {T0} buy 100 5 b {T0} buy 100 5 a {T0} buy 100 5 \"\"");
    assert_counts(&client.run(&line), &[("accepted", 3), ("duplicate", 1)]);
    let again = client.run(&format!("LIQ.ADD s {T0} buy 100 5 ID b"));
    assert_eq!(again.field("status").text(), "duplicate");
    let again = client.run(&format!("LIQ.ADD s {T0} buy 100 5"));
    assert_eq!(again.field("status").text(), "duplicate");
}

#[test]
fn the_packed_form_takes_every_documented_spelling() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0").ok();
    let t = T0;
    let spellings: Vec<Vec<u8>> = vec![
        encode::to_vec(&[(t, "buy", 100.0, 5.0)]).unwrap(),
        encode::to_vec(&[(t, 0_u8, 100_u32, 5_u8)]).unwrap(),
        encode::to_vec(&[(t as i64, 0_i8, 100.0_f32, 5.0_f32, None::<&str>)]).unwrap(),
        encode::to_vec(&[(t, "buy", 100.0, 5_i64, None::<&str>, None::<&str>)]).unwrap(),
    ];
    for (at, payload) in spellings.iter().enumerate() {
        let expected = if at == 0 { ("accepted", 1) } else { ("duplicate", 1) };
        assert_counts(&pack_command(&mut client, "s", payload, &[]), &[expected]);
    }
    let ids: Vec<Vec<u8>> = vec![
        encode::to_vec(&[(t, 1_u8, 100.0, 5.0, "okx", "17")]).unwrap(),
        [&[0x91, 0x96, 0xcf], t.to_be_bytes().as_slice(), b"\xa4sell\x64\x05\xa3okx\xc4\x02\x00\xff"].concat(),
        encode::to_vec(&[(t, "sell", 100.0, 5.0, "okx", 18_u64)]).unwrap(),
        encode::to_vec(&[(t, "sell", 100.0, 5.0, "okx", -1_i64)]).unwrap(),
    ];
    for payload in &ids {
        assert_counts(&pack_command(&mut client, "s", payload, &[]), &[("accepted", 1)]);
        assert_counts(&pack_command(&mut client, "s", payload, &[]), &[("duplicate", 1)]);
    }
    let sides: Vec<String> =
        client.run("LIQ.RANGE s - + COUNT 2").array().iter().map(|r| r.array()[1].text()).collect();
    assert_eq!(sides, ["buy", "sell"], "0 is buy, 1 is sell");
    let before = client.time_ms();
    client.run("DEL s");
    let nil_time = encode::to_vec(&[(None::<u64>, "sell", 100.0, 5.0)]).unwrap();
    assert_counts(&pack_command(&mut client, "s", &nil_time, &[]), &[("accepted", 1)]);
    assert!(client.run("LIQ.RANGE s - +").array()[0].array()[0].int() as u64 >= before);
}

#[test]
fn a_batch_number_is_taken_once() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0").ok();
    let send = |client: &mut Client, producer: &str, seq: u64, size: u32| {
        client.run(&format!("LIQ.MADD s BATCH {producer} {seq} EVENTS {T0} buy 100 {size} {T0} buy 101 {size}"))
    };
    assert_counts(&send(&mut client, "a", 0, 1), &[("accepted", 2)]);
    assert_counts(&send(&mut client, "a", 0, 2), &[("duplicate", 2)]);
    assert_counts(&send(&mut client, "a", 5, 3), &[("accepted", 2)]);
    let digest = client.digest("s");
    assert_counts(&send(&mut client, "a", 4, 4), &[("duplicate", 2)]);
    assert_counts(&send(&mut client, "a", 5, 4), &[("duplicate", 2)]);
    assert_counts(&send(&mut client, "b", 4, 5), &[("accepted", 2)]);
    assert_counts(&send(&mut client, "a", i64::MAX as u64, 6), &[("accepted", 2)]);
    assert_counts(&send(&mut client, "a", 7, 7), &[("duplicate", 2)]);
    assert_ne!(client.digest("s"), digest);
    assert_eq!(client.run("LIQ.INFO s").field("events").int(), 8);
    let payload = encode::to_vec(&[(T0, "buy", 100.0, 77.0)]).unwrap();
    assert_counts(&pack_command(&mut client, "s", &payload, &["BATCH", "b", "4"]), &[("duplicate", 1)]);
    assert_counts(&pack_command(&mut client, "s", &payload, &["BATCH", "b", "5"]), &[("accepted", 1)]);
}

#[test]
fn an_answered_batch_changes_nothing_stored() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0").ok();
    client.run(&format!("LIQ.MADD s BATCH a 5 EVENTS {T0} buy 100 1"));
    let events = client.run("LIQ.INFO s").field("events").int();
    client.run(&format!("LIQ.MADD s BATCH a 5 EVENTS {} buy 100 2 {} buy 100 3", T0 + 1, T0 + 2));
    assert_eq!(client.run("LIQ.INFO s").field("events").int(), events);
    assert_eq!(client.run("LIQ.INFO s").field("last").int() as u64, T0);
}

#[test]
fn the_64_most_recent_producers_are_remembered() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0").ok();
    let send = |client: &mut Client, producer: u32, size: u32| {
        let reply = client.run(&format!("LIQ.MADD s BATCH p{producer} 9 EVENTS {T0} buy 100 {size}"));
        reply.field("accepted").int() == 1
    };
    for producer in 0..64 {
        assert!(send(&mut client, producer, producer + 1), "{producer}");
    }
    for producer in 0..64 {
        assert!(!send(&mut client, producer, producer + 1001), "{producer} is remembered");
    }
    assert!(send(&mut client, 64, 2000));
    let remembered = (0..64).filter(|producer| !send(&mut client, *producer, producer + 3000)).count();
    assert!(remembered < 64, "a 65th producer displaced one");
}

#[test]
fn batch_numbers_survive_restart_and_copy() {
    let mut server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0").ok();
    client.run(&format!("LIQ.MADD s BATCH a 5 EVENTS {T0} buy 100 1"));
    client.run("COPY s t");
    drop(client);
    server.restart_saving();
    let mut client = server.connect();
    for key in ["s", "t"] {
        let reply = client.run(&format!("LIQ.MADD {key} BATCH a 5 EVENTS {T0} buy 100 2"));
        assert_counts(&reply, &[("duplicate", 1)]);
    }
}

#[test]
fn a_batch_is_limited() {
    let server = Server::with(&["liq.max-batch 10"]);
    let mut client = server.connect();
    let events = |count: u64| (0..count).map(|at| format!("{} buy 100 1", T0 + at)).collect::<Vec<_>>().join(" ");
    let reply = client.run(&format!("LIQ.MADD s EVENTS {}", events(11)));
    assert!(reply.is_error(), "{reply:?}");
    assert_eq!(client.run("EXISTS s").int(), 0);
    let rows: Vec<_> = (0..11).map(|at| (T0 + at, "buy", 100.0, 1.0)).collect();
    let reply = pack_command(&mut client, "s", &encode::to_vec(&rows).unwrap(), &[]);
    assert!(reply.is_error(), "{reply:?}");
    assert_eq!(client.run("EXISTS s").int(), 0);
    client.run("LIQ.CREATE s CLOCK EVENT").ok();
    let reply = client.run(&format!("LIQ.MADD s EVENTS {}", events(10)));
    assert_eq!(reply.field("accepted").int(), 10, "{reply:?}");
}

#[test]
fn a_full_batch_of_the_default_limit_is_taken_and_one_more_event_is_too_many() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT PERCENTILE 0").ok();
    let rows: Vec<_> = (0..65_537_u64).map(|at| (T0 + at, "buy", 100.0, 1.0 + at as f64)).collect();
    let too_many = encode::to_vec(&rows).unwrap();
    assert!(pack_command(&mut client, "s", &too_many, &[]).is_error());
    assert_eq!(client.run("LIQ.INFO s").field("events").int(), 0);
    let full = encode::to_vec(&rows[1..]).unwrap();
    assert_counts(&pack_command(&mut client, "s", &full, &[]), &[("accepted", 65_536)]);
    assert_eq!(client.run("LIQ.STATS s WINDOW 1h").field("count").int(), 65_536);
}

#[test]
fn a_late_batch_into_closed_panes_counts_like_single_events() {
    let server = Server::start();
    let mut client = server.connect();
    let options = Options { tail: 256, percentile: 0.0, event_clock: true, ..Options::default() };
    for key in ["one", "many"] {
        Twin::create(&mut client, key, options.clone());
    }
    let mut events = Feed::new(5, T0).take(2000, 20 * SECOND, 0, 0);
    let late: Vec<Event> =
        events.iter().take(1000).map(|event| Event { price: event.price + 0.5, ..event.clone() }).collect();
    events.extend(late);
    for event in &mut events {
        event.exchange.clear();
        event.side = Side::Sell;
    }
    for event in &events {
        client.run(&format!("LIQ.ADD one {}", event.to_args()));
    }
    for chunk in events.chunks(500) {
        let rows: Vec<_> = chunk.iter().map(|e| (e.ts, e.side.name(), e.price, e.size)).collect();
        pack_command(&mut client, "many", &encode::to_vec(&rows).unwrap(), &[]);
    }
    for read in ["LIQ.PCTL KEY 1 50 99", "LIQ.STATS KEY WINDOW 24h", "LIQ.STATS KEY WINDOW 2h"] {
        let ask = |client: &mut Client, key| client.run(&read.replace("KEY", key));
        let (one, many) = (ask(&mut client, "one"), ask(&mut client, "many"));
        match one {
            Reply::Array(ref values) if values.len() == 3 => assert_eq!(one, many, "{read}"),
            _ => assert_eq!(one.field("count"), many.field("count"), "{read}"),
        }
    }
}
