//! CANDLE.PUT on the server: the venue's own klines, as its REST interface answers them.

use crate::support::Server;

const M: u64 = 1_723_161_300_000;

#[test]
fn klines_of_the_venue_are_read_back_as_they_came() {
    let server = Server::start();
    let mut client = server.connect();
    let kline = format!(
        "{M} 61807.70 61839.90 61760.30 61760.30 136.450 {} 8432904.62160 2005 57.185 3534417.70220",
        M + 59_999
    );
    let reply = client.run(&format!("CANDLE.PUT k 1m KLINE {kline}"));
    let names = ["inserted", "replaced", "same", "covered", "open", "late", "removed"];
    assert_eq!(reply.field_names(), names);
    assert_eq!(reply.field("inserted").int(), 1);
    let row: Vec<String> =
        client.run("CANDLE.RANGE k 1m").array()[0].array().iter().map(crate::candles::shown).collect();
    let expected = format!(
        "{M} 61807.7 61839.9 61760.3 61760.3 136.45 {} 8432904.6216 2005 57.185 3534417.7022 closed",
        M + 59_999
    );
    assert_eq!(row.join(" "), expected);
    // The exchange's own answer, re-encoded: strings and integers, twelve columns.
    let next = M + 60_000;
    let columns = (next, "1", "2", "0.5", "1.5", "10", next + 59_999, "12", 3, "4", "5", "0");
    let packed = rmp_serde::to_vec(&[columns]).unwrap();
    let reply = client.call(&[b"CANDLE.PUT".as_slice(), b"k", b"1m", b"WHOLE", b"PACK", &packed]);
    assert_eq!(reply.field("inserted").int(), 1, "{reply:?}");
    assert_eq!(client.run("CANDLE.RANGE k 5m").array()[0].array()[8].int(), 2008);
    assert!(client.run("TICK.LAST k").field("price").is_null(), "rows move no price");
    let now = client.time_ms() / 60_000 * 60_000;
    assert_eq!(client.run(&format!("CANDLE.PUT k 1m OHLCV {now} 1 1 1 1 1")).field("open").int(), 1);
}

#[test]
fn refused_rows_change_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE k KEEP 1m 10 KEEP 5m 12").ok();
    let before = client.digest("k");
    for (line, error) in [
        (
            format!("CANDLE.PUT k 1s OHLCV {M} 1 1 1 1 1"),
            "ERR level: not kept by this market (KEEP), got '1s'".to_owned(),
        ),
        (
            format!("CANDLE.PUT k 1m OHLCV {} 1 1 1 1 1", M + 1),
            format!("ERR item 1: start: begins no candle of 1m, got '{}'", M + 1),
        ),
        (
            format!("CANDLE.PUT k 1m OHLCV {} 1 1 1 1 1 {} 1 1 1 1 1 {M} 1 1 1 1 1", M + 60_000, M + 2),
            format!("ERR item 2: start: begins no candle of 1m, got '{}'", M + 2),
        ),
        (
            format!("CANDLE.PUT k 1m OHLCV {M} 1 1 2 1 1"),
            "ERR item 1: row: open and close must lie between low and high, got '2 1'".to_owned(),
        ),
        ("CANDLE.PUT k 1m WHOLE".to_owned(), "ERR wrong number of arguments for 'candle.put' command".to_owned()),
    ] {
        assert_eq!(client.run(&line).error(), error, "{line}");
    }
    assert_eq!(client.digest("k"), before);
    assert!(client.run("CANDLE.PUT none 1s OHLCV 0 1 1 1 1 1").is_error());
    assert_eq!(client.run("EXISTS none").int(), 0);
}

#[test]
fn rows_travel_to_replicas_and_through_an_aof() {
    let mut primary = crate::support::Options::default().tcp().line("appendonly yes").start();
    let replica = Server::replica_of(&primary, &["liq.tick-keep \"1d 5\""]);
    let mut client = primary.connect();
    client.run("TICK.CREATE k KEEP 1m 30 KEEP 5m 20 CLOSES out ANNOUNCE 5m").ok();
    for minute in 60..80 {
        client.run(&format!("TICK.ADD k {} buy 100 1 GAP", M + minute * 60_000));
    }
    let rows = |level: u64, range: std::ops::Range<u64>| {
        range.map(|place| format!("{} 5 6 4 5 {place}", M + place * level)).collect::<Vec<_>>().join(" ")
    };
    client.run(&format!("CANDLE.PUT k 1m WHOLE OHLCV {}", rows(60_000, 50..70)));
    client.run(&format!("CANDLE.PUT k 5m OHLCV {}", rows(300_000, 0..30)));
    client.run(&format!("CANDLE.PUT new 1h OHLCV {} 5 6 4 5 1", 1_723_158_000_000_u64));
    assert!(client.run("XLEN out").int() > 0);
    // The last row is still open: what it ends before it travels as well.
    client.run("TICK.CREATE open ORDER ID CLOCK EVENT").ok();
    client.run(&format!("TICK.MADD open IDS TICKS {M} buy 5 1 1 {} buy 5 1 3 {} buy 5 1 9", M + 120_000, M + 300_001));
    let put = client.run(&format!("CANDLE.PUT open 1m WHOLE OHLCV {} {}", rows(60_000, 0..1), rows(60_000, 5..6)));
    assert_eq!((put.field("open").int(), put.field("removed").int()), (1, 1));
    // A missing id comes in the candle of a row: a duplicate, and missing no longer.
    client.run("TICK.CREATE seen ORDER ID CLOCK EVENT").ok();
    client.run(&format!("TICK.MADD seen IDS TICKS {M} buy 5 1 1 {} buy 5 1 3", M + 180_000));
    client.run(&format!("CANDLE.PUT seen 1m OHLCV {}", rows(60_000, 1..2)));
    let gaps = client.run("TICK.INFO seen").field("gaps").array().len();
    assert_eq!(client.run(&format!("TICK.ADD seen {} buy 5 1 ID 2", M + 60_000)).array()[0].text(), "duplicate");
    assert_eq!(client.run("TICK.INFO seen").field("gaps").array().len(), gaps - 1);
    primary.wait_for_replica(&replica);
    for key in ["k", "new", "open", "seen"] {
        assert_eq!(client.digest(key), replica.connect().digest(key), "{key}");
    }
    let before = client.digest("k");
    drop(client);
    primary.restart();
    assert_eq!(primary.connect().digest("k"), before);
}
