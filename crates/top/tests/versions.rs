//! `liq-top` with a module of another version: it says so, and shows nothing that it cannot read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use serde_json::Value;
use support::relay::relay;
use support::site::Site;
use support::{assert_as_documented, fail, json, program, stocked_server, succeed};

#[test]
fn a_module_without_a_command_is_of_another_version() {
    let server = stocked_server(&[]);
    let old = relay(&server, &[("LIQ.MEMORY", "LIQ.MEMOIR")], &[]);
    let said = fail(program(&old).arg("--once"));
    assert!(said.contains("is of another version: it has no LIQ.MEMORY"), "{said}");
    let said = fail(program(&old).args(["--svg", "-", "--symbol", "BTCUSDT"]));
    assert!(said.contains("is of another version"), "{said}");
    // Pages wait for a module that is of this version.
    let site = Site::open(&old, "127.0.0.1:0", &[]);
    let said = site.live("/events").find(|content| content.contains("is of another version"));
    assert!(said.unwrap().contains("nothing was read yet"));
}

#[test]
fn commands_that_came_later_are_left_out_without_a_word() {
    let server = stocked_server(&["notify-keyspace-events Engxe"]);
    let older = relay(&server, &[("KEYS.AUDIT", "KEYS.AUDOT"), ("KEYS.POLICY", "KEYS.POLACY")], &[]);
    let picture = json(&older);
    assert_as_documented(&picture);
    assert_eq!((&picture["audit"]["state"], &picture["warnings"]), (&Value::Null, &Value::Array(Vec::new())));
    assert_eq!(picture["symbols"].as_array().unwrap().len(), 3);
}

#[test]
fn figures_that_cannot_be_read_are_missing_and_said_to_be() {
    let server = stocked_server(&[]);
    for renamed in [&[("p95\r\n", "q95\r\n")], &[("retention\r\n", "retentiom\r\n")]] {
        let other = relay(&server, &[], renamed);
        let picture = json(&other);
        assert_as_documented(&picture);
        assert_versions_differ(&picture);
        for row in picture["symbols"].as_array().unwrap() {
            let error = row["error"].as_str().unwrap();
            assert!(error.contains("of another version") && error.contains(renamed[0].0.trim_end()), "{error}");
            assert_eq!((&row["p80"], &row["vwap"]), (&Value::Null, &Value::Null));
        }
        // The rest is there.
        assert_eq!(picture["markets"][0]["price"], "61755.7");
        assert_eq!(picture["memory"]["mode"], "normal");
        let text = succeed(program(&other).arg("--once"));
        assert!(text.contains("BTCUSDT              the reply is of another version"), "{text}");
        let said = fail(program(&other).args(["--svg", "-", "--symbol", "BTCUSDT"]));
        assert!(said.contains("of another version"), "{said}");
    }
}

#[test]
fn memory_markets_and_limiters_that_cannot_be_read_are_missing_and_said_to_be() {
    let server = stocked_server(&[]);
    // A mode that nobody knows yet.
    let other =
        relay(&server, &[], &[("normal\r\n", "frozen\r\n"), ("armed\r\n", "ormed\r\n"), ("burst\r\n", "borst\r\n")]);
    let picture = json(&other);
    assert_as_documented(&picture);
    assert_versions_differ(&picture);
    let warnings = picture["warnings"].to_string();
    assert!(warnings.contains("LIQ.MEMORY: the reply is of another version"), "{warnings}");
    assert!(warnings.contains("RL.INFO: the reply is of another version"), "{warnings}");
    let (memory, market) = (&picture["memory"], &picture["markets"][0]);
    assert_eq!((&memory["mode"], &memory["used"], &memory["alarm"]), (&Value::Null, &Value::Null, &Value::Null));
    assert_eq!((&market["price"], &market["armed"]), (&"61755.7".into(), &Value::Null));
    assert!(market["error"].as_str().unwrap().contains("armed"), "{market}");
    assert_eq!(picture["limiters"], Value::Array(Vec::new()));
    assert_eq!((&picture["symbols"][0]["count"], &picture["symbols"][0]["error"]), (&121.into(), &Value::Null));
}

#[track_caller]
fn assert_versions_differ(picture: &Value) {
    let warnings = picture["warnings"].to_string();
    let version = env!("CARGO_PKG_VERSION");
    let said = format!("the module's version is {version}, liq-top's {version}: what of it cannot be read is left out");
    assert!(warnings.contains(&said), "{warnings}");
}
