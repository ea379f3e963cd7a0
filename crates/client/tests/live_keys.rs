//! Key policies and audits against a real server, in both protocols.
#![allow(clippy::expect_used, clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::time::Duration;

use liq_harness::{Server, server::wait_until};
use redis::Commands;
use redis_liq::{AuditState, KeyCommands, KeyPolicy, ReportOrder};

const MINUTE: Duration = Duration::from_secs(60);

/// Runs an audit to its end.
fn audit(con: &mut impl KeyCommands) {
    con.keys_audit_start(Some(50)).unwrap();
    wait_until("the audit ends", || con.keys_audit_status().unwrap().state == AuditState::Idle);
}

#[test]
fn policies_and_reports_are_typed_in_both_protocols() {
    let server = Server::start();
    for url in [server.url(), server.url_resp3()] {
        let mut con = redis::Client::open(url).unwrap().get_connection().unwrap();
        let policy = KeyPolicy::new().ttl(MINUTE).max_ttl(MINUTE * 60).types(["string", "hash"]).max_items(5).apply();
        con.keys_policy_set("t:", &policy).unwrap();
        con.keys_policy_set("f:", &KeyPolicy::new().no_ttl().max_bytes(4096).idle(MINUTE)).unwrap();
        let _: () = con.set("t:1", "x").unwrap();
        let left_ms: i64 = con.pttl("t:1").unwrap();
        assert!((1..=60_000).contains(&left_ms), "{left_ms}");
        let policies = con.keys_policy_list().unwrap();
        assert_eq!(policies.len(), 2);
        assert_eq!(policies[1].rules.get("TYPE").map(ToString::to_string).as_deref(), Some("string,hash"));
        assert!(policies[1].is_applied && !policies[0].is_applied && policies[1].given > 0);

        let _: i64 = con.lpush("t:list", "x").unwrap();
        let _: () = con.set("bare", "x").unwrap();
        let status = con.keys_audit_status().unwrap();
        assert_eq!((status.state, con.keys_audit_stop().unwrap()), (AuditState::Idle, false));
        audit(&mut con);
        assert!(con.keys_audit_status().unwrap().last_ms.is_some());
        let mut report = con.keys_audit_report(ReportOrder::Broken, 20).unwrap().into_inner();
        assert_eq!((report.keys, report.broken, report.unregistered), (3, 1, 1));
        let row = &report.rows[0];
        assert_eq!(
            (row.prefix.to_string(), row.broken.get("TYPE"), row.types.get("list")),
            ("t:".into(), Some(&1), Some(&1))
        );
        let detail = con.keys_audit_detail("t:", None).unwrap().unwrap();
        assert_eq!(detail.shape.ttl.get("<1h"), Some(&0));
        assert_eq!(detail.shape.ttl.get("<1m"), Some(&2));
        assert_eq!(detail.shape.examples.get("TYPE").unwrap()[0].to_string(), "t:list");
        assert!(con.keys_audit_detail("nobody:", Some(0)).unwrap().is_none());
        report.merge(con.keys_audit_report(ReportOrder::Broken, 20).unwrap().into_inner());
        assert_eq!((report.keys, report.rows.len()), (6, 2));

        assert!(con.keys_policy_del("t:").unwrap() && !con.keys_policy_del("t:").unwrap());
        let refused = con.keys_policy_set("t:", &KeyPolicy::new().ttl(MINUTE).no_ttl());
        assert!(refused.unwrap_err().to_string().contains("TTL"));
        let _: () = redis::cmd("FLUSHALL").query(&mut con).unwrap();
    }
}
