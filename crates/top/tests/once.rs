//! `liq-top --once`: one picture of the server as text and JSON.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::Value;
use support::{
    HOSTILE, Options, Server, add_events, assert_as_documented, audit, fail, json, program, stocked_server, succeed,
    untidy_server,
};

#[test]
fn the_picture_is_what_the_server_answers() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let picture = json(&server.url());
    assert_as_documented(&picture);
    let symbols: Vec<_> = picture["symbols"].as_array().unwrap().iter().map(|row| row["symbol"].clone()).collect();
    assert_eq!(symbols, ["BTCUSDT", "ETHUSDT", "SOLUSDT"], "by volume");
    let bitcoin = &picture["symbols"][0];
    let mut client = server.connect();
    let answered = client.run("LIQ.STATS liq:{BTCUSDT} WINDOW 1h");
    for field in ["count", "volume", "buy_volume", "sell_volume", "p50", "p80", "p95", "vwap", "rate_ratio"] {
        // Reading JSON may cost the last bit.
        let (shown, known) = (bitcoin[field].as_f64(), answered.field(field).number());
        let is_same = shown.zip(known).is_none_or(|(shown, known)| (shown - known).abs() <= known.abs() * 1e-12);
        assert!(is_same && shown.is_some() == known.is_some(), "{field}: {shown:?}, {known:?}");
    }
    assert_eq!(bitcoin["last_price"], 90.0);
    assert!(bitcoin["deviation_pct"].as_f64().unwrap() < 0.0, "{bitcoin}");
    let hour: f64 = bitcoin["hour"].as_array().unwrap().iter().map(|value| value.as_f64().unwrap()).sum();
    assert_eq!(hour, bitcoin["volume"].as_f64().unwrap());
    assert_eq!(picture["events"][0]["size"], 2_000_000.0, "the newest large one comes first");
    let signal = &picture["signals"][0];
    assert_eq!(
        (&signal["symbol"], &signal["side"], &signal["price"]),
        (&"BTCUSDT".into(), &"buy".into(), &90.0.into())
    );
    let market = &picture["markets"][0];
    assert_eq!((&market["price"], &market["armed"], &market["fired"]), (&"61755.7".into(), &1.into(), &0.into()));
    assert_eq!(picture["limiters"][0]["used_share"], 0.93);
    assert_eq!(picture["memory"]["mode"], "normal");
    assert_eq!(picture["keys"]["found_by"], "events");
    assert_eq!(picture["warnings"], Value::Array(Vec::new()));
}

#[test]
fn an_empty_server_and_a_short_memory_are_told_as_documented() {
    let server = Server::start();
    let picture = json(&server.url());
    assert_as_documented(&picture);
    assert_eq!(picture["keys"]["found_by"], "rescans");
    assert!(picture["warnings"][0].as_str().unwrap().contains("CONFIG SET notify-keyspace-events Engxe"), "{picture}");

    let mut short = stocked_server(&[]);
    short.expect_warning("memory mode critical");
    let mut client = short.connect();
    let used = client.run("LIQ.MEMORY").field("used").int();
    // So little that what the series give up for it is not enough.
    client.run(&format!("CONFIG SET liq.memory-budget {}", used / 4)).ok();
    let picture = json(&short.url());
    assert_as_documented(&picture);
    assert_eq!(picture["memory"]["alarm"], "alert", "{}", picture["memory"]);
    assert!(succeed(program(&short.url()).arg("--once")).contains("ALERT"));
}

#[test]
fn text_tells_the_same() {
    let server = stocked_server(&[]);
    let text = succeed(program(&server.url()).args(["--once", "--window", "15m"]));
    for part in [
        "SYMBOL (15m)",
        "BTCUSDT",
        "LARGE LIQUIDATIONS",
        "SIGNALS",
        "liquidation_long",
        "MARKET",
        "61755.7",
        "rl:{okx}",
        "93%",
    ] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

#[test]
fn nothing_of_a_name_acts() {
    let server = Server::start();
    let mut client = server.connect();
    let huge = [b"liq:{".as_slice(), &b"x".repeat(65_536), b"}"].concat();
    for name in HOSTILE.iter().copied().chain([huge.as_slice()]) {
        add_events(&mut client, name, 10);
    }
    let text = succeed(program(&server.url()).arg("--once"));
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");
    assert!(!text.contains('\u{202e}'));
    assert!(text.lines().all(|line| line.chars().count() < 400), "a name takes its column and no more");
    let picture = json(&server.url());
    assert_as_documented(&picture);
    let keys: Vec<&str> =
        picture["symbols"].as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap()).collect();
    assert_eq!(keys.len(), HOSTILE.len() + 1);
    for name in HOSTILE.iter().copied().chain([huge.as_slice()]) {
        assert!(keys.contains(&&*String::from_utf8_lossy(name)), "JSON has names as they are");
    }
}

#[test]
fn a_window_longer_than_a_series_keeps_is_all_it_keeps() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("LIQ.CREATE liq:{SHORT} RETENTION 10m WINDOW 10m VWAPWINDOW 10m").ok();
    add_events(&mut client, b"liq:{SHORT}", 20);
    let picture: Value =
        serde_json::from_str(&succeed(program(&server.url()).args(["--once", "--json", "--window", "7d"]))).unwrap();
    assert_as_documented(&picture);
    let row = &picture["symbols"][0];
    assert_eq!((&row["window_ms"], &row["count"], &row["error"]), (&600_000.into(), &20.into(), &Value::Null));
}

#[test]
fn ten_thousand_series_are_all_there() {
    let server = Server::start();
    let mut client = server.connect();
    // What is many here are series: of the last hour of each there are five minutes to be charted.
    client.run("CONFIG SET liq.retention 5m liq.vwap-window 5m").ok();
    let lines: Vec<String> = (0..10_000).map(|n| format!("LIQ.ADD liq:{{S{n}}} * buy 1 {}", n + 1)).collect();
    client.pipeline(&lines);
    let picture = json(&server.url());
    assert_as_documented(&picture);
    let rows = picture["symbols"].as_array().unwrap();
    assert_eq!((rows.len(), &rows[0]["volume"]), (10_000, &10_000.0.into()));
}

#[test]
fn what_stands_in_the_way_is_said() {
    let plain = Server::plain();
    let said = fail(program(&plain.url()).arg("--once"));
    assert!(said.contains("has no module redis-liq"), "{said}");

    let server = stocked_server(&[]);
    let said = fail(program(&server.url().replace("socket", "nowhere")).arg("--once"));
    assert!(said.contains("does not answer"), "{said}");
    let said = fail(program("http://localhost").arg("--once"));
    assert!(said.contains("--redis-url") && said.contains("the address is none"), "{said}");
    let said = fail(program(&format!("{}?user=ghost&pass=secret-word", server.url())).arg("--once"));
    assert!(said.contains("refuses the login") && !said.contains("secret-word"), "{said}");
    let said = fail(program(&server.url()).args(["--json"]));
    assert!(said.contains("--once"), "{said}");
}

#[test]
fn a_user_sees_what_he_may_and_is_told_what_not() {
    let server = stocked_server(&[]);
    let mut client = server.connect();
    client.run("ACL SETUSER nobody on >p ~* +ping +liq.stats").ok();
    let said = fail(program(&format!("{}?user=nobody&pass=p", server.url())).arg("--once"));
    assert!(said.contains("may not") && said.to_lowercase().contains("scan"), "{said}");

    client.run("ACL SETUSER little on >p ~liq:* +scan +liq.stats +liq.info").ok();
    let picture = json(&format!("{}?user=little&pass=p", server.url()));
    assert_as_documented(&picture);
    assert_eq!(picture["memory"]["mode"], Value::Null);
    assert!(picture["symbols"].as_array().unwrap().iter().all(|row| row["error"].is_string()), "LIQ.RANGE is missing");
    let warnings = picture["warnings"].to_string();
    assert!(warnings.contains("LIQ.MEMORY") && warnings.contains("INFO"), "{warnings}");
    assert!(["TICK.LAST: NOPERM", "TICK.INFO: NOPERM"].iter().all(|said| warnings.contains(said)), "{warnings}");
    let text = succeed(program(&format!("{}?user=little&pass=p", server.url())).arg("--once"));
    assert!(text.contains("memory ? ? used, limit unknown"), "{text}");

    // The rule of docs/liq-top.md.
    let page = include_str!("../../../docs/liq-top.md");
    let rule = page.lines().find(|line| line.starts_with("ACL SETUSER top")).expect("the page has the rule");
    client.run(&rule.replace("PASSWORD", "p")).ok();
    client.run("CONFIG SET notify-keyspace-events Engxe").ok();
    let picture = json(&format!("{}?user=top&pass=p", server.url()));
    assert_eq!((&picture["warnings"], &picture["keys"]["found_by"]), (&Value::Array(Vec::new()), &"events".into()));
    assert_ne!(picture["signals"], Value::Array(Vec::new()));
}

#[test]
fn what_a_user_may_not_read_of_many_series_is_said_of_each() {
    let server = Server::start();
    let mut client = server.connect();
    // More than are asked about at once.
    let lines: Vec<String> = (0..900).map(|n| format!("LIQ.ADD liq:{{S{n}}} * buy 1 {}", n + 1)).collect();
    client.pipeline(&lines);
    client.run("ACL SETUSER little on >p ~* +@all -liq.range").ok();
    let picture = json(&format!("{}?user=little&pass=p", server.url()));
    assert_as_documented(&picture);
    let rows = picture["symbols"].as_array().unwrap();
    assert_eq!(rows.len(), 900);
    assert!(rows.iter().all(|row| row["error"].as_str().is_some_and(|error| error.contains("NOPERM"))));
}

#[test]
fn options_hold_for_the_old_protocol_and_the_new() {
    let server = Options::default().start();
    add_events(&mut server.connect(), b"liq:{A}", 10);
    let (old, new) = (json(&server.url()), json(&server.url_resp3()));
    assert_eq!(
        (&old["symbols"][0]["count"], &old["symbols"][0]["p80"]),
        (&new["symbols"][0]["count"], &new["symbols"][0]["p80"])
    );
}

#[test]
fn what_keys_are_like_is_what_the_audit_found() {
    let server = untidy_server();
    let mut client = server.connect();
    let before = json(&server.url());
    assert_as_documented(&before);
    assert_eq!((&before["audit"]["state"], &before["audit"]["at_ms"]), (&"idle".into(), &Value::Null));
    assert!(!succeed(program(&server.url()).arg("--once")).contains("KEYS:"), "nothing was found yet");
    audit(&mut client);
    let picture = json(&server.url());
    assert_as_documented(&picture);
    let found = client.run("KEYS.AUDIT REPORT");
    let audited = &picture["audit"];
    for (field, name) in [("at_ms", "at"), ("keys", "keys"), ("bytes", "bytes"), ("broken", "broken")] {
        assert_eq!(audited[field].as_i64(), Some(found.field(name).int()), "{field}");
    }
    let worst = &audited["groups"][0];
    assert_eq!((&worst["prefix"], &worst["keys"]), (&"session:".into(), &2.into()), "what is broken comes first");
    assert_eq!(worst["broken"], serde_json::json!({"TTL": 2, "TYPE": 1}));
    let policies = picture["policies"].as_array().unwrap();
    assert_eq!((&policies[0]["prefix"], &policies[0]["given"]), (&"market:".into(), &1.into()));
    assert_eq!((&policies[1]["rules"], &policies[1]["is_applied"]), (&"TTL 1d TYPE hash".into(), &false.into()));
    let text = succeed(program(&server.url()).arg("--once"));
    for part in ["KEYS: audit of", "TTL 2, TYPE 1", "POLICIES", "TTL 30s"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
    assert!(text.chars().all(|letter| letter == '\n' || !letter.is_control()), "{text:?}");

    client.run("ACL SETUSER little on >p ~* +@all -keys.audit -keys.policy").ok();
    let picture = json(&format!("{}?user=little&pass=p", server.url()));
    assert_as_documented(&picture);
    assert_eq!((&picture["audit"]["state"], &picture["policies"]), (&Value::Null, &Value::Array(Vec::new())));
    let warnings = picture["warnings"].to_string();
    assert!(warnings.contains("KEYS.AUDIT") && !warnings.contains("KEYS.POLICY"), "{warnings}");
}
