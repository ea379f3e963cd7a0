//! What a round writes, trims, and tells.

use liq_harness::Server;
use serde_json::json;

use crate::{entries, once, text_of};

#[test]
fn entries_lie_in_files_by_day_with_their_columns() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let mut client = server.connect();
    let stream = "signals:{BTCUSDT}";
    for (id, price, more) in [("86399999-0", "91200.5", ""), ("86400000-3", "bad", "new 1"), ("86400000-4", "1", "")] {
        let line = format!("XADD {stream} {id} symbol BTCUSDT side buy price {price} timestamp 1735689660000 {more}");
        client.run(&line);
    }
    client.call(&[b"XADD".as_slice(), b"any: thing", b"5-1", b"\xff", b"\xfe", b"a", b"1", b"a", b"2"]);
    let (code, told) = once(&server, dir.path(), &["signals:*", "any: thing", "no such stream"]);
    assert_eq!(code, 0, "{told}");
    let found = entries(dir.path(), stream);
    assert_eq!(found.len(), 3);
    let expected = json!({"symbol": "BTCUSDT", "side": "buy", "price": 91200.5, "timestamp": 1_735_689_660_000_u64});
    assert_eq!(found["86399999-0"], expected);
    assert_eq!(found["86400000-3"]["rest"], json!({"price": "bad", "new": "1"}));
    let rest = &entries(dir.path(), "any: thing")["5-1"]["rest"];
    assert_eq!(*rest, json!({"a": ["1", "2"], "base64:/w==": {"base64": "/g=="}}));
    assert!(dir.path().join("signals/{BTCUSDT}/1970-01-01/86399999-0-86399999-0.parquet").is_file());
    assert!(dir.path().join("signals/{BTCUSDT}/1970-01-02/86400000-3-86400000-4.parquet").is_file());
    assert!(dir.path().join("any/%20thing/1970-01-01/5-1-5-1.parquet").is_file());
    // Nothing new, nothing written; then only what is new.
    assert_eq!(once(&server, dir.path(), &["signals:*"]).0, 0);
    client.run(&format!("XADD {stream} 86400000-5 symbol X"));
    let (code, told) = once(&server, dir.path(), &["signals:*", "--rows", "1"]);
    assert!(code == 0 && told.matches("written").count() == 1, "{told}");
    assert_eq!(entries(dir.path(), stream).len(), 4);
    assert_eq!(client.run(&format!("XLEN {stream}")).int(), 4, "nothing is trimmed unasked");
    let (code, text) = text_of(&server, &["status", dir.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
    assert!(text.contains("signals:{BTCUSDT} files=3 entries=4 last=86400000-5 missing=0 waiting=0"), "{text}");
    let (code, text) = text_of(&server, &["verify", dir.path().to_str().unwrap()]);
    assert!(code == 0 && text.contains("signals:{BTCUSDT} files=3 entries=4 problems=0"), "{text}");
}

#[test]
fn files_hold_no_more_rows_than_asked() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let lines: Vec<String> = (1..=2500).map(|number| format!("XADD s {number}-0 n {number}")).collect();
    server.connect().pipeline(&lines);
    assert_eq!(once(&server, dir.path(), &["s", "--rows", "1200"]).0, 0);
    let parts = liq_archive::folder::parts(dir.path(), b"s").unwrap();
    let bounds: Vec<(u64, u64)> = parts.iter().map(|part| (part.first.ms, part.last.ms)).collect();
    assert_eq!(bounds, [(1, 1200), (1201, 2400), (2401, 2500)]);
    let offsets: Vec<_> = parts.iter().map(|part| liq_archive::file::facts(&part.path).unwrap().last_offset).collect();
    assert_eq!(offsets, [Some(1200), Some(2400), Some(2500)]);
}

#[test]
fn only_what_is_on_disk_old_and_acknowledged_is_trimmed() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let mut client = server.connect();
    for id in 1..=10 {
        client.run(&format!("XADD s {id}-0 n {id}"));
    }
    let left = |client: &mut liq_harness::Client| client.run("XRANGE s - + COUNT 1").array()[0].array()[0].text();
    client.run("XGROUP CREATE s slow 0").ok();
    client.run("XREADGROUP GROUP slow a COUNT 6 STREAMS s >");
    client.run("XACK s slow 1-0 2-0 3-0 5-0 6-0");
    assert_eq!(once(&server, dir.path(), &["s", "--keep", "1ms"]).0, 0);
    assert_eq!(left(&mut client), "4-0", "4 is not acknowledged");
    client.run("XACK s slow 4-0");
    assert_eq!(once(&server, dir.path(), &["s", "--keep", "1ms"]).0, 0);
    assert_eq!(left(&mut client), "7-0", "7 was given to nobody yet");
    client.run("XGROUP DESTROY s slow");
    let now_ms = client.time_ms();
    client.run(&format!("XADD s {now_ms}-0 n 11"));
    assert_eq!(once(&server, dir.path(), &["s", "--keep", "1h"]).0, 0);
    assert_eq!(left(&mut client), format!("{now_ms}-0"), "what is young stays");
    assert_eq!(entries(dir.path(), "s").len(), 11);
    // What was archived and trimmed is no gap.
    client.run("XADD s * n 12");
    std::thread::sleep(std::time::Duration::from_millis(5));
    let (code, told) = once(&server, dir.path(), &["s", "--keep", "1ms"]);
    assert_eq!(code, 0, "{told}");
    let (code, told) = once(&server, dir.path(), &["s", "--keep", "1ms"]);
    assert_eq!(code, 0, "{told}");
    assert_eq!(client.run("XLEN s").int(), 0);
    let (code, text) = text_of(&server, &["status", dir.path().to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
}

#[test]
fn what_was_gone_before_it_was_read_is_told() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let mut client = server.connect();
    let add = |client: &mut liq_harness::Client, range: std::ops::RangeInclusive<u64>, limit: u64| {
        for id in range {
            client.run(&format!("XADD s MAXLEN {limit} {id}-0 n {id}"));
        }
    };
    // 5 of 15 were trimmed before the archive began.
    add(&mut client, 1..=15, 10);
    let (code, told) = once(&server, dir.path(), &["s"]);
    assert_eq!(code, 2, "{told}");
    assert_eq!(entries(dir.path(), "s").len(), 10);
    assert_eq!(once(&server, dir.path(), &["s"]).0, 0, "told once");
    // Trimmed behind the archive: no gap. Trimmed ahead of it: 16 to 20.
    add(&mut client, 16..=30, 10);
    let (code, told) = once(&server, dir.path(), &["s"]);
    assert!(code == 2 && told.contains("missing=5"), "{told}");
    let (code, text) = text_of(&server, &["status", dir.path().to_str().unwrap()]);
    assert!(code == 2 && text.contains("entries=20 last=30-0 missing=10 waiting=0"), "{text}");
    // A single one deleted ahead of it, and then everything.
    add(&mut client, 31..=33, 100);
    client.run("XDEL s 32-0");
    assert_eq!(once(&server, dir.path(), &["s"]).0, 2);
    add(&mut client, 34..=36, 100);
    client.run("XTRIM s MAXLEN 0");
    let (code, told) = once(&server, dir.path(), &["s"]);
    assert!(code == 2 && told.contains("missing=3"), "{told}");
    // Deleted and made anew, with ids that were there before.
    client.run("DEL s");
    client.run("XADD s 5-0 n 5");
    let (code, told) = once(&server, dir.path(), &["s", "--keep", "1ms"]);
    assert!(code == 2 && told.contains("behind its archive"), "{told}");
    assert_eq!(client.run("XLEN s").int(), 1, "and nothing of it is trimmed");
    assert!(text_of(&server, &["status", dir.path().to_str().unwrap()]).1.contains("waiting=behind"));
}

#[test]
fn metrics_and_a_configuration_file() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let (to, metrics) = (dir.path().join("archive"), dir.path().join("liq.prom"));
    let config = dir.path().join("archive.toml");
    std::fs::write(
        &config,
        format!("streams = ['s']\nto = {to:?}\nrows = 2\nkeep = '30d'\nevery = '1s'\nmetrics = {metrics:?}\n"),
    )
    .unwrap();
    server.connect().pipeline(&["XADD s 1-0 n 1", "XADD s 2-0 n 1", "XADD s 3-0 n 1"]);
    let (code, text) = text_of(&server, &["run", "--once", "--config", config.to_str().unwrap()]);
    assert_eq!(code, 0, "{text}");
    let told = std::fs::read_to_string(&metrics).unwrap();
    assert!(told.contains("liq_archive_files_total 2\n") && told.contains("liq_archive_entries_total 3\n"), "{told}");
    std::fs::write(&config, "streams = ['s']\ncolour = 'red'\n").unwrap();
    let (code, text) = text_of(&server, &["run", "--config", config.to_str().unwrap()]);
    assert!(code == 1 && text.contains("unknown field `colour`"), "{text}");
}

#[test]
fn wrong_arguments_are_named() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().to_str().unwrap();
    for (args, problem) in [
        (vec!["run", "--to", to], "streams: name at least one"),
        (vec!["run", "s"], "--to: name the archive's folder"),
        (vec!["run", "s", "--to", to, "--every", "5"], "must be 1ms to 3660d, such as 5m, got '5'"),
        (vec!["run", "s", "--to", to, "--rows", "0"], "1..=10000000"),
        (vec!["run", "s", "--to", to, "--redis", "nowhere"], "redis: "),
        (vec!["status", "/nonexistent"], "no such folder"),
        (vec!["cat", "/nonexistent"], "/nonexistent: "),
    ] {
        let (code, text) = text_of(&server, &args);
        assert!(code != 0 && text.contains(problem), "{args:?}: {text}");
    }
    std::fs::write(dir.path().join("letter.txt"), "dear").unwrap();
    let (code, text) = once(&server, dir.path(), &["s"]);
    assert!(code == 1 && text.contains("is not empty and no archive"), "{text}");
}

/// A close as the module writes it, with what a row of the venue did not tell empty.
fn close(id: &str, trades: &str, taker: &str) -> Vec<String> {
    let line = format!(
        "XADD closes:{{X}} {id} event closed symbol X key tick:{{X}} interval 1m start 60000 open 149.80 high 150 low 149.7 \
         close 149.90 volume 31.5 end 119999 quote_volume 4723.350 trades {trades} taker_volume {taker} \
         taker_quote_volume {taker} state closed"
    );
    liq_harness::client::words(&line)
}

#[test]
fn a_candles_figures_are_columns() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let mut client = server.connect();
    client.call(&close("120000-0", "17", "9.00"));
    client.call(&close("120000-1", "\"\"", "\"\""));
    assert_eq!(once(&server, dir.path(), &["closes:*"]).0, 0);
    let found = entries(dir.path(), "closes:{X}");
    let mut expected = json!({
        "event": "closed", "symbol": "X", "key": "tick:{X}", "interval": "1m", "start": 60_000, "open": "149.80",
        "high": "150", "low": "149.7", "close": "149.90", "volume": "31.5", "end": 119_999, "quote_volume": "4723.350",
        "trades": 17, "taker_volume": "9.00", "taker_quote_volume": "9.00", "state": "closed",
    });
    assert_eq!(found["120000-0"], expected);
    let object = expected.as_object_mut().unwrap();
    object.remove("trades");
    object.extend([("taker_volume".into(), json!("")), ("taker_quote_volume".into(), json!(""))]);
    object.insert("rest".into(), json!({"trades": ""}));
    assert_eq!(found["120000-1"], expected);
}

#[test]
fn files_with_fewer_columns_are_read_with_those_that_have_more() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let old = crate::old_close(dir.path());
    server.connect().call(&close("120000-0", "17", "9"));
    assert_eq!(once(&server, dir.path(), &["closes:*"]).0, 0);
    let parts = liq_archive::folder::parts(dir.path(), b"closes:{X}").unwrap();
    let files: Vec<&str> = parts.iter().map(|part| part.path.to_str().unwrap()).collect();
    assert_eq!(files[0], old.to_str().unwrap());
    let (code, text) = text_of(&server, &["cat", files[0], files[1]]);
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(code, 0, "{text}");
    assert_eq!(lines[0], text_of(&server, &["cat", files[1]]).1.lines().next().unwrap(), "the columns are the newer's");
    assert!(lines[1].starts_with("60000,0,closed,X,tick:{X},1m,,,,,") && lines[1].contains("close"), "{text}");
    assert!(lines[2].starts_with("120000,0,closed,X,tick:{X},1m,60000,149.80,150,149.7,149.90,31.5,"), "{text}");
    // Tables that are others do not go into one.
    server.connect().run("XADD signals:x 1-0 side buy");
    assert_eq!(once(&server, dir.path(), &["signals:x"]).0, 0);
    let signals = liq_archive::folder::parts(dir.path(), b"signals:x").unwrap().remove(0).path;
    let (code, text) = text_of(&server, &["cat", files[1], signals.to_str().unwrap()]);
    assert!(code == 1 && text.contains("has other columns"), "{text}");
}

#[test]
fn csv_is_quoted_and_bytes_are_base64() {
    let server = Server::plain();
    let dir = tempfile::tempdir().unwrap();
    let mut client = server.connect();
    client.call(&[
        b"XADD".as_slice(),
        b"{q:orders}:dead",
        b"1-0",
        b"i",
        b"a,b",
        b"a",
        b"3",
        b"r",
        b"say \"no\"",
        b"b",
        b"\x00\xff",
    ]);
    assert_eq!(once(&server, dir.path(), &["{q:orders}:dead"]).0, 0);
    let path = liq_archive::folder::parts(dir.path(), b"{q:orders}:dead").unwrap().remove(0).path;
    let (code, text) = text_of(&server, &["cat", path.to_str().unwrap()]);
    assert_eq!((code, text.as_str()), (0, "id_ms,id_seq,i,a,t,p,r,b,rest\n1,0,\"a,b\",3,,,\"say \"\"no\"\"\",AP8=,\n"));
    std::fs::write(&path, "no parquet").unwrap();
    let (code, text) = text_of(&server, &["verify", dir.path().to_str().unwrap()]);
    assert!(code == 2 && text.contains("problems=1"), "{text}");
}
