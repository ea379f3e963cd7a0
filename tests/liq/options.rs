//! LIQ.CREATE, LIQ.ALTER, LIQ.INFO and LIQ.RESET: what a series is set to.

use crate::support::oracle::{DAY, HOUR, MINUTE, SECOND};
use crate::support::{Client, Options, Reply, Server};
use crate::twin::T0;

/// An option as LIQ.INFO tells it; the contract fixes the options' names, not how a field spells them.
#[track_caller]
pub fn option(info: &Reply, name: &str) -> Reply {
    let plain = |field: &str| field.to_lowercase().replace('_', "");
    let fields = info.fields();
    let wanted = plain(name);
    let found = fields.iter().find(|(field, _)| plain(field) == wanted || plain(field) == format!("{wanted}ms"));
    found.unwrap_or_else(|| panic!("no option {name} in {:?}", info.field_names())).1.clone()
}

/// A duration in milliseconds, told as a number or in the options' grammar.
#[track_caller]
pub fn duration(value: &Reply) -> u64 {
    if let Reply::Int(ms) = value {
        return *ms as u64;
    }
    let text = value.text();
    let digits = text.trim_end_matches(|letter: char| letter.is_alphabetic());
    let unit = match &text[digits.len()..] {
        "" | "ms" => 1,
        "s" => SECOND,
        "m" => MINUTE,
        "h" => HOUR,
        "d" => DAY,
        other => panic!("{other} is no unit"),
    };
    digits.parse::<u64>().expect("a duration has digits") * unit
}

#[track_caller]
fn assert_durations(info: &Reply, expected: &[(&str, u64)]) {
    for (name, ms) in expected {
        assert_eq!(duration(&option(info, name)), *ms, "{name}");
    }
}

#[track_caller]
fn assert_numbers(info: &Reply, expected: &[(&str, f64)]) {
    for (name, number) in expected {
        assert_eq!(option(info, name).f64(), *number, "{name}");
    }
}

#[test]
fn a_new_series_has_the_documented_defaults() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s").ok();
    client.run("LIQ.ADD t * buy 1 1");
    for key in ["s", "t"] {
        let info = client.run(&format!("LIQ.INFO {key}"));
        assert_durations(&info, &[("RETENTION", DAY), ("WINDOW", DAY), ("VWAPWINDOW", HOUR), ("IDLE", 2 * DAY)]);
        assert_numbers(
            &info,
            &[
                ("PERCENTILE", 80.0),
                ("MINEVENTS", 1.0),
                ("MINSIZE", 0.0),
                ("LONGOFFSET", 2.0),
                ("SHORTOFFSET", 2.0),
                ("PRECISION", 7.0),
                ("TAIL", 4096.0),
            ],
        );
        assert_eq!(option(&info, "CLOCK").text().to_lowercase(), "server");
        let signals = option(&info, "SIGNALS");
        assert!(signals.is_null() || signals.text().is_empty(), "{signals:?}");
        assert_eq!(duration(info.field("pane_ms")), 5 * MINUTE);
    }
}

#[test]
fn every_option_is_kept_as_given() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .run(
            "liq.create s retention 7D WINDOW 90m PERCENTILE 99.123456 MINEVENTS 30 MINSIZE 12.5 vwapwindow 1800s \
             LONGOFFSET 0.5 SHORTOFFSET 0 SIGNALS out MAXLEN 50 CLOCK event PRECISION 5 TAIL 256 IDLE 3d",
        )
        .ok();
    let info = client.run("LIQ.INFO s");
    assert_durations(
        &info,
        &[("RETENTION", 7 * DAY), ("WINDOW", 90 * MINUTE), ("VWAPWINDOW", 30 * MINUTE), ("IDLE", 3 * DAY)],
    );
    assert_numbers(
        &info,
        &[
            ("PERCENTILE", 99.123456),
            ("MINEVENTS", 30.0),
            ("MINSIZE", 12.5),
            ("LONGOFFSET", 0.5),
            ("SHORTOFFSET", 0.0),
            ("PRECISION", 5.0),
            ("TAIL", 256.0),
        ],
    );
    assert_eq!(option(&info, "CLOCK").text().to_lowercase(), "event");
    assert_eq!(option(&info, "SIGNALS").text(), "out");
    assert_eq!(option(&info, "MAXLEN").int(), 50);
}

#[test]
fn defaults_follow_the_options_given() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE short RETENTION 10m").ok();
    let info = client.run("LIQ.INFO short");
    assert_durations(&info, &[("RETENTION", 10 * MINUTE), ("WINDOW", 10 * MINUTE), ("IDLE", 20 * MINUTE)]);
    assert!(duration(&option(&info, "VWAPWINDOW")) <= 10 * MINUTE, "no window is longer than the retention");
    client.run("LIQ.CREATE event CLOCK EVENT").ok();
    assert_durations(&client.run("LIQ.INFO event"), &[("IDLE", 0)]);
}

#[test]
fn panes_are_the_narrowest_that_divide_the_retention_in_288() {
    let server = Server::start();
    let mut client = server.connect();
    let cases = [
        ("1m", SECOND),
        ("288s", SECOND),
        ("289s", 5 * SECOND),
        ("24m", 5 * SECOND),
        ("1h", 15 * SECOND),
        ("4h", MINUTE),
        ("24h", 5 * MINUTE),
        ("86400001", 15 * MINUTE),
        ("7d", HOUR),
        ("12d", HOUR),
        ("31d", 3 * HOUR),
    ];
    for (retention, pane) in cases {
        client.run(&format!("LIQ.CREATE r{retention} RETENTION {retention}")).ok();
        let info = client.run(&format!("LIQ.INFO r{retention}"));
        assert_eq!(duration(info.field("pane_ms")), pane, "{retention}");
    }
}

#[test]
fn creating_twice_is_refused_and_changes_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s PERCENTILE 70").ok();
    let digest = client.digest("s");
    assert_eq!(client.run("LIQ.CREATE s PERCENTILE 90").error(), "ERR key already exists");
    client.run("SET text 1").ok();
    assert!(client.run("LIQ.CREATE s NX PERCENTILE 90").is_null());
    assert!(server.connect_resp3().run("LIQ.CREATE s nx").is_null());
    assert!(client.run("LIQ.CREATE s NX PERCENTILE x").error().starts_with("ERR PERCENTILE: "), "checked all the same");
    client.run("LIQ.CREATE fresh NX PERCENTILE 60").ok();
    assert_eq!(client.run("LIQ.INFO fresh").field("percentile").text(), "60");
    let refused = client.run("LIQ.CREATE text NX");
    assert!(refused.error().starts_with("WRONGTYPE"), "{refused:?}");
    let refused = client.run("LIQ.CREATE text");
    assert!(refused.error().starts_with("WRONGTYPE") || refused.error() == "ERR key already exists", "{refused:?}");
    assert_eq!(client.digest("s"), digest);
}

#[test]
fn altering_changes_only_what_is_named() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s RETENTION 2h PERCENTILE 70 MINSIZE 5 SIGNALS out MAXLEN 20").ok();
    client.run("LIQ.ADD s * buy 100 10");
    client.run("LIQ.ALTER s PERCENTILE 90").ok();
    let info = client.run("LIQ.INFO s");
    assert_numbers(&info, &[("PERCENTILE", 90.0), ("MINSIZE", 5.0)]);
    assert_durations(&info, &[("RETENTION", 2 * HOUR), ("WINDOW", 2 * HOUR)]);
    assert_eq!(option(&info, "SIGNALS").text(), "out");
    assert_eq!(info.field("events").int(), 1);
    client.call(&["LIQ.ALTER", "s", "SIGNALS", ""]).ok();
    let signals = option(&client.run("LIQ.INFO s"), "SIGNALS");
    assert!(signals.is_null() || signals.text().is_empty(), "{signals:?}");
    client.run("LIQ.ALTER s PRECISION 5").ok();
    assert_numbers(&client.run("LIQ.INFO s"), &[("PRECISION", 5.0)]);
}

#[test]
fn what_cannot_be_changed_keeping_the_data_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s PRECISION 6").ok();
    client.run("LIQ.ALTER s PRECISION 7 CLOCK EVENT").ok();
    client.run("LIQ.ALTER s PRECISION 6 CLOCK SERVER").ok();
    client.run("LIQ.ADD s * buy 100 10");
    let digest = client.digest("s");
    for (change, name) in
        [("CLOCK EVENT", "CLOCK"), ("PRECISION 7", "PRECISION"), ("PERCENTILE 10 PRECISION 8", "PRECISION")]
    {
        let refused = client.run(&format!("LIQ.ALTER s {change}"));
        assert!(refused.error().starts_with(&format!("ERR {name}: ")), "{change}: {refused:?}");
        assert_eq!(client.digest("s"), digest, "{change} changed something");
    }
    assert_eq!(client.run("LIQ.ALTER missing PERCENTILE 10").error(), "ERR no such key");
    assert_eq!(client.run("EXISTS missing").int(), 0);
}

#[test]
fn a_shorter_retention_drops_what_is_older() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT").ok();
    for hour in 0..10_u64 {
        client.run(&format!("LIQ.ADD s {} buy 100 {}", T0 + hour * HOUR, hour + 1));
    }
    client.run("LIQ.ALTER s RETENTION 3h WINDOW 2h").ok();
    assert_eq!(client.run("LIQ.STATS s WINDOW 3h").field("count").int(), 3);
    let refused = client.run("LIQ.STATS s WINDOW 4h");
    assert!(refused.error().starts_with("ERR WINDOW: "), "{refused:?}");
    // They go with the next write, and have not gone until then.
    let held = |client: &mut Client| {
        let events = client.run("LIQ.INFO s").field("events").int();
        assert_eq!(client.run("LIQ.RANGE s - +").array().len() as i64, events);
        events
    };
    assert_eq!(held(&mut client), 10);
    client.run("LIQ.ALTER s RETENTION 24h WINDOW 24h").ok();
    let stats = client.run("LIQ.STATS s WINDOW 24h");
    assert_eq!((stats.field("count").int(), stats.field("exact").bool()), (10, true));
    client.run("LIQ.ALTER s RETENTION 3h WINDOW 2h").ok();
    client.run(&format!("LIQ.ADD s {} buy 100 11", T0 + 9 * HOUR));
    assert_eq!(held(&mut client), 4);
    client.run("LIQ.ALTER s RETENTION 24h").ok();
    let stats = client.run("LIQ.STATS s WINDOW 24h");
    assert_eq!((stats.field("count").int(), stats.field("exact").bool()), (4, false));
}

#[test]
fn a_reset_empties_the_series_and_keeps_its_options() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s PERCENTILE 66 CLOCK EVENT").ok();
    let fresh = client.digest("s");
    let batch = client.run(&format!("LIQ.MADD s BATCH me 5 EVENTS {T0} buy 100 10 {T0} buy 100 10"));
    assert_eq!(batch.field("duplicate").int(), 1);
    client.run("LIQ.RESET s").ok();
    let info = client.run("LIQ.INFO s");
    for field in ["events", "tail_events", "panes", "total_accepted", "total_duplicate"] {
        assert_eq!(info.field(field).int(), 0, "{field}");
    }
    assert_numbers(&info, &[("PERCENTILE", 66.0)]);
    assert_eq!(client.digest("s"), fresh, "an emptied series is like a new one");
    assert_eq!(client.run("LIQ.RESET missing").error(), "ERR no such key");
}

#[test]
fn info_tells_what_is_held() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE s CLOCK EVENT TAIL 256 PERCENTILE 0").ok();
    let empty = client.run("LIQ.INFO s");
    assert!(empty.field("first").is_null() && empty.field("last").is_null(), "{empty:?}");
    for at in 0..400_u64 {
        let venue = ["okx", "bybit"][at as usize % 2];
        client.run(&format!("LIQ.ADD s {} buy 100 {} EXCHANGE {venue}", T0 + at * SECOND, at + 1));
    }
    let info = client.run("LIQ.INFO s");
    assert_eq!(info.field("events").int(), 400);
    assert_eq!(info.field("tail_events").int(), 256);
    assert_eq!(info.field("last").int() as u64, T0 + 399 * SECOND);
    assert!(info.field("panes").int() > 0 && info.field("memory").int() > 400, "{info:?}");
    let mut exchanges: Vec<String> = info.field("exchanges").array().iter().map(Reply::text).collect();
    exchanges.sort();
    assert_eq!(exchanges, ["bybit", "okx"]);
    assert_eq!(client.run("LIQ.INFO missing").error(), "ERR no such key");
}

#[test]
fn sixty_four_exchanges_have_names_and_further_ones_are_other() {
    let server = Server::start();
    let mut client = server.connect();
    let add = |client: &mut Client, venue: u32| {
        client.run(&format!("LIQ.ADD s * buy 100 {} EXCHANGE venue{venue}", venue + 1))
    };
    for venue in 0..70 {
        assert_eq!(add(&mut client, venue).field("status").text(), "accepted", "{venue}");
    }
    let rows = client.run("LIQ.RANGE s - +");
    let names: Vec<String> = rows.array().iter().map(|row| row.array()[4].text()).collect();
    assert_eq!(names.iter().filter(|name| *name == "other").count(), 6, "{names:?}");
    assert_eq!(client.run("LIQ.STATS s EXCHANGE other").field("count").int(), 6);
    assert_eq!(client.run("LIQ.STATS s EXCHANGE venue63").field("count").int(), 1);
}

#[test]
fn a_venue_called_other_is_told_with_those_beyond_sixty_four() {
    let mut primary = Options::default().tcp().start();
    let mut client = primary.connect();
    // First, among the 64, as the one too many, and behind it.
    let places = [0, 30, 64, 65];
    for place in places {
        let mut names: Vec<String> = (0..65).map(|number| format!("venue{number}")).collect();
        names.insert(place, "other".into());
        client.run(&format!("LIQ.CREATE s{place} TAIL 256")).ok();
        for (number, name) in names.iter().enumerate() {
            client.run(&format!("LIQ.ADD s{place} * buy 100 {} EXCHANGE {name}", number + 1));
        }
    }
    let replica = Server::replica_of(&primary, &[]);
    assert_one_other(&mut replica.connect(), &places, true);
    drop(replica);
    assert_one_other(&mut client, &places, true);
    primary.restart_saving();
    let mut client = primary.connect();
    assert_one_other(&mut client, &places, true);
    // Out of the raw tail.
    let more: String = (1..=300).map(|size| format!(" * sell 100 {size}")).collect();
    for place in places {
        assert_eq!(client.run(&format!("LIQ.MADD s{place} EVENTS{more}")).field("duplicate").int(), 0);
    }
    assert_one_other(&mut client, &places, false);
}

/// Of 66 venues, one of them really called `other`, that one and those without a name of their own are told together.
#[track_caller]
fn assert_one_other(client: &mut Client, places: &[usize], is_raw: bool) {
    for place in places {
        let (venues, others) = if *place < 64 { (64, 3) } else { (65, 2) };
        let key = format!("s{place}");
        assert_eq!(client.run(&format!("LIQ.STATS {key} EXCHANGE other")).field("count").int(), others, "{key}");
        let by_name = client.run(&format!("LIQ.STATS {key} BY EXCHANGE"));
        let by_name = by_name.fields();
        let named: Vec<_> = by_name.iter().filter(|(name, _)| name == "other").collect();
        assert_eq!((by_name.len(), named.len()), (venues, 1), "{key}");
        assert_eq!(named[0].1.field("count").int(), others, "{key}");
        let rows = client.run(&format!("LIQ.RANGE {key} - + EXCHANGE other"));
        assert_eq!(rows.array().len() as i64, if is_raw { others } else { 0 }, "{key}");
    }
}
