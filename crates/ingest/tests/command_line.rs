//! What the program says to those who type: refused settings by their place, `check --live`, logs for machines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::os::unix::ffi::OsStringExt;
use std::path::Path;
use std::process::{Command, Stdio};

use support::program::{self, Running};
use support::running::{free_port, metric, one_venue, order, quiet_exchange, stored, stream};
use support::server::wait_until;
use support::signal::{self, Signal};
use support::{Options, Reply, Server, url_of};

fn check(folder: &Path, file: &str) -> Command {
    let path = folder.join("liq.toml");
    std::fs::write(&path, file).unwrap();
    let mut command = program::command(&folder.join("state"));
    command.arg("--config").arg(path).arg("check");
    command
}

#[test]
fn refused_settings_are_named_with_their_place() {
    let folder = tempfile::tempdir().unwrap();
    let said = |file: &str, arguments: &[&str]| program::fail(check(folder.path(), file).args(arguments));
    for (file, arguments, expected) in [
        ("[series]\nretention = \"7d\"\npercentlie = 80\n", &[][..], "liq.toml: line 3: series.percentlie: "),
        ("[series]\n\npercentile = 101\n", &[], "liq.toml: line 3: series.percentile: PERCENTILE: "),
        ("[markets]\nkeep_2m = 5\n", &[], "liq.toml: line 2: markets.keep_2m: "),
        ("[series]\nmin_size_btc = \"lots\"\n", &[], "liq.toml: line 2: series.min_size_btc: MINSIZE"),
        ("[series]\nmaxlen = 5\n", &[], "MAXLEN: has no meaning without SIGNALS"),
        ("[venue.okx]\nurl = \"https://ws.okx.com\"\n", &[], "url: venue.okx: must be ws://"),
        ("[venue.okx]\nsymbols = [\"BTC-USDT-SWAP\"]\n", &[], "symbols: venue.okx: can be chosen at"),
        ("[venue.mtgox]\n", &[], "liq.toml: venue.mtgox: no such venue"),
        ("", &["okx", "okx"], "okx is named twice"),
        ("", &["binance-spot"], "has no liquidations; name the instruments"),
        ("[stream]\nsilence_ms = 1\n", &[], "stream.silence_ms: must be 100 to"),
        ("", &["--redis-url", "http://db"], "--redis-url: http://db"),
        ("[redis]\nurl = \"redis+swarm://:hunter2@db\"\n", &[], "redis.url: redis+swarm://:***@db"),
    ] {
        let said = said(file, arguments);
        assert!(said.contains(expected) && !said.contains("hunter2"), "{expected} in {said}");
    }
    for (name, value, expected) in [
        ("PERCENTILE_THRESHOLD", "high", "PERCENTILE_THRESHOLD: PERCENTILE: "),
        ("MIN_LIQUIDATION_SIZE_BTC", "-5", "MIN_LIQUIDATION_SIZE_BTC: MINSIZE: "),
        ("LONG_VWAP_OFFSET", "x", "LONG_VWAP_OFFSET: LONGOFFSET: "),
        ("VWAP_ENABLED", "perhaps", "VWAP_ENABLED: must be true or false"),
        ("REDIS_POOL_SIZE", "many", "REDIS_POOL_SIZE: not a number"),
        ("REDIS_MAX_MEMORY", "lots", "REDIS_MAX_MEMORY: must be an amount of memory"),
        ("REDIS_URL", "http://:hunter2@db", "REDIS_URL: http://:***@db"),
    ] {
        let said = program::fail(check(folder.path(), "").env(name, value));
        assert!(said.contains(expected) && !said.contains("hunter2"), "{expected} in {said}");
    }
}

#[test]
fn an_environment_that_is_no_text_is_no_panic() {
    let folder = tempfile::tempdir().unwrap();
    let odd = std::ffi::OsString::from_vec(vec![b'x', 0xff, 0xfe]);
    let mut command = check(folder.path(), "");
    command.env("PERCENTILE_THRESHOLD", &odd).env(&odd, "1").env("SOMEBODY_ELSES", &odd).env("RUST_LOG", &odd);
    let shown = program::succeed(&mut command);
    assert!(shown.contains("LIQ.CREATE liq:{BTCUSDT}"), "{shown}");
}

#[test]
fn the_log_is_json_where_that_is_wanted_and_a_hangup_ends_in_order() {
    let (server, folder, port, exchange) =
        (Server::start(), tempfile::tempdir().unwrap(), free_port(), quiet_exchange());
    let settings = one_venue(&exchange, "");
    let mut command = stream(folder.path(), &url_of(&server), port, &settings, &["binance-um"]);
    let mut running = Running::start(command.env("LIQ_INGEST_LOG", "json"));
    wait_until("it is connected", || metric(port, "liq_ingest_connected", "") == 1.0);
    exchange.send(order("AUSDT", 1, 1.0));
    wait_until("the event is stored", || stored(&server) == 1);
    signal::send(&running.0, Signal::HUP);
    wait_until("it has ended, and well", || running.has_ended());
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let connected = lines.iter().find(|line| line["message"] == "connected").expect("it says when it is connected");
    assert_eq!((&connected["level"], &connected["venue"]), (&"INFO".into(), &"binance-um".into()));
    assert!(connected["timestamp"].is_string());
}

/// What `check --live` prints of a server at `url`, and whether it calls everything well.
fn live(folder: &Path, settings: &str, url: &str, venue: &str) -> (bool, String) {
    let mut command = check(folder, settings);
    command.args(["--live", "--seconds", "3", "--redis-url", url, venue]);
    let output = command.stderr(Stdio::null()).output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

#[test]
fn check_live_is_green_where_all_is_well_and_red_by_name_where_not() {
    let (server, folder, exchange) = (Server::start(), tempfile::tempdir().unwrap(), quiet_exchange());
    let settings = one_venue(&exchange, "");
    let run = |url: &str| live(folder.path(), &settings, url, "binance-um");
    let (is_well, shown) = run(&url_of(&server));
    assert!(is_well && !shown.contains("BAD"), "{shown}");
    for expected in [
        concat!("module ", env!("CARGO_PKG_VERSION")),
        "well  LIQ.MADDPACK                 may be run",
        "well  state folder",
        "data flows, 2 of 2 subscriptions acknowledged",
    ] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    // Nothing of it was written.
    assert_eq!(server.connect().run("DBSIZE"), Reply::Int(0));

    exchange.refuse("!forceOrder");
    let (is_well, shown) = run(&url_of(&server));
    assert!(!is_well && shown.contains("BAD   binance-um ") && shown.contains("refuses 1 of 2"), "{shown}");
    exchange.accept_all();

    let plain = Server::plain();
    let (is_well, shown) = run(&url_of(&plain));
    assert!(!is_well && shown.contains("without the module"), "{shown}");
    let (is_well, shown) = run("redis://127.0.0.1:1");
    assert!(!is_well && shown.contains("BAD   redis"), "{shown}");

    // A user who may read but not write.
    let locked = Options::default().tcp().start();
    locked.connect().run("ACL SETUSER reader on >hunter2 ~* +liq.pctl +liq.info +info +client +hello +select").ok();
    let (is_well, shown) = run(&format!("redis://reader:hunter2@127.0.0.1:{}", locked.port()));
    assert!(!is_well && !shown.contains("hunter2"), "{shown}");
    for expected in ["BAD   LIQ.CREATE                   NOPERM", "well  LIQ.PCTL                     may be run"] {
        assert!(shown.contains(expected), "{expected} in {shown}");
    }
    // And a replica, which takes nothing.
    let replica = Server::replica_of(&locked, &[]);
    let (is_well, shown) = run(&url_of(&replica));
    assert!(!is_well && shown.contains("is a replica"), "{shown}");
    drop(replica);
}

#[test]
fn dated_futures_have_series_of_their_own_unless_they_are_joined() {
    let folder = tempfile::tempdir().unwrap();
    let frame = |n: u64, symbol: &str| order(symbol, n, 1.0) + "\n";
    let okx = |n: u64, instrument: &str| {
        format!(
            r#"{{"arg":{{"channel":"liquidation-orders","instType":"FUTURES"}},"data":[{{"details":[{{"bkPx":"100","side":"sell","sz":"7","ts":"{}"}}],"instId":"{instrument}"}}]}}"#,
            1_790_000_000_000_u64 + n
        ) + "\n"
    };
    let file = folder.path().join("frames.ndjson");
    let frames = [frame(1, "BTCUSDT"), frame(2, "BTCUSDT_250926"), okx(3, "BTC-USDT-SWAP"), okx(4, "BTC-USDT-260626")];
    std::fs::write(&file, frames.concat()).unwrap();
    let config = folder.path().join("liq.toml");
    for (joined, expected) in
        [(false, vec!["liq:{BTC-USDT-260626}", "liq:{BTCUSDT_250926}", "liq:{BTCUSDT}"]), (true, vec!["liq:{BTCUSDT}"])]
    {
        let server = Server::start();
        let contracts = "[venue.okx.contracts]\n\"BTC-USDT-260626\" = { base = 0.01 }\n";
        std::fs::write(&config, format!("join_dated = {joined}\n[series]\nmin_size_btc = 1\n{contracts}")).unwrap();
        let mut command = program::command(&folder.path().join(format!("state-{joined}")));
        command.arg("--config").arg(&config).args(["--redis-url", &url_of(&server), "replay", "--quiet"]).arg(&file);
        program::succeed(&mut command);
        let mut keys: Vec<String> = server.connect().run("KEYS *").array().iter().map(Reply::text).collect();
        keys.sort();
        assert_eq!(keys, expected);
        assert_eq!(stored(&server), 4);
        // The smallest size of a base currency is that of its futures too.
        let minsize = |key: &String| server.connect().call(&["LIQ.INFO", key]).field("minsize").text();
        assert!(keys.iter().all(|key| minsize(key) == "1"));
    }
}

#[test]
fn a_replay_without_a_terminal_says_how_far_it_is_and_how_fast() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("frames.ndjson");
    // The second comes a day behind the first, which takes two minutes at this speed.
    let ts = |n: u64| n * 86_400_000;
    std::fs::write(&file, order("AUSDT", ts(0), 1.0) + "\n" + &order("AUSDT", ts(1), 2.0) + "\n").unwrap();
    let log = folder.path().join("log");
    let mut command = program::command(&folder.path().join("state"));
    command.args(["--redis-url", &url_of(&server), "replay", "--speed", "720"]).arg(&file);
    let mut running = Running::start(command.stderr(std::fs::File::create(&log).unwrap()));
    wait_until("it says so while it waits", || {
        let said = std::fs::read_to_string(&log).unwrap();
        said.contains("1 events delivered, 0 events/s")
    });
    running.kill();
}
