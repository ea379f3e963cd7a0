//! A hundred workers at once on twenty permits: exactly twenty pass.

use std::sync::Barrier;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::cluster::Cluster;
use crate::support::{Client, Reply, Server};

const WORKERS: usize = 100;
/// One returns every half hour: none during the test.
const LIMITS: &str = "LIMIT 20 PERIOD 10h LIMIT 20 PERIOD 5h SLIDING LIMIT 20 PERIOD 366d ALIGNED";

/// How many of a hundred workers, each on its own connection, `attempt` lets through.
fn admitted(connect: impl Fn() -> Client + Sync, attempt: impl Fn(&mut Client) -> bool + Sync) -> usize {
    let (start, admitted) = (Barrier::new(WORKERS), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                let mut client = connect();
                start.wait();
                if attempt(&mut client) {
                    admitted.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
    });
    admitted.into_inner()
}

fn allowed(verdict: &Reply) -> bool {
    verdict.array()[0].int() == 1
}

#[test]
fn plain_checks() {
    let server = Server::start();
    let attempt = |client: &mut Client| allowed(&client.run(&format!("RL.CHECK jobs {LIMITS}")));
    assert_eq!(admitted(|| server.connect(), attempt), 20);
    let mut client = server.connect();
    assert_eq!(client.run("RL.PEEK jobs").array()[2].int(), 0);
}

#[test]
fn checks_of_created_limits() {
    let server = Server::start();
    server.connect().run(&format!("RL.CREATE jobs {LIMITS}")).ok();
    let attempt = |client: &mut Client| allowed(&client.run("RL.CHECK jobs"));
    assert_eq!(admitted(|| server.connect(), attempt), 20);
}

#[test]
fn inside_transactions() {
    let server = Server::start();
    let attempt = |client: &mut Client| {
        client.run("MULTI").ok();
        client.run(&format!("RL.CHECK jobs {LIMITS}"));
        client.run("INCR attempts");
        allowed(&client.run("EXEC").array()[0])
    };
    assert_eq!(admitted(|| server.connect(), attempt), 20);
    assert_eq!(server.connect().run("GET attempts").text(), "100");
}

#[test]
fn inside_scripts() {
    let server = Server::start();
    let script = format!(
        "local verdict = redis.call('RL.CHECK', KEYS[1], {}) \
         if verdict[1] == 1 then redis.call('INCR', KEYS[2]) end return verdict",
        LIMITS.split(' ').map(|word| format!("'{word}'")).collect::<Vec<_>>().join(",")
    );
    let attempt = |client: &mut Client| allowed(&client.call(&["EVAL", &script, "2", "jobs", "started"]));
    assert_eq!(admitted(|| server.connect(), attempt), 20);
    assert_eq!(server.connect().run("GET started").text(), "20");
}

#[test]
fn in_a_cluster() {
    let cluster = Cluster::start();
    for key in ["jobs", "{binance}:orders", "user:7"] {
        let attempt = |client: &mut Client| allowed(&client.run(&format!("RL.CHECK {key} {LIMITS}")));
        assert_eq!(admitted(|| cluster.connect_for(key), attempt), 20, "{key}");
    }
}
