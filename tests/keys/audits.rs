//! KEYS.AUDIT: starting, stopping, what it says of itself, and refusals.

use crate::support::server::wait_until;
use crate::support::{Client, Options, Reply, Server};

/// Runs an audit to its end and answers with its status.
#[track_caller]
pub fn audit(client: &mut Client) -> Reply {
    client.run("KEYS.AUDIT START BUDGET 50").ok();
    wait_until("the audit ends", || client.run("KEYS.AUDIT STATUS").field("state").text() == "idle");
    client.run("KEYS.AUDIT STATUS")
}

#[test]
fn an_audit_runs_once_at_a_time_and_can_be_stopped() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("DEBUG POPULATE 100000 k").ok();
    assert_eq!(client.run("KEYS.AUDIT STOP").int(), 0);
    assert_eq!(client.run("KEYS.AUDIT REPORT").error(), "ERR no audit yet");
    assert_eq!(client.run("KEYS.AUDIT REPORT PREFIX k:").error(), "ERR no audit yet");
    client.run("KEYS.AUDIT START BUDGET 1").ok();
    assert_eq!(client.run("KEYS.AUDIT START").error(), "ERR an audit is running");
    assert_eq!(client.info("liq_key_audit_running"), "1");
    wait_until("it has seen keys", || client.run("KEYS.AUDIT STATUS").field("scanned").int() > 0);
    let status = client.run("KEYS.AUDIT STATUS");
    assert_eq!(status.field("state").text(), "running");
    assert!((0.0..100.0).contains(&status.field("progress").f64()), "{status:?}");
    assert!(status.field("started").int() > 0 && status.field("last").is_null());
    assert_eq!(client.run("KEYS.AUDIT STOP").int(), 1);
    assert_eq!(client.run("KEYS.AUDIT STOP").int(), 0);
    assert_eq!(client.run("KEYS.AUDIT REPORT").error(), "ERR no audit yet");
    let status = audit(&mut client);
    assert_eq!(status.field("progress").f64(), 100.0);
    assert!(status.field("last").int() > 0 && status.field("cpu_ms").int() > 0);
    assert_eq!(client.run("KEYS.AUDIT REPORT").field("keys").int(), 100_000);
    assert_eq!(client.info("liq_key_audits"), "1");
    assert_eq!(client.info("liq_key_audit_running"), "0");
}

#[test]
fn refusals_name_the_argument() {
    let server = Server::start();
    let mut client = server.connect();
    let cases = [
        ("KEYS.AUDIT", "ERR wrong number of arguments for 'keys.audit' command"),
        ("KEYS.AUDIT START BUDGET 51", "ERR BUDGET: must be 1 to 50, got '51'"),
        ("KEYS.AUDIT STOP NOW", "ERR wrong number of arguments for 'keys.audit' command"),
        ("KEYS.AUDIT REPORT BY colour", "ERR BY: must be bytes, keys, no_ttl, idle, broken or growth, got 'colour'"),
        ("KEYS.AUDIT RUN", "ERR subcommand: must be START, STOP, STATUS or REPORT, got 'RUN'"),
    ];
    for (line, error) in cases {
        assert_eq!(client.run(line).error(), error, "{line}");
    }
    for (name, value, kept) in [
        ("liq.audit-budget", "51", "2"),
        ("liq.audit-budget", "0", "2"),
        ("liq.audit-groups", "4097", "256"),
        ("liq.audit-every", "59s", "0"),
        ("liq.audit-delimiter", "", ":"),
        ("liq.audit-delimiter", "a b", ":"),
        ("liq.audit-delimiter", "\"", ":"),
        ("liq.audit-delimiter", "\\", ":"),
    ] {
        assert!(client.call(&["CONFIG", "SET", name, value]).is_error(), "{name} {value}");
        assert_eq!(client.call(&["CONFIG", "GET", name]).array()[1].text(), kept);
    }
}

#[test]
fn groups_rows_and_orders_are_those_asked_for() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("KEYS.POLICY SET session: TYPE hash TTL 24h").ok();
    for line in [
        "SET session:1 x",
        "HSET session:2 f v",
        "EXPIRE session:2 600",
        "SET a/b/c 1",
        "SET a/d 1",
        "SET bare 1",
        "SET big 0123456789012345678901234567890123456789",
        "LIQ.CREATE liq/{BTCUSDT}",
    ] {
        assert!(!client.run(line).is_error(), "{line}");
    }
    client.run("SELECT 3").ok();
    client.run("SET a/elsewhere 1 PX 100000000").ok();
    client.run("CONFIG SET liq.audit-delimiter /").ok();
    audit(&mut client);
    let report = client.run("KEYS.AUDIT REPORT BY keys");
    assert_eq!(
        report.field_names(),
        ["at", "took_ms", "cpu_ms", "keys", "bytes", "no_ttl", "unregistered", "broken", "rows"]
    );
    let total = |name: &str| report.field(name).int();
    assert_eq!((total("keys"), total("no_ttl"), total("unregistered"), total("broken")), (8, 5, 6, 1));
    let name = |row: &Reply| (row.field("db").int(), row.field("prefix").text());
    let rows: Vec<_> = report.field("rows").array().iter().map(name).collect();
    let expected = [(0, "(none)"), (0, "a/"), (0, "session:"), (0, "liq/"), (3, "a/")];
    assert_eq!(rows, expected.map(|(db, prefix)| (db, prefix.to_owned())));
    let bytes: i64 = report.field("rows").array().iter().map(|row| row.field("bytes").int()).sum();
    assert_eq!(total("bytes"), bytes);
    let broken = client.run("KEYS.AUDIT REPORT BY broken COUNT 1");
    let row = &broken.field("rows").array()[0];
    assert_eq!(
        (row.field("prefix").text(), row.field("policy").text()),
        ("session:".into(), "TTL 1d TYPE hash".into())
    );
    assert_eq!((row.field("broken").field("TTL").int(), row.field("broken").field("TYPE").int()), (1, 1));
    assert!(row.field("keys_per_hour").is_null());
    let detail = client.run("KEYS.AUDIT REPORT PREFIX session:");
    assert_eq!(detail.field("ttl").field("<1h").int(), 1);
    assert_eq!(detail.field("examples").field("TYPE").array(), [Reply::Bytes(b"session:1".to_vec())]);
    assert_eq!(detail.field("types").field("hash").int(), 1);
    let elsewhere = client.run("KEYS.AUDIT REPORT PREFIX a/ DB 3");
    assert_eq!((elsewhere.field("db").int(), elsewhere.field("keys").int()), (3, 1));
    assert_eq!(client.run("KEYS.AUDIT REPORT PREFIX liq/").field("types").field("liqseries").int(), 1);
    assert!(client.run("KEYS.AUDIT REPORT PREFIX nobody:").is_null());
    // The second one knows how it grows.
    client.run("SET a/more 1").ok();
    audit(&mut client);
    let grown = client.run("KEYS.AUDIT REPORT BY growth COUNT 1");
    let row = &grown.field("rows").array()[0];
    assert_eq!(name(row), (3, "a/".into()));
    assert!(row.field("keys_per_hour").f64() > 0.0 && row.field("bytes_per_hour").f64() > 0.0);
    let line = client.info("liq_key_policy_0");
    assert!(line.starts_with("prefix=session:,keys=2,bytes="), "{line}");
}

#[test]
fn there_is_a_limit_of_groups_and_long_names_are_cut() {
    let server = Server::with(&["liq.audit-groups 3"]);
    let mut client = server.connect();
    for place in 0..10 {
        client.run(&format!("SET ns{place}:a 1")).ok();
    }
    let long = "x".repeat(200);
    client.run(&format!("SET {long} {}", "v".repeat(10_000))).ok();
    audit(&mut client);
    let report = client.run("KEYS.AUDIT REPORT BY keys");
    let rows = report.field("rows").array();
    assert_eq!((rows.len(), rows[0].field("prefix").text(), rows[0].field("keys").int()), (5, "(other)".into(), 7));
    let largest = client.run("KEYS.AUDIT REPORT PREFIX (none)");
    let largest = largest.field("largest").array()[0].array();
    assert_eq!((largest[0].text(), largest[1].text()), (format!("{}…", "x".repeat(128)), "string".to_owned()));
    assert!(largest[2].int() > 10_000 && largest[3].int() == 10_000);
}

#[test]
fn audits_start_by_the_clock_where_that_is_configured() {
    // The shortest time is a minute, so this only sees that the timer is kept and can be taken back.
    let server = Options::default().line("liq.audit-every 1h").start();
    let mut client = server.connect();
    assert_eq!(client.run("CONFIG GET liq.audit-every").array()[1].text(), "1h");
    client.run("CONFIG SET liq.audit-every 1m").ok();
    client.run("CONFIG SET liq.audit-every 0").ok();
    assert_eq!(client.info("liq_key_audit_running"), "0");
}
