//! Replays against a real server: totals, interruptions, refusals.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use support::program::{self, Running};
use support::{Fault, Options, Proxy, Server, durable_server, feed, state_of, total, url_of};

fn replay(state_dir: &Path, url: &str, file: &Path) -> Command {
    let mut command = program::command(state_dir);
    command.args(["--redis-url", url, "replay", "--quiet"]).arg(file);
    command
}

#[test]
fn the_largest_capture_is_stored_with_its_repeated_rows_recognised() {
    let capture = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/liquidations/binance_um_forceorder_20250126_paulius.csv.gz");
    if !capture.is_file() {
        println!("skipped: no recordings in ../shared/data");
        return;
    }
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let shown = program::succeed(&mut replay(folder.path(), &url_of(&server), &capture));
    assert!(shown.contains("3,510 records, 3,510 events"), "{shown}");
    let stored = |server: &Server| total(server, "total_accepted") + total(server, "total_filtered");
    assert_eq!((stored(&server), total(&server, "total_duplicate")), (1837, 1673));
    let state = state_of(&server);
    assert_eq!(state.len(), 221);
    // All over again: nothing changes.
    program::succeed(&mut replay(folder.path(), &url_of(&server), &capture));
    assert_eq!(state_of(&server), state);
}

#[test]
fn batch_size_speed_and_compression_change_nothing_and_a_rerun_doubles_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.csv");
    feed::capture(&file, 12_000, 7);
    let undisturbed = Server::start();
    program::succeed(&mut replay(folder.path(), &url_of(&undisturbed), &file));
    let expected = state_of(&undisturbed);
    assert_eq!(expected.len(), 5);

    let server = Server::start();
    let text = std::fs::read(&file).unwrap();
    let part = folder.path().join("part.csv");
    // The recording grows between the runs, and each run batches differently.
    for (share, flags) in [(3, vec!["--batch", "7"]), (2, vec!["--pool-size", "1"]), (1, vec!["--speed", "100000"])] {
        std::fs::write(&part, &text[..text.len() / share]).unwrap();
        program::succeed(replay(folder.path(), &url_of(&server), &part).args(flags));
    }
    assert_eq!(state_of(&server), expected);

    let packed = folder.path().join("renamed.zst");
    std::fs::write(&packed, zstd::encode_all(text.as_slice(), 1).unwrap()).unwrap();
    program::succeed(&mut replay(folder.path(), &url_of(&server), &packed));
    assert_eq!(state_of(&server), expected);
}

/// Events of one frame share a number, and none is taken for a repetition wherever a batch ends.
#[test]
fn frames_of_many_events_are_stored_whole_whatever_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bybit.ndjson");
    let frame = |number: u64| {
        let ts = 1_789_670_000_000 + number;
        let row = |size: u64| format!(r#"{{"T":{ts},"s":"BTCUSDT","S":"Buy","v":"{size}","p":"100"}}"#);
        let rows: Vec<String> = (1..=10).map(row).collect();
        format!(r#"{{"topic":"allLiquidation.BTCUSDT","type":"snapshot","ts":{ts},"data":[{}]}}"#, rows.join(","))
    };
    for (count, flags) in [(1_000, vec![]), (50, vec!["--batch", "7"]), (50, vec!["--batch", "1"])] {
        let frames: Vec<String> = (0..count).map(frame).collect();
        std::fs::write(&file, frames.join("\n")).unwrap();
        let (server, state) = (Server::start(), tempfile::tempdir().unwrap());
        program::succeed(replay(state.path(), &url_of(&server), &file).args(&flags));
        let stored = total(&server, "total_accepted") + total(&server, "total_filtered");
        assert_eq!((stored, total(&server, "total_duplicate")), (count * 10, 0), "{flags:?}");
    }
}

/// How often the kill tests strike: a few times, and long under `LIQ_SOAK`.
fn rounds() -> u64 {
    if std::env::var_os("LIQ_SOAK").is_some() { 60 } else { 5 }
}

#[test]
fn kill_9_of_the_program_at_any_point_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.csv");
    feed::capture(&file, 40_000, 11);
    let undisturbed = Server::start();
    program::succeed(&mut replay(folder.path(), &url_of(&undisturbed), &file));
    let expected = state_of(&undisturbed);
    let (mut random, mut struck) = (fastrand::Rng::with_seed(3), 0);
    for round in 0..rounds() {
        let server = Server::start();
        let mut kills = 0;
        loop {
            let mut command = replay(folder.path(), &url_of(&server), &file);
            command.args(["--batch", &random.usize(1..300).to_string()]);
            let mut running = Running::start(&mut command);
            std::thread::sleep(Duration::from_millis(random.u64(5..150)));
            if running.has_ended() || kills == 8 {
                break;
            }
            running.kill();
            kills += 1;
        }
        struck += kills;
        program::succeed(&mut replay(folder.path(), &url_of(&server), &file));
        assert_eq!(state_of(&server), expected, "round {round} with {kills} kills");
    }
    assert!(struck > 0, "every run ended before it could be killed");
}

#[test]
fn kill_9_of_the_server_at_any_point_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.csv");
    feed::capture(&file, 12_000, 13);
    let undisturbed = Server::start();
    program::succeed(&mut replay(folder.path(), &url_of(&undisturbed), &file));
    let expected = state_of(&undisturbed);
    let (mut random, mut struck) = (fastrand::Rng::with_seed(5), 0);
    for round in 0..rounds() {
        let mut server = durable_server();
        let mut command = replay(folder.path(), &url_of(&server), &file);
        let mut running = Running::start(command.args(["--batch", "50"]).stderr(Stdio::null()));
        let mut kills = 0;
        while !running.has_ended() {
            std::thread::sleep(Duration::from_millis(random.u64(1..60)));
            if kills < 6 {
                server.kill_and_restart();
                kills += 1;
            }
        }
        struck += kills;
        assert_eq!(state_of(&server), expected, "round {round} with {kills} kills");
    }
    assert!(struck > 0, "every run ended before the server could be killed");
}

#[test]
fn lost_replies_and_cut_connections_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.csv");
    feed::capture(&file, 8_000, 17);
    let undisturbed = Server::start();
    program::succeed(&mut replay(folder.path(), &url_of(&undisturbed), &file));
    let expected = state_of(&undisturbed);
    let server = Server::start();
    let proxy = Proxy::before(&server);
    let mut command = replay(folder.path(), &proxy.url(), &file);
    let mut running = Running::start(command.args(["--batch", "20"]).stderr(Stdio::null()));
    let mut random = fastrand::Rng::with_seed(9);
    let mut losses = 0;
    while !running.has_ended() {
        if losses < 12 {
            proxy.set(Fault::CutAfter(random.usize(0..20_000)));
            losses += 1;
        } else {
            proxy.set(Fault::None);
        }
        std::thread::sleep(Duration::from_millis(30));
    }
    assert_eq!(state_of(&server), expected);
}

#[test]
fn standard_input_is_read_and_resumed_by_name() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("feed.csv");
    feed::capture(&file, 500, 19);
    let mut state = None;
    for _ in 0..2 {
        let mut command = replay(folder.path(), &url_of(&server), Path::new("-"));
        command.args(["--producer", "tonight"]).stdin(std::fs::File::open(&file).unwrap());
        program::succeed(&mut command);
        let now = state_of(&server);
        assert_eq!(state.get_or_insert_with(|| now.clone()), &now);
    }
    assert!(total(&server, "total_accepted") > 0);
}

#[test]
fn series_are_created_with_the_configured_options_and_existing_ones_keep_theirs() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("feed.csv");
    feed::capture(&file, 500, 23);
    let mut client = server.connect();
    client.run("LIQ.CREATE liq:binance:{ETHUSDT} CLOCK EVENT RETENTION 3d").ok();
    let mut command = replay(folder.path(), &url_of(&server), &file);
    command.args(["--key", "liq:%exchange:{%symbol}", "--series", "retention=7d", "--series", "min_size_btc=1000"]);
    command.env("PERCENTILE_THRESHOLD", "95").env("VWAP_ENABLED", "false");
    program::succeed(&mut command);
    let info = |key: &str, field: &str| {
        let info = server.connect().call(&["LIQ.INFO", key]);
        let found = info.array().chunks_exact(2).find(|pair| pair[0].text() == field).map(|pair| pair[1].clone());
        format!("{:?}", found.unwrap())
    };
    assert!(info("liq:binance:{ETHUSDT}", "retention").contains("259200000"));
    assert!(info("liq:binance:{BTCUSDT}", "retention").contains("604800000"));
    let text = |text: &str| format!("{:?}", support::Reply::Bytes(text.into()));
    assert_eq!(info("liq:binance:{BTCUSDT}", "minsize"), text("1000"));
    assert_eq!(info("liq:binance:{SOLUSDT}", "minsize"), text("0"));
    assert_eq!(info("liq:binance:{SOLUSDT}", "percentile"), text("95"));
    assert_eq!(info("liq:binance:{SOLUSDT}", "longoffset"), text("0"));
}

#[test]
fn what_will_not_pass_ends_the_replay_with_its_reason_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("feed.csv");
    feed::capture(&file, 500, 29);

    let server = Server::start();
    server.connect().run("SET liq:{SOLUSDT} 1").ok();
    let said = program::fail(&mut replay(folder.path(), &url_of(&server), &file));
    assert!(said.contains("liq:{SOLUSDT}") && said.contains("WRONGTYPE"), "{said}");

    let bare = Options::default().without_module().start();
    let said = program::fail(&mut replay(folder.path(), &url_of(&bare), &file));
    assert!(said.contains("unknown command"), "{said}");

    let locked = Options::default().tcp().start();
    locked.connect().run("CONFIG SET requirepass right").ok();
    let url = format!("redis://:hunter2@127.0.0.1:{}", locked.port());
    let said = program::fail(&mut replay(folder.path(), &url, &file));
    assert!(said.contains("redis:") && !said.contains("hunter2"), "{said}");
    let url = format!("redis://:right@127.0.0.1:{}", locked.port());
    program::succeed(&mut replay(folder.path(), &url, &file));

    let said = program::fail(&mut replay(folder.path(), &url_of(&server), &folder.path().join("none.csv")));
    assert!(said.contains("none.csv"), "{said}");
}
