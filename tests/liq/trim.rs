//! LIQ.TRIM: what it frees, what it leaves, who waits for it, and where it is refused.

use crate::persistence::assert_same;
use crate::support::server::wait_until;
use crate::support::shifted::{Shifted, sees_nothing_preloaded};
use crate::support::{Client, Options, Server};

const KEYS: usize = 30;

/// Series of 2,000 events each, a second apart.
fn fill(client: &mut Client, options: &str) {
    for series in 0..KEYS {
        let events: String =
            (1..2_000).map(|n| format!(" {} sell {} {}", n * 1_000, 100 + n % 7, n * 31 % 977 + 1)).collect();
        client.run(&format!("LIQ.CREATE k:{series} {options}")).ok();
        client.run(&format!("LIQ.MADD k:{series} EVENTS{events}"));
    }
}

fn used(client: &mut Client) -> i64 {
    client.run("LIQ.MEMORY").field("used").int()
}

/// What must be the same before and after, here and there.
fn picture(client: &mut Client) -> Vec<(String, String)> {
    let digests: Vec<_> = (0..KEYS).map(|n| (format!("digest of k:{n}"), client.digest(&format!("k:{n}")))).collect();
    let lines = (0..KEYS).flat_map(|n| [format!("LIQ.PCTL k:{n} 50 99 WINDOW 10m"), format!("LIQ.STATS k:{n}")]);
    let answers = lines.map(|line| (line.clone(), format!("{:?}", client.run(&line)))).collect::<Vec<_>>();
    [digests, answers].concat()
}

#[test]
fn spare_memory_goes_and_no_answer_changes() {
    let mut server = Server::with(&["maxmemory-policy allkeys-lfu", "maxmemory 1gb", "lfu-decay-time 0"]);
    server.expect_warning("removes whole series");
    let mut client = server.connect();
    client.run("SET other value").ok();
    fill(&mut client, "CLOCK EVENT");
    let before = picture(&mut client);
    for window in 1..12 {
        client.run(&format!("LIQ.PCTL k:0 50 WINDOW {window}m"));
    }
    let uses = client.run("OBJECT FREQ k:0").int();
    let (held, freed) = (used(&mut client), client.run("LIQ.TRIM").int());
    assert!(freed > 0, "derived answers are held");
    assert!(used(&mut client) <= held - freed / 2, "{held} before, {} after, {freed} freed", used(&mut client));
    assert_eq!(client.run("OBJECT FREQ k:0").int(), uses, "no use of a key");
    assert_same(&before, &picture(&mut client), "trimmed");
    client.run("LIQ.TRIM");
    assert_eq!(client.run("LIQ.TRIM").int(), 0, "nothing is left that nobody would miss");
}

#[test]
fn aggressive_takes_what_the_next_mode_would_here_and_on_replicas() {
    let primary = Options::default().tcp().start();
    let mut client = primary.connect();
    fill(&mut client, "CLOCK EVENT");
    let replica = Server::replica_of(&primary, &[]);
    primary.wait_for_replica(&replica);
    let mut there = replica.connect();
    let now = |client: &mut Client, field: &str| client.run("LIQ.INFO k:3").field(field).int();
    assert_eq!((now(&mut client, "tail_now"), now(&mut client, "events")), (4096, 1_999));
    let freed = client.run("LIQ.TRIM aggressive").int();
    assert!(freed > 0);
    assert_eq!((now(&mut client, "tail_now"), now(&mut client, "events")), (1024, 1_999), "no event goes");
    assert_eq!(client.run("LIQ.STATS k:3").field("count").int(), 1_999);
    wait_until("the replica heard of it", || now(&mut there, "tail_now") == 1024);
    assert_same(&picture(&mut client), &picture(&mut there), "a replica");
    assert!(!client.run("LIQ.ADD k:3 2000000 buy 100 5").is_error());
    assert_eq!(now(&mut client, "tail_now"), 4096, "what comes next is kept by the settings again");
    assert!(there.run("LIQ.TRIM").error().starts_with("READONLY "), "a replica follows its primary");
}

#[test]
fn what_no_window_reaches_any_more_goes() {
    let options = Options::default().lines(&["appendonly yes"]).expect_warning("loaded by DEBUG LOADAOF");
    let shifted = Shifted::start(options);
    if sees_nothing_preloaded(&shifted) {
        return;
    }
    let mut client = shifted.connect();
    client.run("LIQ.CREATE k RETENTION 1h TAIL 256 IDLE 0").ok();
    for batch in 0..10 {
        let events: String = (1..=100).map(|n| format!(" * sell 100 {}", batch * 100 + n)).collect();
        client.run(&format!("LIQ.MADD k EVENTS{events}"));
    }
    shifted.set_clock(5 * 3_600 * 1_000_000);
    assert_eq!(client.run("LIQ.INFO k").field("events").int(), 1_000, "held until somebody looks");
    assert!(client.run("LIQ.TRIM").int() > 0);
    assert_eq!(client.run("LIQ.INFO k").field("events").int(), 0);
    assert_eq!(client.run("LIQ.INFO k").field("total_accepted").int(), 1_000, "totals stay");
    let digest = client.digest("k");
    client.run("DEBUG LOADAOF").ok();
    assert_eq!(client.digest("k"), digest, "the append-only file tells of it");
}

#[test]
fn who_cannot_wait_is_refused() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("MULTI").ok();
    assert_eq!(client.run("LIQ.TRIM").text(), "QUEUED");
    let refused = client.run("EXEC");
    assert!(refused.array()[0].error().contains("not in transactions"), "{refused:?}");
    let script = client.call(&["EVAL", "return redis.call('LIQ.TRIM')", "0"]);
    assert!(script.error().contains("not in transactions"), "{script:?}");
    assert!(client.run("LIQ.TRIM HARD").error().starts_with("ERR option: unknown, got 'HARD'"));
    assert!(client.run("LIQ.TRIM AGGRESSIVE AGGRESSIVE").is_error());
    assert_eq!(client.run("LIQ.TRIM").int(), 0, "an empty server has nothing to free");
}

#[test]
fn others_are_served_and_who_leaves_is_forgotten() {
    let mut server = Server::start();
    let mut client = server.connect();
    fill(&mut client, "CLOCK EVENT");
    let id = client.run("CLIENT ID").int();
    // Walks behind one another, the first of a client that does not wait for it.
    let mut waiting: Vec<Client> = (0..3).map(|_| server.connect()).collect();
    let mut leaving = server.connect();
    for line in ["LIQ.TRIM AGGRESSIVE", "LIQ.TRIM"] {
        leaving.send(line);
    }
    drop(leaving);
    for client in &mut waiting {
        client.send("LIQ.TRIM AGGRESSIVE");
    }
    assert_eq!(client.run("CLIENT ID").int(), id, "another client is served");
    for client in &mut waiting {
        assert!(client.receive().int() >= 0);
    }
    assert_eq!(client.run("LIQ.INFO k:3").field("tail_now").int(), 1024);
    server.assert_alive();
}
