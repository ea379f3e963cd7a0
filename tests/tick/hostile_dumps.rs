//! RESTORE of tampered payloads with right checksums, and decided writes of a hostile primary: refused, or a sound market.

use crate::support::dump::{open, seal};
use crate::support::primary::Primary;
use crate::support::{Client, Options, Server};

const M: u64 = 1_723_161_300_000;

fn seed(client: &mut Client) -> Vec<u8> {
    client.run("TICK.CREATE seed ORDER ID CLOCK EVENT KEEP 1m 5 KEEP 5m 12 TAIL 6 CLOSES out MAXLEN 5").ok();
    for at in 0..12_u64 {
        client.run(&format!(
            "TICK.ADD seed {} buy {}.5 0.{} ID {}",
            M + at * 70_000,
            100 + at,
            at + 1,
            50 + at + at / 5
        ));
    }
    client.run(&format!("TICK.QUOTE seed {M} BID 99 1 ASK 100 2"));
    let payload = client.run("DUMP seed").bytes().to_vec();
    client.run("DEL seed");
    payload
}

#[test]
fn every_flipped_bit_of_a_market_is_survived() {
    let mut server = Options::default().line("rdbcompression no").start();
    server.expect_warning("");
    let mut client = server.connect();
    let (content, version) = open(&seed(&mut client));
    assert!(restore_and_use(&mut client, &seal(&content, version), "untouched"));
    let mut accepted = 0;
    for at in 10..content.len() {
        for bit in [0, 3, 6, 7] {
            let mut flipped = content.clone();
            flipped[at] ^= 1 << bit;
            let what = format!("bit {bit} of byte {at}");
            accepted += u32::from(restore_and_use(&mut client, &seal(&flipped, version), &what));
        }
    }
    assert!(accepted > 10, "{accepted}");
    server.assert_alive();
}

/// Restores `payload`; whatever came of it must be usable like any market. Returns whether it was accepted.
#[track_caller]
fn restore_and_use(client: &mut Client, payload: &[u8], what: &str) -> bool {
    let reply = client.call(&[b"RESTORE", b"s".as_slice(), b"0", payload, b"REPLACE"]);
    if reply.is_error() {
        assert_eq!(client.run("EXISTS s").int(), 0, "{what}: refused, and yet a key");
        return false;
    }
    // The first write gives it the expiry that its IDLE says, which may be of milliseconds.
    let may_expire = (1..600_000).contains(&client.run("TICK.INFO s").field("idle").int());
    for line in [
        "TICK.INFO s".to_owned(),
        "TICK.LAST s FULL WINDOW 1d".to_owned(),
        "TICK.RANGE s - +".to_owned(),
        "CANDLE.RANGE s 1m FILL".to_owned(),
        "CANDLE.RANGE s 1d - + AS pack".to_owned(),
        format!("TICK.ADD s {} buy 100 50 ID 999999", M + 1_000_000),
        format!("TICK.ADD s {} buy 100 50 ID 54", M + 700_000),
        format!("TICK.QUOTE s {}", M + 1_100_000),
    ] {
        let shown = format!("{:?}", client.run(&line));
        assert!(!shown.contains("internal error") && !shown.contains("NaN"), "{what}: {line}: {shown}");
    }
    let again = client.run("DUMP s");
    if may_expire && again.is_null() {
        return true;
    }
    let reply = client.call(&[b"RESTORE", b"again".as_slice(), b"0", again.bytes(), b"REPLACE"]);
    assert!(reply.is_ok(), "{what}: an accepted market does not restore from its own DUMP: {reply:?}");
    assert_eq!(client.run("DUMP again"), again, "{what}: a reload is seen");
    client.run("DEL s again");
    true
}

#[test]
fn a_hostile_primary_changes_nothing_and_ends_nothing() {
    let primary = Primary::start();
    let mut replica = Options::default().line(primary.line()).start();
    replica.expect_warning("");
    let mut feed = primary.accept();
    for line in ["TICK.APPLY k x", "TICK.LOAD k \"\"", "TICK.LOAD k x", "TICK.ALTER k TAIL 5", "TICK.APPLY"] {
        feed.send(line);
    }
    feed.send("SET marker 1");
    feed.wait_for_acknowledgement();
    let mut client = replica.connect();
    assert_eq!((client.run("EXISTS k").int(), client.run("EXISTS marker").int()), (0, 1));
    replica.assert_alive();
}

#[test]
fn the_newest_first_in_one_millisecond_and_in_the_past_are_survived() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k ORDER ID KEEP 1s 60").ok();
    let lines: Vec<String> = (0..2_000_u64)
        .rev()
        .map(|at| format!("TICK.ADD k {} buy 100 1 ID {}", M + at % 7 * 100_000, 10_000 - at * 3))
        .collect();
    for reply in client.pipeline(&lines) {
        assert!(!reply.is_error(), "{reply:?}");
    }
    let gaps = client.run("TICK.INFO k").field("gaps").array().len();
    assert!(gaps <= 256, "{gaps}");
    let saved = client.run("DUMP k");
    client.call(&[b"RESTORE".as_slice(), b"again", b"0", saved.bytes()]).ok();
}
