//! What is kept: RDB, AOF with and without preamble, kill -9, DUMP, COPY: the same replies and the same digest.

use crate::support::feed::Feed;
use crate::support::oracle::{Event, HOUR, SECOND};
use crate::support::{Client, Options, Reply, Server};
use crate::twin::T0;

pub const KEYS: [&str; 5] = ["empty", "quiet", "liq:{BTC}", "panes", "default"];

/// Fills series of every kind: empty, quiet, with signals and venues, with panes, late events and batches.
pub fn fill(client: &mut Client) {
    client.run("LIQ.CREATE empty PERCENTILE 12.5 RETENTION 3h SIGNALS nowhere MAXLEN 7").ok();
    client.run("LIQ.CREATE quiet CLOCK EVENT").ok();
    client.run(&format!("LIQ.ADD quiet {T0} long 0.00001234 5 ID \"{}\"", "i".repeat(64)));
    client.run("LIQ.CREATE liq:{BTC} CLOCK EVENT PERCENTILE 50 LONGOFFSET 0.1 SHORTOFFSET 0.1 SIGNALS sig:{BTC} MINSIZE 10").ok();
    client.run("LIQ.CREATE panes CLOCK EVENT TAIL 256 RETENTION 4h WINDOW 2h PRECISION 6").ok();
    add_all(client, "liq:{BTC}", &Feed::new(31, T0).take(500, 20 * SECOND, 11, HOUR));
    add_all(client, "panes", &Feed::new(32, T0).take(2500, 10 * SECOND, 9, HOUR));
    for seq in 1..70 {
        client.run(&format!(
            "LIQ.MADD panes EXCHANGE v{seq} BATCH producer{seq} {seq} EVENTS {} buy 101 {seq}",
            T0 + HOUR + seq
        ));
    }
    for at in 1..50 {
        client.run(&format!("LIQ.ADD default * sell 100 {at} ID {at} EXCHANGE okx"));
    }
}

/// Goes on feeding what [`fill`] made.
pub fn feed_on(client: &mut Client, seed: u64) {
    add_all(client, "liq:{BTC}", &Feed::new(seed, T0 + 3 * HOUR).take(200, 20 * SECOND, 11, HOUR));
    add_all(client, "panes", &Feed::new(seed + 1, T0 + 8 * HOUR).take(700, 10 * SECOND, 9, HOUR));
    client.run("LIQ.ADD default * sell 100 7 ID again");
    client.run("LIQ.ALTER quiet PERCENTILE 33 PRECISION 5").ok();
}

fn add_all(client: &mut Client, key: &str, events: &[Event]) {
    let lines: Vec<String> = events.iter().map(|event| format!("LIQ.ADD {key} {}", event.to_args())).collect();
    for reply in client.pipeline(&lines) {
        assert!(!reply.is_error(), "{reply:?}");
    }
}

/// The digest of every key and its replies to every read, at a few given times.
pub fn picture(client: &mut Client) -> Vec<(String, String)> {
    let mut picture = Vec::new();
    // The series of default options lives by the server's clock: its newest event is a time both looks share.
    let recent = client.run("LIQ.INFO default").field("last").int() as u64 + SECOND;
    for key in KEYS {
        picture.push((format!("digest of {key}"), client.digest(key)));
        picture.push((format!("TTL of {key}"), format!("{:?}", client.run(&format!("PEXPIRETIME {key}")))));
        let info = client.run(&format!("LIQ.INFO {key}"));
        let kept: Vec<_> = info.fields().into_iter().filter(|(name, _)| name != "memory").collect();
        picture.push((format!("info of {key}"), format!("{kept:?}")));
        for at in [T0 + HOUR, T0 + 2 * HOUR + 1, T0 + 6 * HOUR, T0 + 30 * HOUR, recent] {
            for read in [
                "PCTL KEY 0 1 50 80 99.9 100",
                "PCTL KEY 50 WINDOW 1h SIDE buy",
                "PCTL KEY 50 WINDOW 3h",
                "RANK KEY 1 100 5000 1e9",
                "VWAP KEY BANDS 2 PRICE 100",
                "VWAP KEY WINDOW 3h SIDE sell",
                "STATS KEY",
                "STATS KEY WINDOW 3h SIDE sell",
                "STATS KEY WINDOW 2h EXCHANGE okx",
                "STATS KEY WINDOW 3h BY EXCHANGE",
                "STATS KEY WINDOW 3h BUCKET 30m",
                "HIST KEY",
                "HIST KEY WINDOW 2h SIDE buy",
                "DIGEST KEY SIZE 100",
            ] {
                let read = format!("LIQ.{} AT {at}", read.replace("KEY", key));
                picture.push((read.clone(), format!("{:?}", client.run(&read))));
            }
        }
        let range = format!("LIQ.RANGE {key} - + COUNT 10000");
        picture.push((range.clone(), format!("{:?}", client.run(&range))));
    }
    picture
}

#[track_caller]
pub fn assert_same(before: &[(String, String)], after: &[(String, String)], what: &str) {
    assert_eq!(before.len(), after.len());
    for ((question, old), (_, new)) in before.iter().zip(after) {
        assert_eq!(old, new, "{question} differs after {what}");
    }
}

/// Fills, does something that must not be seen, compares; goes on, and compares again.
#[track_caller]
fn check(mut server: Server, what: &str, mut disturb: impl FnMut(&mut Server)) {
    fill(&mut server.connect());
    let before = picture(&mut server.connect());
    for round in 0..2 {
        disturb(&mut server);
        let after = picture(&mut server.connect());
        if round == 0 {
            assert_same(&before, &after, what);
        }
        feed_on(&mut server.connect(), 50 + round);
        let before = picture(&mut server.connect());
        disturb(&mut server);
        assert_same(&before, &picture(&mut server.connect()), what);
    }
}

#[test]
fn a_restart_from_rdb_is_invisible() {
    check(Server::start(), "a restart from RDB", Server::restart_saving);
}

#[test]
fn a_restart_from_rdb_is_invisible_under_other_defaults() {
    let mut server = Server::start();
    fill(&mut server.connect());
    let before = picture(&mut server.connect());
    for line in
        ["liq.retention 2h", "liq.percentile 5", "liq.tail 300", "liq.precision 5", "liq.max-future 1s", "liq.idle 1h"]
    {
        server.add_line(line);
    }
    server.restart_saving();
    assert_same(&before, &picture(&mut server.connect()), "a restart under other defaults");
}

#[test]
fn a_restart_from_an_aof_of_commands_is_invisible() {
    check(Server::with(&["appendonly yes"]), "a restart from AOF", Server::restart);
}

#[test]
fn a_restart_from_a_rewritten_aof_with_preamble_is_invisible() {
    check(Server::with(&["appendonly yes", "aof-use-rdb-preamble yes"]), "a rewritten AOF", rewrite_and_restart);
}

#[test]
fn a_restart_from_a_rewritten_aof_of_commands_is_invisible() {
    check(Server::with(&["appendonly yes", "aof-use-rdb-preamble no"]), "a rewritten AOF", rewrite_and_restart);
}

fn rewrite_and_restart(server: &mut Server) {
    let mut client = server.connect();
    assert!(!client.run("BGREWRITEAOF").is_error());
    server.wait_for_background();
    assert_eq!(client.info("aof_last_bgrewrite_status"), "ok");
    drop(client);
    server.restart();
}

#[test]
fn a_restart_from_an_aof_is_invisible_under_other_defaults() {
    for preamble in ["yes", "no"] {
        let mut server =
            Options::default().line("appendonly yes").line(format!("aof-use-rdb-preamble {preamble}")).start();
        fill(&mut server.connect());
        let before = picture(&mut server.connect());
        for line in [
            "liq.retention 2h",
            "liq.percentile 5",
            "liq.tail 300",
            "liq.precision 5",
            "liq.max-future 1s",
            "liq.max-batch 1",
        ] {
            server.add_line(line);
        }
        server.restart();
        assert_same(&before, &picture(&mut server.connect()), "an AOF under other defaults");
        rewrite_and_restart(&mut server);
        assert_same(&before, &picture(&mut server.connect()), "a rewritten AOF under other defaults");
    }
}

#[test]
fn what_was_answered_survives_kill_nine_with_appendfsync_always() {
    for preamble in ["yes", "no"] {
        let lines = ["appendonly yes", "appendfsync always", &format!("aof-use-rdb-preamble {preamble}")];
        check(Server::with(&lines), "kill -9", Server::kill_and_restart);
    }
}

/// Of a transaction that was cut within a command the server drops that command only when it starts; the ones before it
/// are executed when it starts once more, though what was sent again for them stands behind them.
#[test]
fn a_batch_of_a_transaction_that_was_cut_counts_once() {
    for cut in [10, 14, 20, 60, 120] {
        let mut server = Server::with(&["appendonly yes", "appendfsync always"]);
        server.connect().run("LIQ.CREATE key CLOCK EVENT").ok();
        let send = |client: &mut Client, sizes: &[u64]| {
            client.run("MULTI").ok();
            for size in sizes {
                client.run(&format!("LIQ.MADD key BATCH me {size} EVENTS {T0} buy 100 {size}"));
            }
            assert_eq!(client.run("EXEC").array().len(), sizes.len());
        };
        send(&mut server.connect(), &[1, 2]);
        server.kill();
        server.cut_appended(cut);
        server.start_again();
        let mut client = server.connect();
        assert_eq!(client.run("LIQ.INFO key").field("events").int(), 0);
        send(&mut client, &[1, 2, 3]);
        let sent = client.digest("key");
        drop(client);
        server.kill_and_restart();
        assert_eq!(server.connect().digest("key"), sent, "{cut} bytes cut");
    }
}

#[test]
fn a_rewrite_during_writes_loses_nothing() {
    for preamble in ["yes", "no"] {
        let mut server =
            Options::default().line("appendonly yes").line(format!("aof-use-rdb-preamble {preamble}")).start();
        let mut client = server.connect();
        fill(&mut client);
        assert!(!client.run("BGREWRITEAOF").is_error());
        feed_on(&mut client, 77);
        server.wait_for_background();
        let before = picture(&mut client);
        drop(client);
        server.restart();
        assert_same(&before, &picture(&mut server.connect()), "a rewrite during writes");
    }
}

#[test]
fn dump_and_restore_give_the_same_series() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client);
    let before = picture(&mut client);
    for key in KEYS {
        let ttl = client.run(&format!("PEXPIRETIME {key}")).int().max(0).to_string();
        let dump = client.run(&format!("DUMP {key}"));
        assert_eq!(client.run(&format!("DEL {key}")).int(), 1);
        client.call(&[b"RESTORE", key.as_bytes(), ttl.as_bytes(), dump.bytes(), b"ABSTTL"]).ok();
        assert_eq!(client.run(&format!("DUMP {key}")), dump, "{key}: a restored series dumps to the same bytes");
    }
    assert_same(&before, &picture(&mut client), "DUMP and RESTORE");
}

#[test]
fn a_copy_is_the_same_and_independent() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client);
    for key in KEYS {
        assert_eq!(client.run(&format!("COPY {key} copy:{key}")).int(), 1, "{key}");
        assert_eq!(client.digest(&format!("copy:{key}")), client.digest(key), "{key}");
        let strip = |reply: Reply| format!("{reply:?}");
        for read in ["LIQ.RANGE KEY - +", "LIQ.HIST KEY", "LIQ.STATS KEY WINDOW 2h BY EXCHANGE"] {
            let at = if key == "default" || read.contains("RANGE") {
                String::new()
            } else {
                format!(" AT {}", T0 + 2 * HOUR)
            };
            let of = |client: &mut Client, key: &str| strip(client.run(&format!("{}{at}", read.replace("KEY", key))));
            assert_eq!(of(&mut client, key), of(&mut client, &format!("copy:{key}")), "{key} {read}");
        }
    }
    let digest = client.digest("panes");
    client.run(&format!("LIQ.ADD copy:panes {} buy 100 10", T0 + 9 * HOUR));
    assert_eq!(client.digest("panes"), digest);
    assert_ne!(client.digest("copy:panes"), digest);
    client.run("DEL panes");
    assert!(client.run("LIQ.INFO copy:panes").field("events").int() > 0);
}

#[test]
fn rename_move_and_swap_keep_the_series() {
    let server = Server::start();
    let mut client = server.connect();
    fill(&mut client);
    let digest = client.digest("panes");
    client.run("RENAME panes renamed").ok();
    assert_eq!(client.digest("renamed"), digest);
    assert_eq!(client.run("MOVE renamed 1").int(), 1);
    client.run("SELECT 1").ok();
    assert_eq!(client.digest("renamed"), digest);
    client.run("SWAPDB 0 1").ok();
    assert_eq!(client.digest("quiet").len(), 40);
}

#[test]
fn a_debug_reload_is_invisible() {
    check(Server::start(), "DEBUG RELOAD", |server| server.connect().run("DEBUG RELOAD").ok());
}
