//! RESTORE of tampered payloads with right checksums: refused, or a valid limiter; the server is unharmed.

use crate::support::dump::{open, seal};
use crate::support::{Client, Options, Server};

/// A server that may complain in its log about what it is fed.
fn server() -> Server {
    let mut server = Options::default().line("rdbcompression no").start();
    server.expect_warning("");
    server
}

fn dump(client: &mut Client) -> Vec<u8> {
    client.run("RL.CREATE seed LIMIT 10 PERIOD 10h LIMIT 20 PERIOD 366d ALIGNED LIMIT 30 PERIOD 5h SLIDING").ok();
    client.run("RL.CHECK seed COST 3");
    client.run("RL.BAN seed 1h").ok();
    let payload = client.run("DUMP seed").bytes().to_vec();
    client.run("DEL seed");
    payload
}

/// Restores `payload`; whatever came of it must be usable like any limiter. Returns whether it was accepted.
#[track_caller]
fn restore_and_use(client: &mut Client, payload: &[u8], what: &str) -> bool {
    let reply = client.call(&[b"RESTORE", b"s".as_slice(), b"0", payload, b"REPLACE"]);
    if reply.is_error() {
        assert_eq!(client.run("EXISTS s").int(), 0, "{what}: refused, and yet a key");
        return false;
    }
    let again = client.run("DUMP s");
    let reply = client.call(&[b"RESTORE", b"again".as_slice(), b"0", again.bytes(), b"REPLACE"]);
    assert!(reply.is_ok(), "{what}: an accepted limiter does not restore from its own DUMP: {reply:?}");
    assert_eq!(client.digest("s"), client.digest("again"), "{what}");
    for line in ["RL.INFO s", "RL.PEEK s", "RL.CHECK s COST 2", "RL.CHECK s COST -1", "RL.BAN s 0", "RL.CHECK s"] {
        let reply = format!("{:?}", client.run(line));
        assert!(!reply.contains("internal error"), "{what}: {line}: {reply}");
    }
    client.run("RL.CHECK s LIMIT 4 PERIOD 10h LIMIT 6 PERIOD 5h SLIDING COST 2");
    for limit in client.run("RL.INFO s").field("limits").array() {
        assert!(limit.field("used").int() <= limit.field("burst").int(), "{what}: {limit:?}");
    }
    client.run("DEL s again");
    true
}

#[test]
fn an_untouched_payload_is_restored() {
    let server = server();
    let mut client = server.connect();
    let payload = dump(&mut client);
    let (content, version) = open(&payload);
    assert_eq!(seal(&content, version), payload, "the checksum is computed as the server does");
    assert!(restore_and_use(&mut client, &payload, "untouched"));
}

#[test]
fn every_flipped_bit_and_every_cut_is_survived() {
    let server = server();
    let mut client = server.connect();
    let (content, version) = open(&dump(&mut client));
    // The first bytes name type and module: the server itself judges them.
    for at in 10..content.len() {
        for bit in 0..8 {
            let mut flipped = content.clone();
            flipped[at] ^= 1 << bit;
            restore_and_use(&mut client, &seal(&flipped, version), &format!("bit {bit} of byte {at}"));
        }
        let cut = restore_and_use(&mut client, &seal(&content[..at], version), &format!("cut at {at}"));
        assert!(!cut, "cut at {at} of {}", content.len());
    }
}

#[test]
fn random_damage_is_survived() {
    let server = server();
    let mut client = server.connect();
    let (content, version) = open(&dump(&mut client));
    let mut random = fastrand::Rng::with_seed(11);
    for round in 0..1_000 {
        let mut damaged = content.clone();
        for _ in 0..random.usize(1..5) {
            let at = random.usize(10..damaged.len());
            match random.u8(0..3) {
                0 => damaged[at] = [random.u8(..), 0, 0xff, 0x80][random.usize(0..4)],
                1 => damaged.insert(at, random.u8(..)),
                _ => drop(damaged.remove(at)),
            }
        }
        restore_and_use(&mut client, &seal(&damaged, version), &format!("round {round}"));
    }
}

#[test]
fn damaged_internal_commands_in_the_append_only_file_end_no_server() {
    let mut server = Options::default().line("appendonly yes").line("appendfsync always").start();
    server.expect_warning("");
    server.connect().run("RL.CHECK good LIMIT 5 PERIOD 10h COST 4");
    let folder = server.dir().join("appendonlydir");
    let path = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.to_string_lossy().ends_with(".incr.aof"))
        .unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    for payload in ["", "\u{1}", "\u{7f}xxxx", "\u{1}xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"]
    {
        for command in ["RL.APPLY", "RL.LOAD"] {
            let line =
                format!("*3\r\n${}\r\n{command}\r\n$3\r\nbad\r\n${}\r\n{payload}\r\n", command.len(), payload.len());
            bytes.extend(line.as_bytes());
        }
    }
    std::fs::write(&path, bytes).unwrap();
    server.kill_and_restart();
    let mut client = server.connect();
    assert_eq!(client.run("EXISTS bad").int(), 0);
    assert_eq!(client.run("RL.PEEK good").array()[2].int(), 1);
}
