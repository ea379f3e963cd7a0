//! A stream that records itself, and the recording replayed into another server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use support::exchange::{Exchange, Rest, Script, Step};
use support::frames::{DIALECTS, Dialect};
use support::program::{self, Running};
use support::running::{QUICK, free_port, one_venue, quiet_exchange, stored, stream};
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
                exchange.send(frame(dialect, n));
            }
        }
    };
    // Ended in order, then killed, when what came last may not be on the disk yet: so that is waited for.
    let mut running = start();
    play(0..50);
    wait_until("all is stored", || stored(&server) == 50 * 4);
    running.terminate();
    let mut running = start();
    play(50..100);
    wait_until("all is stored", || stored(&server) == 100 * 4);
    wait_until("all is on the disk", || {
        let text: String = files_of(&recording).iter().map(|path| readable(path)).collect();
        exchanges.iter().all(|(dialect, _)| text.contains(&frame(dialect, 99)))
    });
    running.kill();

    let files = files_of(&recording);
    assert!(files.len() >= 2, "{files:?}");
    let mut command = program::command(&folder.path().join("other"));
    command.args(["--redis-url", &url_of(&copy), "replay", "--quiet"]).args(&files);
    program::succeed(&mut command);
    assert_eq!(stored(&copy), 100 * 4);
    assert_eq!(state_of(&copy), state_of(&server));
}

/// A stream that meets a contract which it does not know holds the event, and asks; its recording has the frame first.
#[test]
fn a_frame_that_came_before_the_worth_of_its_contract_counts_and_what_is_never_told_is_rejected() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let okx = DIALECTS.iter().find(|dialect| dialect.venue == "okx").unwrap();
    let wrapped =
        |n: u64, text: &str| format!(r#"{{"venue":"okx","received_ms":{},"frame":{text}}}"#, 1_735_689_600_000 + n);
    let never = (okx.frame)(7).replace("BTC-USDT-SWAP", "NEVER-USDT-SWAP");
    let told = r#"{"venue":"okx","contracts":{"ODD-USDT-SWAP":{"base":1000.0}}}"#;
    let lines = [
        wrapped(0, &frame(okx, 0)),
        wrapped(7, &never),
        wrapped(1, &frame(okx, 1)),
        told.to_owned(),
        wrapped(3, &frame(okx, 3)),
    ];
    let (file, rejects) = (folder.path().join("x.frames.ndjson"), folder.path().join("state/rejects.ndjson"));
    std::fs::write(&file, lines.join("\n")).unwrap();
    let replay = || {
        let mut command = program::command(&folder.path().join("state"));
        command.args(["--redis-url", &url_of(&server), "replay", "--quiet"]).arg(&file);
        program::succeed(&mut command)
    };
    let shown = replay();
    assert!(shown.contains("5 records, 3 events"), "{shown}");
    let kept = std::fs::read_to_string(&rejects).unwrap();
    assert!(kept.lines().count() == 1 && kept.contains("unknown_multiplier") && kept.contains("NEVER"), "{kept}");
    assert_eq!(stored(&server), 3);
    let state = state_of(&server);
    replay();
    assert_eq!(state_of(&server), state);
}

/// Connections overlap, a venue tells afterwards what was missed, and some of what comes is no frame.
#[test]
fn what_is_recorded_is_what_counted() {
    let bitmex = |range: std::ops::Range<u64>| range.map(|n| Step::Send((dialect("bitmex").frame)(n)));
    // Of two in one frame one came before.
    let two = r#"{"table":"liquidation","action":"insert","data":[{"orderID":"made-up-45","symbol":"XBTUSD","side":"Sell","price":10106.5,"leavesQty":145},{"orderID":"made-up-500","symbol":"XBTUSD","side":"Sell","price":10107.5,"leavesQty":600}]}"#;
    let odd = [Step::Send("no json at all".to_owned()), Step::Binary(vec![1, 2]), Step::Send(two.to_owned())];
    let overlapping =
        vec![bitmex(0..50).collect::<Vec<_>>(), bitmex(40..90).chain(odd).collect(), bitmex(80..130).collect()];
    let cut = (0..3).map(|n| Step::Send((dialect("bitfinex").frame)(n))).chain([Step::Cut]).collect();
    let cases = [("bitmex", overlapping, 131, 2), ("bitfinex", vec![cut], 3 * dialect("bitfinex").per_frame() + 2, 0)];
    for (venue, sessions, events, malformed) in cases {
        let (server, copy, folder, port) =
            (Server::start(), Server::start(), tempfile::tempdir().unwrap(), free_port());
        let Dialect { expects, greeting, pulse, keepalive, .. } = dialect(venue);
        let (expects, greeting) = (expects.to_vec(), greeting.to_vec());
        let exchange = Exchange::start(Script { expects, greeting, pulse, keepalive: *keepalive, sessions });
        let rest = Rest::start();
        rest.answer("/api/v1/instrument/active", "[]");
        rest.answer_by("/v2/liquidations/hist", |path| {
            let start: u64 = path.split_once("?start=").unwrap().1.split('&').next().unwrap().parse().unwrap();
            let row = |n: u64| {
                format!(
                    r#"[["pos",{},{},null,"tBTCF0:USTF0",-0.5,9135.5,null,0,1,null,9080.123456789012]]"#,
                    10_000 + n,
                    start + n
                )
            };
            format!("[{},{}]", row(1), row(2))
        });
        // Of Bitfinex each renewal would ask what was missed.
        let more = if venue == "bitmex" { "lifetime_ms = 700\n" } else { "" };
        let settings = format!(
            "{QUICK}{more}[series]\nclock = \"EVENT\"\nretention = \"31d\"\n[venue.{venue}]\nurl = \"{}\"\nrest_url = \"{}\"\n",
            exchange.url(),
            rest.url()
        );
        let recording = folder.path().join("recording");
        let mut command = stream(folder.path(), &url_of(&server), port, &settings, &[venue]);
        let mut running = Running::start(command.arg("--record").arg(&recording));
        wait_until("all is stored", || stored(&server) >= events);
        let metric = |name: &str, label: &str| support::running::metric(port, name, label);
        wait_until("all was heard", || metric("liq_ingest_connects_total", "") >= 3.0 || venue != "bitmex");
        assert_eq!(metric("liq_ingest_rejects_total", "malformed_frame"), f64::from(malformed), "{venue}");
        running.terminate();
        assert_eq!(stored(&server), events, "{venue}");

        let mut command = program::command(&folder.path().join("other"));
        let settings = folder.path().join("liq.toml");
        command.arg("--config").arg(settings).args(["--redis-url", &url_of(&copy), "replay", "--quiet"]);
        let shown = program::succeed(command.args(files_of(&recording)));
        assert_eq!((stored(&copy), state_of(&copy)), (events, state_of(&server)), "{venue}: {shown}");
        assert_eq!(shown.contains("malformed_frame"), malformed > 0, "{shown}");
    }
}

fn dialect(venue: &str) -> &'static Dialect {
    DIALECTS.iter().find(|dialect| dialect.venue == venue).unwrap()
}

/// Days that an exchange really had, as frames: recorded from the wire, and the journal replayed into an empty server.
#[test]
fn the_journal_of_real_days_gives_the_same_digests() {
    let days = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/liquidations/binance_um_forceorder_20250126_paulius.csv.gz");
    let Ok(file) = std::fs::File::open(&days) else {
        println!("skipped: no recordings in ../shared/data/liquidations");
        return;
    };
    let mut rows = String::new();
    flate2::read::GzDecoder::new(file).read_to_string(&mut rows).unwrap();
    let frames: Vec<String> = rows.lines().filter_map(force_order).collect();
    assert!(frames.len() > 3000, "{}", frames.len());

    let (server, copy, folder, port) = (Server::start(), Server::start(), tempfile::tempdir().unwrap(), free_port());
    let exchange = quiet_exchange();
    let recording = folder.path().join("recording");
    let settings = one_venue(&exchange, "");
    let mut command = stream(folder.path(), &url_of(&server), port, &settings, &["binance-um"]);
    let mut running = Running::start(command.arg("--record").arg(&recording));
    wait_until("it is connected", || support::running::metric(port, "liq_ingest_connected", "") == 1.0);
    for frame in &frames {
        exchange.send(frame.clone());
    }
    wait_until("all is stored", || {
        let [read, answered] = ["liq_ingest_events_total", "liq_ingest_answers_total"]
            .map(|name| support::running::metric(port, name, ""));
        let text: String = files_of(&recording).iter().map(|path| readable(path)).collect();
        text.contains(frames[frames.len() - 1].as_str()) && read > 0.0 && answered >= read
    });
    running.terminate();
    let mut command = program::command(&folder.path().join("other"));
    command.args(["--redis-url", &url_of(&copy), "replay", "--quiet"]).args(files_of(&recording));
    program::succeed(&mut command);
    let digests = digests(&server);
    assert!(digests.len() > 100, "days of many symbols: {}", digests.len());
    assert_eq!(self::digests(&copy), digests);
}

/// `LIQ.DIGEST` of every series.
fn digests(server: &Server) -> BTreeMap<String, Vec<u8>> {
    let mut client = server.connect();
    let keys = client.run("KEYS liq:*");
    let digest = |key: &support::Reply| {
        let digest = client.call(&["LIQ.DIGEST".to_owned(), key.text()]);
        (key.text(), digest.bytes().to_vec())
    };
    keys.array().iter().map(digest).collect()
}

/// A row of the recording as the frame it was: symbol without its quote, side, type, time in force, quantity, price,
/// average price, status, last fill, filled, time.
fn force_order(row: &str) -> Option<String> {
    let fields: Vec<&str> = row.split(',').collect();
    let [symbol, side, kind, force, quantity, price, average, status, last, filled, time, _] = fields[..] else {
        return None;
    };
    let time: u64 = time.parse().ok()?;
    Some(format!(
        r#"{{"stream":"!forceOrder@arr","data":{{"e":"forceOrder","E":{time},"o":{{"s":"{symbol}USDT","S":"{side}","o":"{kind}","f":"{force}","q":"{quantity}","p":"{price}","ap":"{average}","X":"{status}","l":"{last}","z":"{filled}","T":{time}}}}}}}"#
    ))
}

/// The event `n`; every third of OKX is of a contract that only the venue's list knows.
fn frame(dialect: &Dialect, n: u64) -> String {
    let frame = (dialect.frame)(n);
    if n.is_multiple_of(3) { frame.replace("BTC-USDT-SWAP", "ODD-USDT-SWAP") } else { frame }
}

fn files_of(recording: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(recording).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// What can be read of a file whose end may not be written yet.
fn readable(path: &Path) -> String {
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path).unwrap();
    let _ = zstd::stream::read::Decoder::new(file).and_then(|mut stream| stream.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}
