//! What was used is used after every way a server can lose and regain its memory.

use crate::support::{Client, Options, Server};

/// Limits of every kind, one key that stays and one that expires, a ban, and one limit reconciled.
fn fill(client: &mut Client) {
    client.run("RL.CREATE kept LIMIT 10 PERIOD 10h LIMIT 20 PERIOD 366d ALIGNED LIMIT 30 PERIOD 5h SLIDING").ok();
    client.run("RL.CHECK kept COST 3");
    client.run("RL.CHECK kept COST 2");
    client.run("RL.SYNC kept PERIOD 366d ALIGNED USED 15");
    client.run("RL.CHECK checked LIMIT 7 PERIOD 7h BURST 9 COST 4");
    client.run("RL.BAN banned 10h").ok();
    client.run("RL.CHECK gone LIMIT 7 PERIOD 7h COST 4");
    client.run("RL.CHECK gone COST -4");
    client.run("RL.CHECK denied LIMIT 5 PERIOD 10h COST 5");
    client.run("RL.CHECK denied LIMIT 3 PERIOD 10h COST 1");
    client.run("MULTI").ok();
    client.run("RL.CHECK together LIMIT 9 PERIOD 10h COST 2");
    client.run("RL.CHECK together COST 3");
    client.run("EXEC");
    let script = "return redis.call('RL.CHECK', KEYS[1], 'LIMIT', '6', 'PERIOD', '10h', 'COST', '5')";
    client.call(&["EVAL", script, "1", "scripted"]);
}

const KEYS: [&str; 6] = ["kept", "checked", "banned", "denied", "together", "scripted"];

/// State and expiry of every key, to the byte and the millisecond.
fn state(client: &mut Client) -> Vec<(String, i64)> {
    assert_eq!(client.run("DBSIZE").int(), 6);
    KEYS.iter().map(|key| (client.digest(key), client.call(&["PEXPIRETIME", key]).int())).collect()
}

fn persistent(lines: &[&str]) -> Server {
    lines.iter().fold(Options::default(), |options, line| options.line(*line)).start()
}

#[test]
fn an_rdb_file_keeps_it() {
    let mut server = Server::start();
    fill(&mut server.connect());
    let before = state(&mut server.connect());
    server.restart_saving();
    assert_eq!(state(&mut server.connect()), before);
}

#[test]
fn the_append_only_file_keeps_every_command_that_was_answered() {
    for preamble in ["yes", "no"] {
        let rdb_preamble = format!("aof-use-rdb-preamble {preamble}");
        let mut server = persistent(&["appendonly yes", "appendfsync always", &rdb_preamble]);
        fill(&mut server.connect());
        let before = state(&mut server.connect());
        server.kill_and_restart();
        assert_eq!(state(&mut server.connect()), before);
        server.connect().run("BGREWRITEAOF");
        server.wait_for_background();
        assert_eq!(server.connect().info("aof_last_bgrewrite_status"), "ok");
        server.kill_and_restart();
        assert_eq!(state(&mut server.connect()), before);
        // And it goes on counting from there.
        let verdict = server.connect().run("RL.CHECK kept COST 6");
        assert_eq!((verdict.array()[0].int(), verdict.array()[5].int()), (0, 2), "five of the year's twenty are left");
    }
}

#[test]
fn an_append_only_file_that_is_switched_on_hears_of_everything_from_then_on() {
    for busy in [false, true] {
        let mut server = persistent(&["appendfsync always", "rdb-key-save-delay 1000"]);
        server.expect_warning("AOF was enabled but there is already another background operation");
        let mut client = server.connect();
        // The module has learnt that nobody listens.
        for key in 0..200 {
            client.run(&format!("RL.CHECK early:{key} LIMIT 7 PERIOD 7h COST 2"));
        }
        if busy {
            // The file waits until the snapshot is written.
            client.run("BGSAVE");
        }
        client.run("CONFIG SET appendonly yes").ok();
        for key in 0..200 {
            client.run(&format!("RL.CHECK early:{key} COST 3"));
            client.run(&format!("RL.CHECK late:{key} LIMIT 7 PERIOD 7h COST 4"));
        }
        server.wait_for_background();
        client.run("RL.CHECK early:0 COST 1");
        client.run("RL.CHECK late:0 COST 1");
        let digest = client.run("DEBUG DIGEST");
        server.add_line("appendonly yes");
        server.kill_and_restart();
        let mut client = server.connect();
        assert_eq!(client.run("DEBUG DIGEST"), digest, "while a snapshot is written: {busy}");
        assert_eq!(client.run("RL.PEEK early:0").array()[2].int(), 1);
    }
}

#[test]
fn a_replica_has_the_same_bytes_and_goes_on_after_a_failover() {
    let primary = Options::default().tcp().start();
    primary.connect().run("RL.CREATE early LIMIT 5 PERIOD 1h").ok();
    primary.connect().run("DEL early");
    let replica = Server::replica_of(&primary, &[]);
    fill(&mut primary.connect());
    primary.wait_for_replica(&replica);
    let before = state(&mut primary.connect());
    assert_eq!(state(&mut replica.connect()), before);
    let mut client = replica.connect();
    assert_eq!(client.run("RL.PEEK kept").array()[2].int(), 5);
    assert!(client.run("RL.CHECK kept").error().starts_with("READONLY"));
    assert_eq!(client.run("RL.INFO checked").field("limits").array()[0].field("used").int(), 4);
    client.run("REPLICAOF NO ONE").ok();
    assert_eq!(state(&mut client), before);
    let verdict = client.run("RL.CHECK checked COST 6");
    assert_eq!((verdict.array()[0].int(), verdict.array()[2].int()), (0, 5));
    assert_eq!(client.run("RL.CHECK checked COST 5").array()[2].int(), 0);
}

#[test]
fn replicas_of_replicas_and_late_ones_agree() {
    let primary = Options::default().tcp().start();
    fill(&mut primary.connect());
    let middle = {
        let options = Options::default().tcp().line(format!("replicaof 127.0.0.1 {}", primary.port())).start();
        options.wait_for_link();
        options
    };
    let last = Server::replica_of(&middle, &["appendonly yes"]);
    primary.connect().run("RL.CHECK checked COST 1");
    primary.wait_for_replica(&middle);
    primary.wait_for_replica(&last);
    let before = state(&mut primary.connect());
    assert_eq!(state(&mut middle.connect()), before);
    assert_eq!(state(&mut last.connect()), before);
}

#[test]
fn only_decided_states_travel() {
    let server = persistent(&["appendonly yes", "appendfsync always"]);
    fill(&mut server.connect());
    let folder = server.dir().join("appendonlydir");
    let files = std::fs::read_dir(folder).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
    let text = String::from_utf8_lossy(&files.flatten().collect::<Vec<u8>>()).to_uppercase();
    assert!(text.contains("RL.APPLY"));
    for command in ["RL.CHECK", "RL.SYNC", "RL.BAN", "RL.CREATE", "EVAL"] {
        assert!(!text.contains(command), "{command} would be judged again");
    }
}
