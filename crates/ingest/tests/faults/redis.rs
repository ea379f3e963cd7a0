//! Redis is slow, gone, another, or without its data.

use super::support::server::wait_until;
use super::support::{Fault, Options, Server};
use super::{Row, Stage};

pub const ROWS: &[Row] = &[
    Row { name: "frozen, and the program killed meanwhile", server: &[], settings: "", act: frozen_and_killed },
    Row { name: "frozen for longer than a venue may be silent", server: &[], settings: "", act: frozen_for_long },
    Row { name: "every error that passes", server: &[], settings: "", act: errors_that_pass },
    Row { name: "a relay that stalls", server: &[], settings: "", act: stalled },
    Row { name: "replies cut in the middle", server: &[], settings: "", act: cut_replies },
    Row { name: "the master demoted behind one address", server: &[], settings: "", act: demoted },
    Row { name: "failover to a replica that lags", server: &[], settings: "", act: lagging_replica },
    Row { name: "a replica that must have it and is away", server: &[], settings: WAIT, act: waits_for_replica },
    Row { name: "restarted without its data", server: &[], settings: "", act: restarted_empty },
    Row { name: "away for longer than the grace", server: &[], settings: GRACE, act: away_for_long },
    Row { name: "keys deleted, expired and flushed", server: &[], settings: "", act: keys_gone },
    Row { name: "a server without the module", server: &[], settings: "", act: without_module },
    Row { name: "a password set under way", server: &[], settings: "", act: password_set },
];

const WAIT: &str = "[redis]\nwait_replicas = 1\nwait_ms = 100\n";

/// Long enough for a slow machine to kill a server before it is over.
const GRACE: &str = "[spool]\ngrace_ms = 5000\n";

fn frozen_and_killed(stage: &mut Stage) -> usize {
    stage.server().stall();
    stage.send(500);
    stage.wait_red("redis:");
    stage.running.kill();
    stage.server().resume();
    stage.start_again();
    0
}

fn frozen_for_long(stage: &mut Stage) -> usize {
    stage.server().stall();
    // Longer than the 600 ms after which a silent venue is left, with a spool that would have to wait for Redis.
    for _ in 0..8 {
        stage.send(1_000);
        std::thread::sleep(std::time::Duration::from_millis(250));
    }
    stage.wait_red("redis:");
    assert_eq!(stage.metric("silences_total"), 0.0, "an unread socket is no silent venue");
    stage.server().resume();
    0
}

fn errors_that_pass(stage: &mut Stage) -> usize {
    for error in [
        "READONLY You can't write against a read only replica.",
        "LOADING Redis is loading the dataset in memory",
        "OOM command not allowed when used memory > 'maxmemory'.",
        "NOAUTH Authentication required.",
        "MOVED 1 127.0.0.1:1",
        "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
        "MISCONF Redis is configured to save RDB snapshots",
        "BUSY Redis is busy running a script.",
    ] {
        stage.proxy.set(Fault::Answer(error));
        stage.send(40);
        stage.wait_red(error.split(' ').next().unwrap());
        stage.proxy.set(Fault::None);
        stage.proxy.cut();
        stage.wait_exact(0);
    }
    0
}

fn stalled(stage: &mut Stage) -> usize {
    stage.proxy.set(Fault::Stall);
    stage.send(100);
    stage.wait_red("redis: no answer");
    assert!(stage.metric("spool_events") >= 100.0 && stage.metric("spool_oldest_seconds") > 0.0);
    stage.proxy.set(Fault::None);
    0
}

fn cut_replies(stage: &mut Stage) -> usize {
    for bytes in [0, 1, 17, 60, 200] {
        let failures = stage.metric("redis_failures_total");
        stage.proxy.set(Fault::CutAfter(bytes));
        stage.send(50);
        wait_until("a reply was cut", || stage.proxy.lost() > 0);
        // Over before anybody could ask health; counted all the same.
        wait_until("the failure is counted", || stage.metric("redis_failures_total") > failures);
        stage.proxy.set(Fault::None);
        stage.wait_exact(0);
    }
    stage.tell("redis_failures_total");
    0
}

/// A replica of the server, as the second of the stage's servers.
pub fn add_replica(stage: &mut Stage) {
    let replica = Options::default()
        .tcp()
        .line(format!("replicaof 127.0.0.1 {}", stage.server().port()))
        .expect_warning("Failed to resolve")
        .start();
    replica.wait_for_link();
    stage.servers.push(replica);
}

fn demoted(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    add_replica(stage);
    stage.server().wait_for_replica(&stage.servers[1]);
    stage.servers[1].connect().run("REPLICAOF NO ONE").ok();
    let port = stage.servers[1].port();
    // The connection to the old master stays: nothing but its answers tells that it is the wrong one.
    stage.turn_to(1);
    stage.servers[0].expect_warning("Master replication ID changed");
    stage.server().connect().run(&format!("REPLICAOF 127.0.0.1 {port}")).ok();
    stage.send(100);
    wait_until("the new master has them", || stage.stored_by(1) == stage.sent);
    stage.tell("redis_failures_total");
    assert!(stage.metric("redis_failures_total") >= 1.0);
    1
}

fn lagging_replica(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    add_replica(stage);
    stage.server().wait_for_replica(&stage.servers[1]);
    stage.servers[1].stall();
    stage.send(100);
    stage.wait_exact(0);
    stage.servers[0].kill();
    stage.wait_red("redis:");
    stage.servers[1].resume();
    stage.servers[1].connect().run("REPLICAOF NO ONE").ok();
    stage.turn_to(1);
    wait_until("another server was noticed", || stage.metric("redis_rewinds_total") >= 1.0);
    wait_until("it has all", || stage.stored_by(1) == stage.sent);
    stage.servers[0].start_again();
    1
}

fn waits_for_replica(stage: &mut Stage) -> usize {
    // Without a replica nothing counts as delivered, though the server has it.
    stage.wait_red("0 of 1 replicas");
    assert!(stage.metric("spool_events") > 0.0);
    add_replica(stage);
    stage.wait_exact(0);
    stage.servers[1].stall();
    stage.send(50);
    stage.wait_red("replicas have the events");
    stage.servers[1].resume();
    0
}

fn restarted_empty(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    stage.servers[0].kill();
    stage.wait_red("redis: does not take events");
    stage.servers[0].start_again();
    // All of it was delivered within the time for which it is kept.
    stage.wait_exact(0);
    assert_eq!(stage.metric("redis_rewinds_total"), 1.0);
    0
}

fn away_for_long(stage: &mut Stage) -> usize {
    stage.send(100);
    stage.wait_exact(0);
    stage.servers[0].kill();
    stage.wait_red("redis: does not take events");
    std::thread::sleep(std::time::Duration::from_secs(7));
    stage.servers[0].start_again();
    // Nobody answered meanwhile who could have had it.
    stage.wait_exact(0);
    assert_eq!(stage.metric("redis_rewinds_total"), 1.0);
    0
}

fn keys_gone(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    let options = |server: &Server, key: &str| {
        let info = server.connect().call(&["LIQ.INFO", key]);
        ["clock", "percentile"].map(|name| info.field(name).text())
    };
    let expected = options(stage.server(), "liq:{AUSDT}");
    assert_eq!(expected[0], "EVENT");
    for (place, command) in ["DEL liq:{AUSDT}", "PEXPIRE liq:{BUSDT} 1", "FLUSHALL"].iter().enumerate() {
        stage.server().connect().run(command);
        wait_until("the key is gone", || {
            let key = ["liq:{AUSDT}", "liq:{BUSDT}", "liq:{CUSDT}"][place];
            stage.server().connect().run(&format!("EXISTS {key}")).int() == 0
        });
        stage.send(30);
        wait_until("they are delivered", || stage.metric("spool_events") == 0.0);
        for symbol in super::stage::SYMBOLS {
            assert_eq!(options(stage.server(), &format!("liq:{{{symbol}}}")), expected, "{command}");
        }
    }
    stage.tell("redis_revived_series_total");
    assert_eq!(stage.metric("redis_revived_series_total"), 5.0);
    // What was deleted on purpose stays so; the count begins anew.
    stage.sent = stage.stored_by(0);
    0
}

fn without_module(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    stage.servers.push(Server::plain());
    stage.turn_to(1);
    stage.proxy.cut();
    // No event is needed to notice it.
    stage.wait_red("unknown command");
    stage.send(20);
    stage.turn_to(0);
    stage.proxy.cut();
    0
}

fn password_set(stage: &mut Stage) -> usize {
    stage.wait_exact(0);
    stage.server().connect().run("CONFIG SET requirepass secret").ok();
    stage.proxy.cut();
    stage.send(20);
    stage.wait_red("NOAUTH");
    let mut client = stage.server().connect();
    client.run("AUTH secret").ok();
    client.run("CONFIG SET requirepass \"\"").ok();
    0
}
