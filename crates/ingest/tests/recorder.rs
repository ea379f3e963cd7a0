//! A stream that records itself, and the recording replayed into another server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::path::PathBuf;

use support::exchange::{Exchange, Rest, Script};
use support::frames::DIALECTS;
use support::program::{self, Running};
use support::running::{QUICK, free_port, stored, stream};
use support::server::wait_until;
use support::{Server, state_of, url_of};

#[test]
fn a_recording_replayed_into_an_empty_server_gives_the_same_series() {
    let (server, copy, folder, port) = (Server::start(), Server::start(), tempfile::tempdir().unwrap(), free_port());
    let exchanges = [0, 3, 5].map(|place| {
        let dialect = &DIALECTS[place];
        let (expects, greeting) = (dialect.expects.to_vec(), dialect.greeting.to_vec());
        let script =
            Script { expects, greeting, pulse: dialect.pulse, keepalive: dialect.keepalive, sessions: Vec::new() };
        (dialect, Exchange::start(script))
    });
    let rest = Rest::start();
    // A contract that only the venue's list knows: the recording tells what it was worth.
    let odd = r#"{"data":[{"instId":"ODD-USDT-SWAP","ctVal":"1000","ctMult":"1","ctType":"linear"}]}"#;
    rest.answer("/api/v5/public/instruments", odd);
    let mut settings = format!("{QUICK}[series]\nclock = \"EVENT\"\n");
    for (dialect, exchange) in &exchanges {
        settings +=
            &format!("[venue.{}]\nurl = \"{}\"\nrest_url = \"{}\"\n", dialect.venue, exchange.url(), rest.url());
    }
    let recording = folder.path().join("recording");
    let start = || {
        let venues = ["binance-um", "okx", "deribit"];
        let mut command = stream(folder.path(), &url_of(&server), port, &settings, &venues);
        let running = Running::start(command.arg("--record").arg(&recording).args(["--record-keep", "30d"]));
        wait_until("all are connected", || support::running::metric(port, "liq_ingest_connected", "") == 3.0);
        running
    };
    let play = |range: std::ops::Range<u64>| {
        for n in range {
            for (dialect, exchange) in &exchanges {
                let frame = (dialect.frame)(n);
                exchange.send(if n % 3 == 0 { frame.replace("BTC-USDT-SWAP", "ODD-USDT-SWAP") } else { frame });
            }
        }
    };
    // Ended in order, then killed, when the last second may be missing: so that is waited for.
    let mut running = start();
    play(0..50);
    wait_until("all is stored", || stored(&server) == 50 * 4);
    running.terminate();
    let mut running = start();
    play(50..100);
    wait_until("all is stored", || stored(&server) == 100 * 4);
    std::thread::sleep(std::time::Duration::from_millis(2_500));
    running.kill();

    let mut files: Vec<PathBuf> = std::fs::read_dir(&recording).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 2, "{files:?}");
    let mut command = program::command(&folder.path().join("other"));
    command.args(["--redis-url", &url_of(&copy), "replay", "--quiet"]).args(&files);
    program::succeed(&mut command);
    assert_eq!(stored(&copy), 100 * 4);
    assert_eq!(state_of(&copy), state_of(&server));
}
