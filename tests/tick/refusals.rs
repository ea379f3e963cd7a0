//! What is refused, in which words; and that it changes nothing.

use crate::support::Server;

#[test]
fn refusals_name_the_argument_and_change_nothing() {
    let server = Server::start();
    let mut client = server.connect();
    client.run("TICK.CREATE ids ORDER ID CLOCK EVENT").ok();
    client.run("TICK.CREATE k CLOCK EVENT").ok();
    client.run("TICK.ADD k 1000000 buy 5 1");
    let before = client.digest("k");
    for (line, error) in [
        ("TICK.ADD k", "wrong number of arguments for 'tick.add' command"),
        ("TICK.ADD k 5 buy 0 1", "price: must be 0.000000000001 to 1000000000000000, got '0'"),
        ("TICK.ADD k 5 buy 1e16 1", "price: must be 0.000000000001 to 1000000000000000, got '1e16'"),
        ("TICK.ADD k 5 buy nan 1", "price: not a number, got 'nan'"),
        ("TICK.ADD k 5 buy 1 -1", "qty: must be 0 to 1000000000000000, got '-1'"),
        ("TICK.ADD k 5 buy 1e10 1e10", "qty: price × qty must be at most 1000000000000000, got '1e10'"),
        ("TICK.ADD k 5 long 1 1", "side: must be buy, sell or -, got 'long'"),
        ("TICK.ADD k x buy 1 1", "ts: not an integer, got 'x'"),
        ("TICK.ADD k 9007199254740993 buy 1 1", "ts: must be 0 to 9007199254740992, got '9007199254740993'"),
        ("TICK.ADD k 5 buy 1 1 ID", "ID: needs a value, got ''"),
        ("TICK.ADD k 5 buy 1 1 ID a ID b", "ID: given more than once, got 'b'"),
        ("TICK.ADD k 5 buy 1 1 GAP GAP", "GAP: given more than once, got 'GAP'"),
        (
            "TICK.ADD k 5 buy 1 1 AT 9007199254740992",
            "AT: more than 1m (liq.tick-max-future) ahead of the server's clock, got '9007199254740992'",
        ),
        ("TICK.ADD ids 5 buy 1 1", "ID: must be an integer or first-last, as this market orders by ID, got ''"),
        (
            "TICK.ADD ids 5 buy 1 1 ID 9-5",
            "ID: must be an integer or first-last, as this market orders by ID, got '9-5'",
        ),
        (
            "TICK.MADD ids IDS TICKS 5 buy 1 1 1 5 buy 1 1 x",
            "item 2: ID: must be an integer or first-last, as this market orders by ID, got 'x'",
        ),
        ("TICK.MADD k TICKS 5 buy 1", "wrong number of arguments for 'tick.madd' command"),
        ("TICK.MADD k TICKS 5 buy 1 1 5 buy x 1", "item 2: price: not a number, got 'x'"),
        ("TICK.MADD k PACK x", "PACK: not a MessagePack array of ticks, got 'x'"),
        ("TICK.MADD k BATCH me 1", "TICKS: missing, and PACK as well, got ''"),
        ("TICK.QUOTE k 5 BID 1", "qty: needs a value, got ''"),
        ("TICK.QUOTE k 5 PRICE 1", "option: unknown, got 'PRICE'"),
        ("TICK.LAST k BY trades", "BY: must be last, bid, ask, mid, mark or index, got 'trades'"),
        ("TICK.LAST k AT 5 FULL", "AT: does not go with FULL, got 'AT'"),
        ("TICK.RANGE k 5", "wrong number of arguments for 'tick.range' command"),
        ("TICK.RANGE k a b", "from: not an integer, got 'a'"),
        ("CANDLE.RANGE k 7m", "interval: must be ns, nm or nh that divide a day, 1d, 1w or 1M, got '7m'"),
        ("CANDLE.RANGE k 1m abc def", "from: not an integer, got 'abc'"),
        ("CANDLE.RANGE k 1m REW COUNT 5", "option: unknown, got 'REW'"),
        ("CANDLE.RANGE k 1m 5", "to: needs a value, got ''"),
        ("CANDLE.RANGE k 1m COUNT 5001", "COUNT: must be 1 to 5000, got '5001'"),
        ("CANDLE.RANGE k 1m AS csv", "AS: must be kline, ohlcv or pack, got 'csv'"),
        ("TICK.CREATE n KEEP 2m 5", "KEEP: must name 1s, 1m, 5m, 1h or 1d, got '2m'"),
        ("TICK.CREATE n KEEP 5m 0", "KEEP: at least one level must be held, and none left out between two"),
        ("TICK.CREATE n KEEP 1m 4", "KEEP: 1m must hold at least 5, one candle of 5m"),
        (
            "TICK.CREATE n KEEP 1m 0 KEEP 5m 0 KEEP 1h 23 ANNOUNCE 1h",
            "KEEP: 1h must hold at least 24, one candle of 1d",
        ),
        ("TICK.ALTER k KEEP 1s 59", "KEEP: 1s must hold at least 60, one candle of 1m"),
        ("TICK.CREATE n ANNOUNCE 30s", "ANNOUNCE: must be a multiple of a level that is held, got '30s'"),
        ("TICK.CREATE n TZ +5", "TZ: must be -12:00 to +14:00 by quarters of an hour, got '+5'"),
        ("TICK.CREATE n TAIL 65537", "TAIL: must be 0 to 65536, got '65537'"),
        ("TICK.CREATE n CLOSES n", "CLOSES: cannot be the key itself, got 'n'"),
        ("TICK.ALTER k CLOCK SERVER", "CLOCK: cannot be changed while ticks or candles are held, got 'SERVER'"),
        ("TICK.ALTER k TZ +01:00", "TZ: cannot be changed while ticks or candles are held, got '+01:00'"),
        ("TICK.ALTER k ORDER ID", "ORDER: cannot be changed while ticks or candles are held, got 'ID'"),
        (
            "TICK.ALTER k KEEP 1m 0 KEEP 5m 0 KEEP 1h 0",
            "ANNOUNCE: must be a multiple of a level that is held, got '1m'",
        ),
    ] {
        let expected = format!("ERR {}", error.replace('×', "\\xc3\\x97"));
        let got = client.run(line).error().replace('×', "\\xc3\\x97");
        assert_eq!(got, expected, "{line}");
    }
    assert_eq!(client.digest("k"), before);
    assert_eq!(client.run("EXISTS n").int(), 0);
}

#[test]
fn a_full_server_makes_no_market_and_feeds_those_there_are() {
    let mut server = Server::start();
    server.expect_warning("liq: memory mode");
    let mut client = server.connect();
    client.run("TICK.CREATE k").ok();
    client.run("CONFIG SET maxmemory 1").ok();
    assert!(client.run("TICK.CREATE n").error().starts_with("OOM"));
    assert!(client.run("TICK.ADD n * buy 5 1").error().starts_with("OOM"));
    assert!(client.run("TICK.QUOTE n * MARK 5").error().starts_with("OOM"));
    assert_eq!(client.run("TICK.ADD k * buy 5 1").array()[0].text(), "accepted");
    client.run("CONFIG SET maxmemory 0").ok();
    assert_eq!(client.run("EXISTS n").int(), 0);
}
