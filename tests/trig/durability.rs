//! Triggers are the same everywhere: RDB, AOF, replicas, COPY and DUMP hold the same bytes and answer the same.

use crate::support::{Client, Options, Server};

const KEYS: [&str; 3] = ["streamed", "told", "stuck"];

/// Markets with triggers of every kind, some of which fire, expire, are moved, deleted, or cannot be told.
fn fill(client: &mut Client, round: u64) {
    if round == 0 {
        client.run("TICK.CREATE streamed FIRES out CLOCK EVENT ORDER ID").ok();
        client.run("TICK.CREATE told CLOCK EVENT").ok();
        client.run("SET blocked x").ok();
        client.run("TICK.CREATE stuck FIRES blocked CLOCK EVENT").ok();
    }
    // Each round later than what the one before has seen.
    let now = client.time_ms() - 20_000 + round * 1_000;
    let mut lines = Vec::new();
    for at in 0..300 {
        let key = KEYS[at as usize % 3];
        let ts = now - 300 + at;
        let price = 60_000 + (at * 37 + round * 11) % 900;
        let id = at % 40;
        let side = ["LONG", "SHORT"][at as usize % 2];
        lines.push(match at % 5 {
            0 => format!("TRIG.SET {key} t{id} {side} TRAIL {} PAYLOAD p{at}", 50 + at),
            1 => format!("TRIG.SET {key} t{id} {side} TRAILPCT 0.{} ACTIVATE {}", 1 + at % 9, price + 100),
            2 => format!(
                "TRIG.SET {key} t{id} ABOVE {} BELOW {} EXPIRES {}",
                price + 300,
                price - 300,
                if at > 50 { ts + 40 } else { now + 90_000 }
            ),
            3 => format!("TRIG.DEL {key} t{}", (id + 7) % 40),
            _ => format!("TRIG.SET {key} t{id} SHORT SL {} BY mark", price + 200),
        });
        lines.push(format!("TICK.ADD {key} {ts} buy {price} 1 ID {}", round * 300 + at + 1));
        lines.push(format!("TICK.QUOTE {key} {ts} MARK {}", price + 5));
    }
    for reply in client.pipeline(&lines) {
        assert!(!reply.is_error(), "{reply:?}");
    }
}

fn picture(client: &mut Client) -> Vec<String> {
    let mut picture = vec![format!("{:?}", client.run("XRANGE out - +"))];
    for key in KEYS {
        picture.push(client.digest(key));
        picture.push(format!("{:?}", client.run(&format!("PEXPIRETIME {key}"))));
        picture.push(format!("{:?}", client.run(&format!("TRIG.LIST {key} COUNT 1000"))));
        let info = client.run(&format!("TICK.INFO {key}"));
        let kept: Vec<_> = info.fields().into_iter().filter(|(name, _)| name != "memory").collect();
        picture.push(format!("{kept:?}"));
    }
    picture
}

#[track_caller]
fn check(mut server: Server, what: &str, mut disturb: impl FnMut(&mut Server)) {
    server.expect_warning("a fire of 'stuck' was not appended");
    fill(&mut server.connect(), 0);
    let info = server.connect().run("TICK.INFO stuck");
    assert!(info.field("armed").int() > 0 && info.field("pending").int() > 0, "{info:?}");
    assert!(server.connect().run("XLEN out").int() > 0);
    for round in 1..3 {
        let before = picture(&mut server.connect());
        disturb(&mut server);
        assert_eq!(before, picture(&mut server.connect()), "{what}");
        fill(&mut server.connect(), round);
    }
}

#[test]
fn a_restart_from_rdb_is_invisible() {
    check(Server::start(), "a restart from RDB", Server::restart_saving);
}

#[test]
fn a_restart_from_an_aof_of_commands_is_invisible() {
    check(Server::with(&["appendonly yes"]), "a restart from AOF", Server::restart);
}

#[test]
fn a_restart_from_a_rewritten_aof_is_invisible() {
    let server = Server::with(&["appendonly yes", "aof-use-rdb-preamble no"]);
    check(server, "a rewritten AOF", |server| {
        let mut client = server.connect();
        assert!(!client.run("BGREWRITEAOF").is_error());
        server.wait_for_background();
        drop(client);
        server.restart();
    });
}

#[test]
fn a_replica_judges_nothing_and_holds_the_same() {
    let mut primary = Options::default().tcp().start();
    primary.expect_warning("a fire of 'stuck' was not appended");
    // One that would judge otherwise, and one that comes late.
    let mut other = Server::replica_of(&primary, &["liq.trigger-max-age 0", "liq.max-fires 1", "liq.max-triggers 0"]);
    other.expect_warning("a fire of 'stuck' was not appended");
    let mut client = primary.connect();
    fill(&mut client, 0);
    fill(&mut client, 1);
    let late = Server::replica_of(&primary, &[]);
    for replica in [&other, &late] {
        primary.wait_for_replica(replica);
        assert_eq!(picture(&mut client), picture(&mut replica.connect()));
    }
    assert!(late.connect().run("TRIG.SET told a ABOVE 1").error().starts_with("READONLY"));
    // A promoted replica goes on: what is armed fires there, under the names it had.
    let armed = client.run("TRIG.LIST streamed COUNT 1000");
    let names: Vec<String> =
        armed.array().iter().map(|row| format!("{}:{}", row.field("id").text(), row.field("arming").int())).collect();
    assert!(!names.is_empty());
    let mut promoted = late.connect();
    promoted.run("REPLICAOF NO ONE").ok();
    let now = promoted.time_ms();
    promoted.run(&format!("TICK.ADD streamed {now} buy 0.000001 1 ID 100001"));
    promoted.run(&format!("TICK.ADD streamed {} buy 1000000 1 ID 100002", now + 1));
    promoted.run(&format!("TICK.ADD streamed {} buy 0.000001 1 ID 100003", now + 2));
    promoted.run(&format!("TICK.QUOTE streamed {} MARK 1000000", now + 3));
    let entries = promoted.run("XRANGE out - +");
    let told: Vec<String> = entries.array().iter().map(|entry| entry.array()[1].array()[1].text()).collect();
    for name in names {
        assert_eq!(told.iter().filter(|other| **other == name).count(), 1, "{name}");
    }
}

#[test]
fn copies_and_dumps_are_the_same_and_share_nothing() {
    let mut server = Server::start();
    server.expect_warning("was not appended");
    let mut client = server.connect();
    fill(&mut client, 0);
    for key in KEYS {
        client.run(&format!("COPY {key} copy"));
        let payload = client.run(&format!("DUMP {key}"));
        client.call(&[b"RESTORE".as_slice(), b"restored", b"0", payload.bytes()]).ok();
        for other in ["copy", "restored"] {
            assert_eq!(client.digest(key), client.digest(other), "{key} {other}");
        }
        client.run("TRIG.DEL copy PREFIX t");
        assert_eq!(client.digest(key), client.digest("restored"), "{key}");
        assert_ne!(client.digest(key), client.digest("copy"), "{key}");
        client.run("DEL copy restored");
    }
}
