//! RESTORE of tampered payloads with right checksums: refused, or a valid series; the server is unharmed.

use crate::support::dump::{open, seal};
use crate::support::feed::Feed;
use crate::support::oracle::{HOUR, SECOND};
use crate::support::{Client, Options, Server};
use crate::twin::T0;

/// Behind the type, the module's id and the length of its bytes, which the server reads by itself.
const MODULE_BYTES: usize = 14;

/// A server that may complain in its log about what it is fed.
fn server() -> Server {
    let mut server = Options::default().line("rdbcompression no").start();
    server.expect_warning("");
    server
}

fn small(client: &mut Client) -> Vec<u8> {
    client.run("LIQ.CREATE seed CLOCK EVENT SIGNALS out MAXLEN 5 RETENTION 2h").ok();
    for at in 0..6_u64 {
        client.run(&format!("LIQ.ADD seed {} buy 100.5 {} EXCHANGE okx ID x{at}", T0 + at * SECOND, 10 + at));
    }
    client.run(&format!("LIQ.MADD seed BATCH me 7 EVENTS {T0} sell 99 11"));
    dump(client)
}

fn with_panes(client: &mut Client) -> Vec<u8> {
    client.run("LIQ.CREATE seed CLOCK EVENT TAIL 256 RETENTION 4h").ok();
    let events = Feed::new(1, T0).take(600, 30 * SECOND, 20, HOUR);
    let lines: Vec<String> = events.iter().map(|event| format!("LIQ.ADD seed {}", event.to_args())).collect();
    client.pipeline(&lines);
    dump(client)
}

fn dump(client: &mut Client) -> Vec<u8> {
    let payload = client.run("DUMP seed").bytes().to_vec();
    client.run("DEL seed");
    payload
}

/// Restores `payload`; whatever came of it must be usable like any series. Returns whether it was accepted.
#[track_caller]
fn restore_and_use(client: &mut Client, payload: &[u8], what: &str) -> bool {
    let reply = client.call(&[b"RESTORE", b"s".as_slice(), b"0", payload, b"REPLACE"]);
    if reply.is_error() {
        assert_eq!(client.run("EXISTS s").int(), 0, "{what}: refused, and yet a key");
        return false;
    }
    // The first write gives it the expiry that its IDLE says, which may be of milliseconds.
    let may_expire = (1..600_000).contains(&client.run("LIQ.INFO s").field("idle").int());
    for read in [
        "LIQ.PCTL s 0 50 100",
        "LIQ.RANK s 5",
        "LIQ.VWAP s BANDS 2",
        "LIQ.STATS s",
        "LIQ.STATS s BY EXCHANGE",
        "LIQ.STATS s WINDOW 1h BUCKET 30m",
        "LIQ.RANGE s - + COUNT 5",
        "LIQ.HIST s",
        "LIQ.DIGEST s",
        "LIQ.INFO s",
    ] {
        let reply = client.run(read);
        let shown = format!("{reply:?}");
        assert!(!shown.contains("NaN") && !shown.contains("inf"), "{what}: {read}: {shown}");
        assert!(!shown.contains("internal error"), "{what}: {read}: {shown}");
    }
    let reply = client.run(&format!("LIQ.ADD s {} buy 100 50", T0 + 3 * HOUR));
    assert!(!format!("{reply:?}").contains("internal error"), "{what}: {reply:?}");
    client.run(&format!("LIQ.ADD s {} sell 100 51", T0 + HOUR));
    // What the module wrote it must read.
    let again = client.run("DUMP s");
    if may_expire && again.is_null() {
        return true;
    }
    let reply = client.call(&[b"RESTORE", b"again".as_slice(), b"0", again.bytes(), b"REPLACE"]);
    assert!(reply.is_ok(), "{what}: an accepted series does not restore from its own DUMP: {reply:?}");
    // Not by digest, which tells of the TTL as well.
    assert_eq!(client.run("DUMP again"), again, "{what}: a reload is seen");
    client.run("DEL s again");
    true
}

#[test]
fn an_untouched_payload_is_restored() {
    let server = server();
    let mut client = server.connect();
    for make in [small, with_panes] {
        let payload = make(&mut client);
        let (content, version) = open(&payload);
        assert_eq!(seal(&content, version), payload, "the checksum is computed as the server does");
        assert!(restore_and_use(&mut client, &payload, "untouched"));
    }
}

#[test]
fn every_flipped_bit_of_a_small_series_is_survived() {
    let server = server();
    let mut client = server.connect();
    let (content, version) = open(&small(&mut client));
    let mut accepted = 0;
    // The first bytes name type and module: the server itself judges them.
    for at in 10..content.len() {
        for bit in 0..8 {
            let mut flipped = content.clone();
            flipped[at] ^= 1 << bit;
            accepted +=
                u32::from(restore_and_use(&mut client, &seal(&flipped, version), &format!("bit {bit} of byte {at}")));
        }
    }
    eprintln!("{accepted} of {} flips gave another valid series", (content.len() - 10) * 8);
}

#[test]
fn flipped_bytes_of_a_series_with_panes_are_survived() {
    let server = server();
    let mut client = server.connect();
    let (content, version) = open(&with_panes(&mut client));
    let mut random = fastrand::Rng::with_seed(4);
    for round in 0..1500 {
        let mut damaged = content.clone();
        for _ in 0..random.usize(1..4) {
            let at = random.usize(10..content.len());
            damaged[at] = [random.u8(..), 0, 0xff, 0x80, 0x7f][random.usize(0..5)];
        }
        restore_and_use(&mut client, &seal(&damaged, version), &format!("round {round}"));
    }
}

#[test]
fn every_truncation_is_refused() {
    let server = server();
    let mut client = server.connect();
    let (content, version) = open(&small(&mut client));
    for length in 10..content.len() {
        let accepted = restore_and_use(&mut client, &seal(&content[..length], version), &format!("cut at {length}"));
        assert!(!accepted, "cut at {length} of {}", content.len());
    }
    let (content, version) = open(&with_panes(&mut client));
    for length in (10..content.len()).step_by(37) {
        assert!(!restore_and_use(&mut client, &seal(&content[..length], version), &format!("cut at {length}")));
    }
}

#[test]
fn inserted_and_removed_bytes_are_survived() {
    let server = server();
    let mut client = server.connect();
    let (content, version) = open(&small(&mut client));
    for at in 10..content.len() {
        let mut longer = content.clone();
        longer.insert(at, 0);
        restore_and_use(&mut client, &seal(&longer, version), &format!("a zero at {at}"));
        let mut shorter = content.clone();
        shorter.remove(at);
        restore_and_use(&mut client, &seal(&shorter, version), &format!("without byte {at}"));
    }
}

#[test]
fn length_bombs_allocate_nothing() {
    let server = server();
    let mut client = server.connect();
    let (content, version) = open(&small(&mut client));
    client.run("CONFIG RESETSTAT").ok();
    let before: u64 = client.info("used_memory_rss").parse().unwrap();
    let bombs: [&[u8]; 5] = [
        &[0xff; 8],
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0x7f],
        &[0x81, 0, 0, 0, 1, 0, 0, 0, 0],
        &[0, 0, 0, 0x40, 0, 0, 0, 0],
    ];
    let drop_at = |client: &mut Client, at: usize, bomb: &[u8]| {
        let mut damaged = content.clone();
        damaged[at..at + bomb.len()].copy_from_slice(bomb);
        restore_and_use(client, &seal(&damaged, version), &format!("{bomb:x?} at {at}"));
    };
    for bomb in bombs {
        for at in MODULE_BYTES..content.len().saturating_sub(bomb.len()) {
            drop_at(&mut client, at, bomb);
        }
    }
    let peak: u64 = client.info("used_memory_peak").parse().unwrap();
    assert!(peak < before + (256 << 20), "a bomb was believed: {before} bytes before, {peak} at the peak");
    // The length of the whole is read by the server itself, which may believe it; it must live all the same.
    for bomb in bombs {
        (10..MODULE_BYTES).for_each(|at| drop_at(&mut client, at, bomb));
    }
}

#[test]
fn random_bytes_behind_the_type_are_survived() {
    let server = server();
    let mut client = server.connect();
    let (content, version) = open(&small(&mut client));
    let mut random = fastrand::Rng::with_seed(6);
    for round in 0..1000 {
        // The type byte and the nine bytes of the module's id stay; the rest is noise of any length.
        let mut noise = content[..10].to_vec();
        let length = random.usize(0..300);
        noise.extend(std::iter::repeat_with(|| random.u8(..)).take(length));
        restore_and_use(&mut client, &seal(&noise, version), &format!("noise {round}"));
    }
}
