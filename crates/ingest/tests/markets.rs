//! Recorded trades and candles become markets: equal to the exchange's own candles, once, whatever the file's form.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::path::{Path, PathBuf};
use std::process::Command;

use support::{Reply, Server, program, url_of};

fn replay(state_dir: &Path, server: &Server, files: &[&Path], flags: &[&str]) -> Command {
    let mut command = program::command(state_dir);
    command.args(["--redis-url", &url_of(server), "replay", "--quiet"]).args(flags).args(files);
    command
}

/// A recording beside the repository; nothing, said aloud, where there is none.
fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    if !path.is_file() {
        println!("skipped: no {}", path.display());
        return None;
    }
    Some(path)
}

/// Rows of CANDLE.RANGE as text, by where they begin.
fn candles(server: &Server, key: &str, interval: &str) -> Vec<Vec<String>> {
    let rows = server.connect().call(&["CANDLE.RANGE", key, interval, "-", "+", "COUNT", "5000"]);
    let text = |value: &Reply| match value {
        Reply::Int(number) => number.to_string(),
        Reply::Nil => "-".to_owned(),
        other => other.text(),
    };
    rows.array().iter().map(|row| row.array().iter().map(text).collect()).collect()
}

/// A decimal without zeros at its end.
fn plain(text: &str) -> String {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text.to_owned() }
}

/// Start, open, high, low, close, volume, end, quote volume, trades, taker volume, taker quote volume of the exchange.
fn klines(path: &Path) -> Vec<Vec<String>> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().skip(1).map(|line| line.split(',').take(11).map(plain).collect()).collect()
}

const PERP: &str = "ticks/binance_um_btcusdt_trade_20240808_hftbt.ndjson.gz";
const MINUTES: &str = "klines/binance_um_btcusdt_1m_20240808T2354_20240809T0005.csv";
const KEY: &str = "tick:binance-um:{BTCUSDT}";

#[test]
fn a_recorded_tape_gives_the_exchanges_own_minutes_in_all_nine_columns() {
    let (Some(tape), Some(minutes)) = (shared(PERP), shared(MINUTES)) else { return };
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let shown = program::succeed(&mut replay(folder.path(), &server, &[&tape], &[]));
    assert!(shown.contains("21,313 records, 21,313 events") && shown.contains("accepted"), "{shown}");
    let got = candles(&server, KEY, "1m");
    // The last minute is open, as the tape ends in it.
    let mut whole = 0;
    for expected in klines(&minutes) {
        let Some(row) = got.iter().find(|row| row[0] == expected[0] && row[11] != "partial") else { continue };
        assert_eq!(row[..11], expected[..]);
        whole += 1;
    }
    assert_eq!(whole, 5, "the minutes that the tape holds whole: {got:?}");
    let digest = server.connect().digest(KEY);
    // All over again, and in batches of another size: nothing changes.
    program::succeed(&mut replay(folder.path(), &server, &[&tape], &["--batch", "7"]));
    assert_eq!(candles(&server, KEY, "1m"), got);
    let info = server.connect().call(&["TICK.INFO", KEY]);
    assert_eq!((info.field("order").text(), info.field("clock").text()), ("ID".into(), "EVENT".into()));
    assert_eq!((info.field("total_accepted").int(), info.field("total_late").int()), (21_313, 0));
    assert!(!digest.is_empty());
    // The exchange's rows say the same of whole minutes, complete the first, and go before and behind the tape.
    let shown = program::succeed(&mut replay(folder.path(), &server, &[&minutes], &["--instrument", "BTCUSDT"]));
    assert!(shown.contains("12 events"), "{shown}");
    let rows = candles(&server, KEY, "1m");
    assert!(rows.iter().all(|row| row[11] == "closed"), "{rows:?}");
    let got: Vec<Vec<String>> = rows.iter().map(|row| row[..11].to_vec()).collect();
    assert_eq!(got, klines(&minutes));
}

#[test]
fn days_of_a_recorded_tape_give_the_exchanges_own_minutes() {
    let (Some(tape), Some(minutes)) = (
        shared("ticks/binance_spot_xrpeth_aggtrades_20191011_freqtrade.json.gz"),
        shared("klines/xrpeth_1m_20191011_freqtrade.csv"),
    ) else {
        return;
    };
    // The capture holds what Binance answered by REST, one object a trade; as frames they say what they are.
    let trades: serde_json::Value =
        serde_json::from_reader(flate2::read::GzDecoder::new(std::fs::File::open(tape).unwrap())).unwrap();
    let mut frames = String::new();
    for trade in trades.as_array().unwrap() {
        let mut frame = trade["info"].clone();
        frame["e"] = "aggTrade".into();
        frame["s"] = "XRPETH".into();
        frames += &format!("{frame}\n");
    }
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let file = folder.path().join("frames.ndjson");
    std::fs::write(&file, frames).unwrap();
    let shown = program::succeed(&mut replay(folder.path(), &server, &[&file], &["--market", "keep_1m=5000"]));
    assert!(shown.contains("12,477 records, 12,477 events"), "{shown}");
    let key = "tick:binance-spot:{XRPETH}";
    let text = std::fs::read_to_string(minutes).unwrap();
    let expected: Vec<Vec<String>> =
        text.lines().skip(1).map(|line| line.split(',').skip(1).map(plain).collect()).collect();
    let rows = candles(&server, key, "1m");
    let got: Vec<Vec<String>> = rows.iter().map(|row| row[1..6].to_vec()).collect();
    assert_eq!(got.len(), 2_469);
    assert_eq!(got, expected);
    // But for the minute in which the recording begins, nothing is missing; the last is open.
    let doubtful: Vec<&str> = rows.iter().map(|row| row[11].as_str()).filter(|state| *state != "closed").collect();
    assert_eq!(doubtful, ["partial", "open"]);
    assert_eq!(server.connect().call(&["TICK.INFO", key]).field("total_accepted").int(), 12_477);
}

#[test]
fn candles_alone_make_a_market() {
    let Some(minutes) = shared(MINUTES) else { return };
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let copy = folder.path().join("BTCUSDT-1m-2024-08-08.csv");
    std::fs::copy(&minutes, &copy).unwrap();
    // Small batches: the market learns with each that its candles have ended.
    let flags = ["--batch", "2", "--market-key", "m:{%symbol}", "--market", "fires=fires:{%symbol}"];
    let shown = program::succeed(&mut replay(folder.path(), &server, &[&copy], &flags));
    assert!(shown.contains("inserted") && !shown.contains("open"), "{shown}");
    let got: Vec<Vec<String>> = candles(&server, "m:{BTCUSDT}", "1m").iter().map(|row| row[..11].to_vec()).collect();
    assert_eq!(got, klines(&minutes));
    let info = server.connect().call(&["TICK.INFO", "m:{BTCUSDT}"]);
    assert_eq!(info.field("fires").text(), "fires:{BTCUSDT}");
}

#[test]
fn spot_is_a_market_beside_the_perpetual_and_inverse_contracts_are_none() {
    let (Some(spot), Some(inverse)) = (
        shared("ticks/binance_spot_btcusdt_trade_20240808_09_hftbt.ndjson.gz"),
        shared("ticks/binance_cm_btcusd_perp_trade_20240808_09_hftbt.ndjson.gz"),
    ) else {
        return;
    };
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let shown = program::succeed(&mut replay(folder.path(), &server, &[&spot, &inverse], &[]));
    assert!(shown.contains("19,904 events") && shown.contains("rejected: inverse_contract"), "{shown}");
    let keys = server.connect().run("KEYS *");
    let keys: Vec<String> = keys.array().iter().map(Reply::text).collect();
    assert_eq!(keys, ["tick:binance-spot:{BTCUSDT}"]);
    let info = server.connect().call(&["TICK.INFO", &keys[0]]);
    assert_eq!(info.field("total_accepted").int(), 19_904);
}

/// Three trades of one minute and one of the next, as the forms tell them.
const TRADES: &str = "id,price,qty,quote_qty,time,is_buyer_maker\n\
    10,100.5,1,100.5,1700000040000,false\n\
    11,100.5,2,201,1700000040000,false\n\
    12,100.25,0.5,50.125,1700000050000,true\n\
    13,101,1,101,1700000100000,false\n";
const AGGREGATED: &str = "7,100.5,3,10,11,1700000040000,False\n\
    8,100.25,0.5,12,12,1700000050000,True\n\
    9,101,1,13,13,1700000100000,False\n";
const SPOT: &str = "10,100.5,1,100.5,1700000040000000,False,True\n\
    11,100.5,2,201,1700000040000123,False,True\n\
    12,100.25,0.5,50.125,1700000050000999,True,True\n\
    13,101,1,101,1700000100000000,False,True\n";
const FRAMES: &str = concat!(
    r#"{"stream":"abcusdt@trade","data":{"e":"trade","E":1,"T":1700000040000,"s":"ABCUSDT","t":10,"p":"100.5","q":"1","X":"MARKET","m":false}}"#,
    "\n",
    r#"{"e":"aggTrade","E":1,"T":1700000040000,"s":"ABCUSDT","a":7,"f":11,"l":11,"p":"100.50","q":"2.0","m":false}"#,
    "\n",
    r#"{"e":"trade","E":1,"T":1700000050000,"s":"ABCUSDT","t":12,"p":"100.25","q":"0.5","X":"MARKET","m":true}"#,
    "\n",
    r#"{"e":"trade","E":1,"T":1700000060000,"s":"ABCUSDT","t":13,"p":"1","q":"900","X":"INSURANCE_FUND","m":true}"#,
    "\n",
    r#"{"e":"trade","E":1,"T":1700000100000,"s":"ABCUSDT","t":14,"p":"101","q":"1","X":"MARKET","m":false}"#,
    "\n",
);

#[test]
fn every_form_of_the_same_trades_gives_the_same_candles() {
    let folder = tempfile::tempdir().unwrap();
    let minute = "1700000040000 100.5 100.5 100.25 100.25 3.5 1700000099999 351.625 3 3 301.5";
    for (name, text, key) in [
        ("ABCUSDT-trades-2023-11-14.csv", TRADES, "tick:binance-um:{ABCUSDT}"),
        ("ABCUSDT-aggTrades-2023-11-14.csv", AGGREGATED, "tick:binance-um:{ABCUSDT}"),
        ("ABCUSDT-trades-2025-11-14.csv", SPOT, "tick:binance-spot:{ABCUSDT}"),
        ("frames.ndjson", FRAMES, "tick:binance-um:{ABCUSDT}"),
    ] {
        let server = Server::start();
        let file = folder.path().join(name);
        std::fs::write(&file, text).unwrap();
        program::succeed(&mut replay(&folder.path().join(name.replace('.', "")), &server, &[&file], &[]));
        let rows = candles(&server, key, "1m");
        assert_eq!(rows[0][..11].join(" "), minute, "{name}");
        let gaps = server.connect().call(&["TICK.INFO", key]).field("gaps").array().len();
        // Before the first trade nothing is known; behind it nothing is missing, for a void number is none.
        assert_eq!((rows.len(), gaps), (2, 1), "{name}");
    }
}

#[test]
fn tardis_trades_of_two_venues_are_two_markets() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let rows = "exchange,symbol,timestamp,local_timestamp,id,side,price,amount\n\
        bybit,BTCUSDT,1700000040123456,1700000040200000,a-b-c,buy,35000.5,0.5\n\
        bybit,BTCUSDT,1700000041123456,1700000041200000,a-b-d,unknown,35001,0.25\n\
        okex-swap,BTC-USDT-SWAP,1700000040123456,1700000040200000,5,sell,35000.1,10\n\
        bybit,BTCUSD,1700000040123456,1700000040200000,e,buy,35000,700\n\
        ftx,BTC-PERP,1700000040123456,1700000040200000,f,sell,35000,1\n";
    let file = folder.path().join("many_trades_2023-11-14_BTC.csv");
    std::fs::write(&file, rows).unwrap();
    let shown = program::succeed(&mut replay(folder.path(), &server, &[&file], &[]));
    assert!(shown.contains("3 events") && shown.contains("unsupported_venue"), "{shown}");
    let bybit = candles(&server, "tick:bybit:{BTCUSDT}", "1m");
    assert_eq!(bybit[0][1..6].join(" "), "35000.5 35001 35000.5 35001 0.75");
    // Ten contracts of 0.01.
    assert_eq!(candles(&server, "tick:okx:{BTCUSDT}", "1m")[0][5], "0.1");
    // Replayed again under another name: the ids are known.
    program::succeed(&mut replay(folder.path(), &server, &[&file], &["--producer", "again"]));
    assert_eq!(candles(&server, "tick:bybit:{BTCUSDT}", "1m"), bybit);
}
