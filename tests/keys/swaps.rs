//! SWAPDB beside what goes by databases: keys that are looked at behind the step, and a walk that is under way.

use crate::support::server::wait_until;
use crate::support::{Client, Options, Server};

#[test]
fn a_key_whose_database_is_swapped_in_the_same_step_gets_its_expiry() {
    let primary = Options::default().tcp().line("liq.key-policies \"t: TTL 1h APPLY\"").start();
    let replica = Server::replica_of(&primary, &[]);
    let (mut client, mut other) = (primary.connect(), primary.connect());
    other.run("SELECT 1").ok();
    for round in 0..3 {
        for line in ["MULTI", &format!("SET t:{round} a"), "SWAPDB 0 1", &format!("SET t:here:{round} a"), "EXEC"] {
            client.run(line);
        }
        wait_until("the one that stayed has it", || client.run(&format!("PTTL t:here:{round}")).int() > 0);
        wait_until("the one that went has it", || other.run(&format!("PTTL t:{round}")).int() > 0);
        primary.wait_for_replica(&replica);
        let mut copy = replica.connect();
        assert!(copy.run(&format!("PTTL t:here:{round}")).int() > 0);
        copy.run("SELECT 1").ok();
        assert!(copy.run(&format!("PTTL t:{round}")).int() > 0);
    }
}

const KEYS: i64 = 10_000;

/// Swaps the first two databases while an audit is in the first; whether it was.
fn swap_in_mid_walk(client: &mut Client) -> bool {
    client.run("KEYS.AUDIT START BUDGET 1").ok();
    wait_until("it has seen keys", || client.run("KEYS.AUDIT STATUS").field("scanned").int() > 100);
    for line in ["MULTI", "KEYS.AUDIT STATUS", "SWAPDB 0 1"] {
        client.run(line);
    }
    let status = client.run("EXEC").array()[0].clone();
    wait_until("the audit ends", || client.run("KEYS.AUDIT STATUS").field("state").text() == "idle");
    // On a machine that is busy elsewhere it may have seen all of it by then.
    status.field("state").text() == "running" && status.field("scanned").int() < KEYS
}

#[test]
fn an_audit_sees_every_key_though_databases_are_swapped_under_it() {
    let server = Server::with(&["lua-time-limit 0", "databases 4"]);
    let mut client = server.connect();
    for (db, prefix) in [(0, "a:"), (1, "b:")] {
        client.run(&format!("SELECT {db}")).ok();
        let fill = format!("for i = 1, {KEYS} do redis.call('SET', '{prefix}' .. i, i) end");
        client.call(&["EVAL", &fill, "0"]);
    }
    client.run("SELECT 0").ok();
    let mut is_swapped = false;
    while !swap_in_mid_walk(&mut client) {
        is_swapped = !is_swapped;
    }
    let report = client.run("KEYS.AUDIT REPORT");
    for (prefix, db) in [("a:", i64::from(!is_swapped)), ("b:", i64::from(is_swapped))] {
        let rows: Vec<_> =
            report.field("rows").array().iter().filter(|row| row.field("prefix").text() == prefix).collect();
        let [row] = rows.as_slice() else { panic!("one group of {prefix}: {report:?}") };
        // A table that is being resized may show a key twice.
        assert!(row.field("keys").int() >= KEYS, "{row:?}");
        assert_eq!(row.field("db").int(), db, "{prefix}");
    }
}
