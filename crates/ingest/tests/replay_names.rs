//! Replays of many recordings, of recordings that share a name, into servers that forget, and of what cannot be read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use support::program::{self, Running};
use support::server::wait_until;
use support::{Fault, Proxy, Server, feed, signal, state_of, total, url_of};

fn replay(state_dir: &Path, url: &str, files: &[PathBuf]) -> Command {
    let mut command = program::command(state_dir);
    command.args(["--redis-url", url, "--series", "tail=256", "replay", "--quiet"]).args(files);
    command
}

fn stored(server: &Server) -> u64 {
    total(server, "total_accepted") + total(server, "total_filtered")
}

/// Captures of 60 rows each, all of one contract and none like another.
fn captures(folder: &Path, count: u64) -> Vec<PathBuf> {
    let make = |n: u64| {
        let file = folder.join(format!("day-{n:03}.csv"));
        let row = |row: u64| {
            let ts = 1_790_000_000_000 + 1_000 * (60 * n + row);
            format!("BTC,SELL,LIMIT,IOC,1,100,100,FILLED,1,{}.5,{ts},100\n", row + 1)
        };
        std::fs::write(&file, (0..60).map(row).collect::<String>()).unwrap();
        file
    };
    (0..count).map(make).collect()
}

#[test]
fn seventy_recordings_replayed_twice_count_once() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let files = captures(folder.path(), 70);
    for _ in 0..2 {
        program::succeed(&mut replay(folder.path(), &url_of(&server), &files));
        assert_eq!(stored(&server), 4_200);
    }
    // More at the end go on where these ended.
    let more = captures(folder.path(), 72);
    program::succeed(&mut replay(folder.path(), &url_of(&server), &more));
    assert_eq!(stored(&server), 72 * 60);
}

#[test]
fn a_recording_that_went_as_another_is_refused() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let files = captures(folder.path(), 130);
    let play = |files: &[PathBuf]| replay(folder.path(), &url_of(&server), files);
    program::succeed(&mut play(&files[..70]));
    program::succeed(&mut play(&files[70..71]));
    let longer: Vec<PathBuf> = files[..30].iter().chain(&files[100..101]).chain(&files[30..70]).cloned().collect();
    let others: Vec<PathBuf> = files[71..130].iter().chain(&files[5..6]).cloned().collect();
    let alone: Vec<PathBuf> = files[71..130].iter().chain(&files[70..71]).cloned().collect();
    let refused: [(&str, &[PathBuf], &str); 6] = [
        ("the oldest was deleted", &files[1..70], "day-001.csv: it was replayed before and went as file 2 of replay:"),
        ("one of them alone", &files[7..8], "day-007.csv: it was replayed before and went as file 8 of replay:"),
        ("one that went alone, among many", &alone, "day-070.csv: it was replayed before and went as replay:"),
        ("one more in the middle", &longer, "another recording was replayed as file 31 of replay:"),
        ("one less in the middle", &[&files[..30], &files[31..70]].concat(), "as file 31 of replay:"),
        ("an old one behind new ones", &others, "day-005.csv: it was replayed before"),
    ];
    for (name, files, words) in refused {
        let said = program::fail(&mut play(files));
        assert!(said.contains(words) && said.contains("--producer"), "{name}: {said}");
        assert_eq!(stored(&server), 71 * 60, "{name}");
    }
    // What was refused took no name from those beside it.
    program::succeed(&mut play(&files[71..72]));
    program::succeed(&mut play(&files[..70]));
    assert_eq!(stored(&server), 72 * 60);
    // On purpose they count again.
    let mut command = play(&files[..2]);
    program::succeed(command.args(["--producer", "again"]));
    assert_eq!(stored(&server), 74 * 60);
}

/// The file of this hour, or of rejects: replayed while it is short, and again when it has grown.
#[test]
fn a_short_recording_that_grows_is_known_again() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let files = captures(folder.path(), 6);
    let whole = std::fs::read_to_string(&files[0]).unwrap();
    let rows: Vec<&str> = whole.split_inclusive('\n').collect();
    let longer: String = (0..200).map(|n| rows[n % 60].replace(".5,17", &format!(".{n:03}5,17"))).collect();
    for (text, events) in [(rows[..20].concat(), 20), (rows[..45].concat(), 45), (whole.clone() + &longer, 260)] {
        std::fs::write(&files[0], text).unwrap();
        for _ in 0..2 {
            // Others in between, so that the series know the first by its name only.
            program::succeed(&mut replay(folder.path(), &url_of(&server), &files[..1]));
            program::succeed(&mut replay(folder.path(), &url_of(&server), &files[1..]));
            assert_eq!(stored(&server), events + 5 * 60);
        }
    }
}

#[test]
fn a_recording_that_the_series_have_forgotten_is_refused() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let files = captures(folder.path(), 65);
    for file in &files {
        program::succeed(&mut replay(folder.path(), &url_of(&server), std::slice::from_ref(file)));
    }
    let said = program::fail(&mut replay(folder.path(), &url_of(&server), &files[..1]));
    assert!(said.contains("day-000.csv") && said.contains("would count twice"), "{said}");
    assert_eq!(stored(&server), 65 * 60);
    program::succeed(&mut replay(folder.path(), &url_of(&server), &files[60..61]));
    assert_eq!(stored(&server), 65 * 60);
}

#[test]
fn a_name_stands_for_all_files_of_a_replay_and_for_no_other_recording() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let files = captures(folder.path(), 3);
    let named = |command: &mut Command| {
        command.args(["--producer", "nightly"]);
    };
    for _ in 0..2 {
        let mut command = replay(folder.path(), &url_of(&server), &files[..2]);
        named(&mut command);
        program::succeed(&mut command);
        assert_eq!(stored(&server), 120);
    }
    // The second day under the first day's name: nothing of it would be counted.
    let mut command = replay(folder.path(), &url_of(&server), &[PathBuf::from("-")]);
    named(&mut command);
    let said = program::fail(command.stdin(std::fs::File::open(&files[2]).unwrap()));
    assert!(said.contains("give another name"), "{said}");
    assert_eq!(stored(&server), 120);
}

#[test]
fn a_server_that_forgets_is_told_again_and_what_cannot_be_told_again_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.csv");
    feed::capture(&file, 12_000, 41);
    let undisturbed = Server::start();
    program::succeed(&mut replay(&folder.path().join("a"), &url_of(&undisturbed), std::slice::from_ref(&file)));
    let expected = state_of(&undisturbed);

    let mut server = Server::start();
    let mut command = replay(&folder.path().join("b"), &url_of(&server), std::slice::from_ref(&file));
    let mut running = Running::start(command.args(["--batch", "20"]).stderr(Stdio::null()));
    for events in [100, 1_000, 3_000] {
        wait_until("some of it is there", || running.has_ended() || stored(&server) >= events);
        server.kill_and_restart();
    }
    wait_until("it has ended", || running.has_ended());
    assert_eq!(state_of(&server), expected);

    let mut server = Server::start();
    let mut command = replay(&folder.path().join("c"), &url_of(&server), &[PathBuf::from("-")]);
    command.args(["--batch", "20"]).stdin(std::fs::File::open(&file).unwrap());
    let log = folder.path().join("log");
    let mut child = command.stderr(std::fs::File::create(&log).unwrap()).stdout(Stdio::null()).spawn().unwrap();
    wait_until("some of it is there", || stored(&server) >= 100);
    server.kill_and_restart();
    assert!(!child.wait().unwrap().success(), "part of it is missing, and it was called done");
    let said = std::fs::read_to_string(&log).unwrap();
    assert!(said.contains("restarted"), "{said}");
}

#[test]
fn a_file_of_which_nothing_could_be_read_is_an_error_and_a_dead_address_is_named() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("nonsense.csv");
    std::fs::write(&file, "this,is\nno,recording\n").unwrap();
    let said = program::fail(&mut replay(folder.path(), &url_of(&server), &[file]));
    assert!(said.contains("nothing of it could be read"), "{said}");

    let proxy = Proxy::before(&server);
    proxy.set(Fault::Refuse);
    let files = captures(folder.path(), 1);
    let log = folder.path().join("log");
    let mut command = replay(folder.path(), &proxy.url(), &files);
    command.args(["--producer", "x"]).stderr(std::fs::File::create(&log).unwrap());
    let mut child = command.stdout(std::fs::File::create(folder.path().join("out")).unwrap()).spawn().unwrap();
    wait_until("it says where it waits", || {
        let said = std::fs::read_to_string(&log).unwrap();
        said.contains(&format!("waiting for redis: {}", proxy.url().trim_end_matches('/')))
    });
    // Broken off, it says how far it came.
    signal::send(&child, signal::Signal::INT);
    assert!(!child.wait().unwrap().success());
    assert!(std::fs::read_to_string(folder.path().join("out")).unwrap().contains("0 events delivered"));
}

#[test]
fn what_was_rejected_can_be_replayed_from_the_rejects_file() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("frames.ndjson");
    let frame = |n: u64, instrument: &str| {
        format!(
            r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{{"details":[{{"bkPx":"100","posSide":"net","side":"sell","sz":"7","ts":"{}"}}],"instId":"{instrument}","instType":"SWAP"}}]}}"#,
            1_790_000_000_000 + n
        ) + "\n"
    };
    let frames = (0..9).map(|n| frame(n, ["BTC-USDT-SWAP", "ODD-USDT-SWAP", "ETH-USDT-SWAP"][n as usize % 3]));
    std::fs::write(&file, frames.collect::<String>()).unwrap();
    program::succeed(&mut replay(folder.path(), &url_of(&server), &[file]));
    assert_eq!(stored(&server), 6);
    let config = folder.path().join("liq.toml");
    std::fs::write(&config, "[venue.okx.contracts]\n\"ODD-USDT-SWAP\" = { base = 10.0 }\n").unwrap();
    let rejects = folder.path().join("rejects.ndjson");
    let mut command = replay(folder.path(), &url_of(&server), &[rejects]);
    program::succeed(command.arg("--config").arg(&config));
    assert_eq!(stored(&server), 9);
}
