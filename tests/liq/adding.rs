//! LIQ.ADD: statuses, the judgement, sides and the clock.

use crate::support::Server;
use crate::support::feed::Feed;
use crate::support::oracle::{DAY, Event, HOUR, MINUTE, Options, SECOND, Side, Status};
use crate::twin::{T0, Twin};

#[test]
fn the_first_event_is_accepted_and_compared_with_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    let reply = client.run("LIQ.ADD liq:{BTC} * sell 60000 1500");
    assert_eq!(reply.field("status").text(), "accepted");
    for field in ["rank", "threshold", "vwap", "deviation", "signal"] {
        assert!(reply.field(field).is_null(), "{field} of the first event: {reply:?}");
    }
    assert_eq!(client.run("TYPE liq:{BTC}").text(), "liqseries");
    assert_eq!(client.run("LIQ.INFO liq:{BTC}").field("events").int(), 1);
}

#[test]
fn an_event_is_judged_against_the_state_before_it() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", Options::default());
    for (at, size) in [10.0, 20.0, 30.0, 40.0, 50.0, 1.0, 50.0, 45.0, 40.0].into_iter().enumerate() {
        let ts = T0 + at as u64 * SECOND;
        twin.add(&mut client, &Event::new(ts, Side::Sell, 100.0 + at as f64, size), ts);
    }
    assert_eq!(twin.series.total(Status::Filtered), 3, "the case tells accepted from filtered");
}

#[test]
fn every_alias_of_a_side_is_the_forced_order_in_the_end() {
    let server = Server::start();
    let mut client = server.connect();
    let aliases = [
        ("buy", "buy"),
        ("BUY", "buy"),
        ("short", "buy"),
        ("Short", "buy"),
        ("sell", "sell"),
        ("Sell", "sell"),
        ("long", "sell"),
        ("LONG", "sell"),
    ];
    for (at, (alias, _)) in aliases.iter().enumerate() {
        let reply = client.run(&format!("LIQ.ADD s {} {alias} 100 {}", T0 + at as u64, at + 1));
        assert!(!reply.is_error(), "{alias}: {reply:?}");
    }
    let held = client.run("LIQ.RANGE s - +");
    let sides: Vec<String> = held.array().iter().map(|row| row.array()[1].text()).collect();
    assert_eq!(sides, Vec::<String>::new(), "events of 2023 are older than the retention now");
    client.run("LIQ.CREATE t CLOCK EVENT").ok();
    for (at, (alias, _)) in aliases.iter().enumerate() {
        client.run(&format!("LIQ.ADD t {} {alias} 100 {}", T0 + at as u64, at + 1));
    }
    let held = client.run("LIQ.RANGE t - +");
    let sides: Vec<String> = held.array().iter().map(|row| row.array()[1].text()).collect();
    assert_eq!(sides, aliases.map(|(_, side)| side.to_owned()));
    for (side, count) in [("long", 4), ("SELL", 4), ("short", 4), ("buy", 4)] {
        assert_eq!(client.run(&format!("LIQ.STATS t SIDE {side}")).field("count").int(), count, "{side}");
    }
}

#[test]
fn each_status_is_the_first_that_holds() {
    let server = Server::start();
    let mut client = server.connect();
    let options = Options { min_size: 10.0, percentile: 50.0, ..Options::default() };
    let mut twin = Twin::create(&mut client, "s", options);
    let event = |ts, size| Event::new(ts, Side::Sell, 100.0, size);
    let cases = [
        (event(T0, 100.0), Status::Accepted),
        (event(T0, 100.0), Status::Duplicate),
        (event(T0, 99.0), Status::Filtered),
        (event(T0 + 1, 9.99), Status::Small),
        (event(T0 + 1, 9.99), Status::Small),
        (event(T0, 10.0), Status::Filtered),
        (event(T0 + 5 * MINUTE + 1, 100.0), Status::Future),
        (event(T0 + 5 * MINUTE + 1, 1.0), Status::Future),
        (event(T0 + 5 * MINUTE, 100.0), Status::Accepted),
        // From here on the newest event, five minutes ahead, is now.
        (event(T0 + 5 * MINUTE - DAY, 500.0), Status::Late),
        (event(T0 + 5 * MINUTE - DAY, 5.0), Status::Late),
        (event(T0 + 5 * MINUTE - DAY + 1, 500.0), Status::Accepted),
        (event(T0 + 5 * MINUTE - DAY + 1, 500.0), Status::Duplicate),
    ];
    for (event, status) in cases {
        assert_eq!(twin.add(&mut client, &event, T0).status, status, "{event:?}");
    }
    let info = client.run("LIQ.INFO s");
    let totals = [
        ("total_accepted", Status::Accepted),
        ("total_filtered", Status::Filtered),
        ("total_small", Status::Small),
        ("total_duplicate", Status::Duplicate),
        ("total_late", Status::Late),
        ("total_future", Status::Future),
    ];
    for (field, status) in totals {
        assert_eq!(info.field(field).int(), twin.series.total(status) as i64, "{field}");
    }
    assert_eq!(info.field("events").int(), twin.series.events.len() as i64);
}

#[test]
fn an_event_differing_in_one_part_is_no_duplicate() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", Options { percentile: 0.0, ..Options::default() });
    let base = Event { exchange: "okx".into(), id: "7".into(), ..Event::new(T0, Side::Buy, 100.0, 5.0) };
    let others = [
        base.clone(),
        Event { exchange: "bybit".into(), ..base.clone() },
        Event { exchange: String::new(), ..base.clone() },
        Event { id: "8".into(), ..base.clone() },
        Event { id: String::new(), ..base.clone() },
        Event { ts: T0 + 1, ..base.clone() },
        Event { side: Side::Sell, ..base.clone() },
        Event { price: 100.5, ..base.clone() },
        Event { size: 5.5, ..base.clone() },
    ];
    for event in &others {
        assert_eq!(twin.add(&mut client, event, T0 + SECOND).status, Status::Accepted, "{event:?}");
    }
    for event in &others {
        assert_eq!(twin.add(&mut client, event, T0 + SECOND).status, Status::Duplicate, "{event:?}");
    }
    // The same numbers written in another way are the same event.
    let reply = client.run(&format!("LIQ.ADD s {T0} SHORT 1e2 5.000 ID 7 EXCHANGE okx AT {T0}"));
    assert_eq!(reply.field("status").text(), "duplicate");
}

#[test]
fn duplicates_are_known_among_the_newest_tail_only() {
    let server = Server::start();
    let mut client = server.connect();
    let options = Options { tail: 256, percentile: 0.0, event_clock: true, ..Options::default() };
    client.run(&format!("LIQ.CREATE s {}", options.to_args())).ok();
    let add = |client: &mut crate::support::Client, at: u64| {
        client.run(&format!("LIQ.ADD s {} sell 100 {}", T0 + at, at + 1)).field("status").text()
    };
    for at in 0..300 {
        assert_eq!(add(&mut client, at), "accepted");
    }
    assert_eq!(add(&mut client, 299), "duplicate");
    assert_eq!(add(&mut client, 44), "duplicate", "the oldest of the newest 256");
    assert_eq!(add(&mut client, 43), "accepted", "beyond the newest 256 nothing is compared");
}

#[test]
fn with_minevents_everything_passes_until_the_window_holds_so_many() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", Options { min_events: 5, percentile: 100.0, ..Options::default() });
    for at in 0..20_u64 {
        let ts = T0 + at * SECOND;
        let judged = twin.add(&mut client, &Event::new(ts, Side::Buy, 100.0, 1000.0 - at as f64), ts);
        assert_eq!(judged.status == Status::Accepted, at < 5, "event {at}");
    }
}

#[test]
fn with_percentile_zero_the_filter_is_off_and_shows_no_threshold() {
    let server = Server::start();
    let mut client = server.connect();
    let mut twin = Twin::create(&mut client, "s", Options { percentile: 0.0, ..Options::default() });
    for at in 0..20_u64 {
        let ts = T0 + at * SECOND;
        let judged = twin.add(&mut client, &Event::new(ts, Side::Buy, 100.0, 1000.0 - at as f64), ts);
        assert_eq!((judged.status, judged.threshold), (Status::Accepted, None));
    }
}

#[test]
fn a_long_feed_with_late_events_is_judged_by_definition_under_both_clocks() {
    let server = Server::start();
    let mut client = server.connect();
    for (key, event_clock) in [("server", false), ("event", true)] {
        let options = Options {
            retention: 2 * HOUR,
            window: 30 * MINUTE,
            vwap_window: 10 * MINUTE,
            long_offset: 0.5,
            short_offset: 0.7,
            min_size: 4.0,
            event_clock,
            ..Options::default()
        };
        let mut twin = Twin::create(&mut client, key, options);
        let mut feed = Feed::new(7, T0);
        let mut events = feed.take(1500, 10 * SECOND, 10, 3 * HOUR);
        let again: Vec<Event> = events.iter().step_by(17).cloned().collect();
        events.extend(again);
        let mut clock = T0;
        for event in &events {
            clock = clock.max(event.ts.saturating_sub(SECOND));
            twin.add(&mut client, event, clock);
        }
        let seen = Status::ALL.map(|status| twin.series.total(status));
        assert!(seen[1..].iter().all(|count| *count > 0), "the feed shows every status but future: {seen:?}");
        assert!(twin.series.judgements.iter().any(|judged| judged.signal.is_some()), "the feed shows signals");
        let now = twin.series.newest();
        for width in [SECOND, MINUTE, 10 * MINUTE, 2 * HOUR] {
            for side in [None, Some(Side::Buy), Some(Side::Sell)] {
                twin.assert_reads(&mut client, now, width, side);
                twin.assert_reads(&mut client, now + 90 * SECOND, width, side);
            }
        }
    }
}

#[test]
fn a_star_is_the_servers_time() {
    let server = Server::start();
    let mut client = server.connect();
    let before = client.time_ms();
    assert_eq!(client.run("LIQ.ADD s * long 100 5").field("status").text(), "accepted");
    let after = client.time_ms();
    let stored = client.run("LIQ.RANGE s - +").array()[0].array()[0].int() as u64;
    assert!((before..=after).contains(&stored), "{before} <= {stored} <= {after}");
}

#[test]
fn at_on_a_write_is_bounded_by_the_real_clock() {
    let server = Server::start();
    let mut client = server.connect();
    let now = client.time_ms();
    let reply = client.run(&format!("LIQ.ADD s {now} long 100 5 AT {}", now + 6 * MINUTE));
    assert!(reply.error().starts_with("ERR AT: "), "{reply:?}");
    assert_eq!(client.run("EXISTS s").int(), 0);
    let reply = client.run(&format!("LIQ.ADD s {now} long 100 5 AT {}", now + 4 * MINUTE));
    assert_eq!(reply.field("status").text(), "accepted");
}

#[test]
fn an_event_clock_stands_still_between_events() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT RETENTION 1m WINDOW 1m VWAPWINDOW 1m").ok();
    client.run(&format!("LIQ.ADD s {T0} long 100 5"));
    assert_eq!(client.run("LIQ.STATS s WINDOW 1m").field("count").int(), 1);
    client.run(&format!("LIQ.ADD s {} long 100 5", T0 + MINUTE));
    assert_eq!(client.run("LIQ.STATS s WINDOW 1m").field("count").int(), 1, "the window is open at its old end");
}

#[test]
fn keys_are_bytes() {
    let server = Server::start();
    let mut client = server.connect();
    for key in [b"".as_slice(), b"\0", b"a\r\nb", &[0xff, 0xfe, b'{', 0x80, b'}'], &[b'k'; 10_000]] {
        client.call(&[b"LIQ.CREATE".as_slice(), key, b"PERCENTILE", b"0", b"SIGNALS", b"out"]).ok();
        for (price, size) in [("100", "10"), ("50", "11")] {
            let reply = client.call(&[b"LIQ.ADD".as_slice(), key, b"*", b"sell", price.as_bytes(), size.as_bytes()]);
            assert_eq!(reply.field("status").text(), "accepted", "{}", key.escape_ascii());
        }
        let entry = client.run("XREVRANGE out + - COUNT 1");
        assert_eq!(entry.array()[0].array()[1].field("key").bytes(), key);
    }
}

#[test]
fn events_of_another_time_make_no_key() {
    let primary = crate::support::Options::default().tcp().start();
    let replica = Server::replica_of(&primary, &[]);
    let mut client = primary.connect();
    let now = client.time_ms();
    let (late, future) = (now - 2 * DAY, now + HOUR);
    assert_eq!(client.run(&format!("LIQ.ADD s {late} buy 100 10")).field("status").text(), "late");
    assert_eq!(client.run(&format!("LIQ.ADD s {future} buy 100 10")).field("status").text(), "future");
    let counts = client.run(&format!("LIQ.MADD s BATCH p 1 EVENTS {late} buy 100 10 {future} buy 100 10"));
    assert_eq!((counts.field("late").int(), counts.field("future").int()), (1, 1));
    let nothing: &[u8] = b"\x90";
    client.call(&[b"LIQ.MADDPACK".as_slice(), b"s", nothing]);
    assert_eq!(client.run("EXISTS s").int(), 0);
    // They are counted all the same, and one event that belongs to the series makes it, with its batch.
    assert_eq!((client.info("liq_late"), client.info("liq_future")), ("2".into(), "2".into()));
    let batch = format!("LIQ.MADD s BATCH p 2 EVENTS {late} buy 100 10 {now} buy 100 10");
    let counts = client.run(&batch);
    assert_eq!((counts.field("late").int(), counts.field("accepted").int()), (1, 1));
    assert_eq!(client.run(&batch).field("duplicate").int(), 2, "the batch is remembered");
    assert_eq!(client.run("LIQ.INFO s").field("total_late").int(), 1);
    primary.wait_for_replica(&replica);
    assert_eq!(replica.connect().digest("s"), client.digest("s"));
    assert_eq!(replica.connect().run("PEXPIRETIME s"), client.run("PEXPIRETIME s"));
    // Below the least size, it belongs to the series.
    client.run("CONFIG SET liq.min-size 5").ok();
    assert_eq!(client.run("LIQ.ADD small * buy 100 1").field("status").text(), "small");
    assert_eq!(client.run("LIQ.INFO small").field("total_small").int(), 1);
}
