//! Live markets of Bybit, whose trades have names and no numbers, and of OKX, which sizes them in contracts, against a real
//! server.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use support::exchange::{Exchange, Rest, Script, Step};
use support::program::Running;
use support::running::{QUICK, free_port, stream};
use support::server::wait_until;
use support::tape::{self, Made, candles, fact, first_minute, tenths};
use support::{Server, url_of};

const BYBIT: &str = "tick:bybit:{ABCUSDT}";
const OKX: &str = "tick:okx:{BTCUSDT}";

/// A packet of Bybit's with these trades.
fn bybit_trades(from_ms: u64, ids: impl Iterator<Item = u64>) -> String {
    let trade = |id: u64| {
        let Made { ts_ms, price, qty, is_buy } = tape::made(from_ms, id);
        let (price, qty, side) = (tenths(price), tenths(qty), if is_buy { "Buy" } else { "Sell" });
        format!(
            r#"{{"T":{ts_ms},"s":"ABCUSDT","S":"{side}","v":"{qty}","p":"{price}0","L":"PlusTick","i":"20f43950-{id}","BT":false,"RPI":false,"seq":{id}}}"#
        )
    };
    let trades: Vec<String> = ids.map(trade).collect();
    format!(r#"{{"topic":"publicTrade.ABCUSDT","type":"snapshot","ts":1,"data":[{}]}}"#, trades.join(","))
}

/// Its candles by REST: newest first.
fn bybit_klines(minutes: &[[String; 11]]) -> String {
    let row = |row: &[String; 11]| {
        let [start, open, high, low, close, volume, _, turnover, ..] = row;
        format!(r#"["{start}","{open}","{high}","{low}","{close}","{volume}","{turnover}"]"#)
    };
    let list: Vec<String> = minutes.iter().rev().map(row).collect();
    format!(
        r#"{{"retCode":0,"retMsg":"OK","result":{{"category":"linear","symbol":"ABCUSDT","list":[{}]}}}}"#,
        list.join(",")
    )
}

fn bybit(sessions: Vec<Vec<Step>>) -> Exchange {
    Exchange::start(Script {
        expects: vec!["tickers.BTCUSDT", "publicTrade.ABCUSDT", "tickers.ABCUSDT"],
        greeting: Vec::new(),
        pulse: r#"{"topic":"tickers.BTCUSDT","type":"delta","ts":1,"data":{"symbol":"BTCUSDT"}}"#,
        keepalive: Some((r#"{"op":"ping"}"#, r#"{"success":true,"ret_msg":"pong","op":"ping"}"#)),
        sessions,
    })
}

fn bybit_settings(exchange: &Exchange, rest: &Rest) -> String {
    format!(
        "{QUICK}[markets]\ntail = 300\n[venue.bybit]\nurl = \"{}\"\nrest_url = \"{}\"\nsymbols = []\nmarkets = [\"ABCUSDT\"]\n",
        exchange.url(),
        rest.url()
    )
}

#[test]
fn trades_without_numbers_say_partial_around_a_cut_and_the_venues_candles_end_it() {
    let (server, folder, port, from_ms) = (Server::start(), tempfile::tempdir().unwrap(), free_port(), first_minute());
    let send = |ids: std::ops::Range<u64>| ids.map(|id| Step::Send(bybit_trades(from_ms, id..=id))).collect::<Vec<_>>();
    // The feed begins in the middle of a minute; trades 20 to 31 are never sent. The third connection repeats what the
    // second had, so that nothing is missing between them.
    let mut first = send(2..20);
    first.extend([Step::Ping, Step::Cut]);
    let mut second = send(32..40);
    second.extend([Step::Ping, Step::Close]);
    let third = vec![Step::Send(bybit_trades(from_ms, 36..50))];
    let exchange = bybit(vec![first, second, third]);
    let rest = Rest::start();
    rest.answer("/v5/market/kline", &bybit_klines(&[]));
    let start = || {
        let settings = bybit_settings(&exchange, &rest);
        Running::start(&mut stream(folder.path(), &url_of(&server), port, &settings, &["bybit"]))
    };
    let mut running = start();
    wait_until("all was sent", || exchange.finished() >= 3);
    wait_until("all is delivered", || fact(&server, BYBIT, "ticks") >= 36);
    assert_eq!(exchange.faults(), Vec::<String>::new());
    let states: Vec<String> = candles(&server, BYBIT)
        .iter()
        .map(|row| {
            let columns: Vec<&str> = row.split(' ').collect();
            let minute = (columns[0].parse::<u64>().unwrap() - from_ms) / tape::MINUTE_MS;
            format!("{minute} {}", columns[11])
        })
        .collect();
    assert_eq!(
        states,
        ["0 partial", "1 closed", "2 closed", "3 partial", "6 partial", "7 closed", "8 closed", "9 closed"]
    );
    // What the tape holds whole is the venue's, in all nine columns.
    let minutes = tape::minutes(from_ms, 10);
    let whole = tape::rows(&minutes);
    assert!([1, 2, 7, 8, 9].iter().all(|minute| candles(&server, BYBIT).contains(&whole[*minute])));
    running.terminate();
    // By now the venue has its candles, of which it is asked at every connection.
    rest.answer("/v5/market/kline", &bybit_klines(&minutes));
    let mut running = start();
    let expected = tape::short_rows(&minutes);
    wait_until("the venue's candles are there", || candles(&server, BYBIT) == expected);
    assert_eq!(fact(&server, BYBIT, "ticks"), 36);
    running.terminate();
    let asked = rest.asked().pop().unwrap();
    assert!(asked.contains("category=linear&symbol=ABCUSDT&interval=1&start="), "{asked}");
}

#[test]
fn a_ticker_of_changes_makes_whole_quotes() {
    let (server, folder, port) = (Server::start(), tempfile::tempdir().unwrap(), free_port());
    let ticker = |kind: &str, ts: u64, fields: &str| {
        let ts = first_minute() + ts;
        Step::Send(format!(
            r#"{{"topic":"tickers.ABCUSDT","type":"{kind}","ts":{ts},"cs":1,"data":{{"symbol":"ABCUSDT"{fields}}}}}"#
        ))
    };
    let session = vec![
        ticker(
            "snapshot",
            1,
            r#","bid1Price":"99.50","bid1Size":"3","ask1Price":"100.50","ask1Size":"4","markPrice":"100.1","indexPrice":"100.2""#,
        ),
        ticker("delta", 2, r#","bid1Size":"7""#),
        ticker("delta", 3, r#","ask1Price":"100.25","indexPrice":"100.30","lastPrice":"1""#),
    ];
    let (exchange, rest) = (bybit(vec![session]), Rest::start());
    rest.answer("/v5/market/kline", &bybit_klines(&[]));
    let settings = bybit_settings(&exchange, &rest);
    let mut running = Running::start(&mut stream(folder.path(), &url_of(&server), port, &settings, &["bybit"]));
    let full = || server.connect().call(&["TICK.LAST", BYBIT, "FULL"]);
    wait_until("the last change is there", || {
        let full = full();
        !full.field("index").is_null() && full.field("index").text() == "100.3"
    });
    let full = full();
    let got = ["bid", "bid_qty", "ask", "ask_qty", "mark"].map(|name| full.field(name).text());
    assert_eq!(got, ["99.5", "7", "100.25", "4", "100.1"]);
    running.terminate();
}

/// OKX tells contracts, of 0.01 each.
fn okx_trade(from_ms: u64, id: u64) -> String {
    let Made { ts_ms, price, qty, is_buy } = tape::made(from_ms, id);
    let (price, contracts, side) = (tenths(price), qty * 10, if is_buy { "buy" } else { "sell" });
    format!(
        r#"{{"arg":{{"channel":"trades","instId":"BTC-USDT-SWAP"}},"data":[{{"instId":"BTC-USDT-SWAP","tradeId":"{id}","px":"{price}","sz":"{contracts}","side":"{side}","ts":"{ts_ms}","count":"1"}}]}}"#
    )
}

/// Its candles by REST: newest first, volumes in contracts, base and quote units.
fn okx_candles(minutes: &[[String; 11]]) -> String {
    let row = |row: &[String; 11]| {
        let [start, open, high, low, close, volume, _, quote, ..] = row;
        format!(r#"["{start}","{open}","{high}","{low}","{close}","12345","{volume}","{quote}","1"]"#)
    };
    let list: Vec<String> = minutes.iter().rev().map(row).collect();
    format!(r#"{{"code":"0","msg":"","data":[{}]}}"#, list.join(","))
}

#[test]
fn okx_feeds_markets_in_base_units_and_its_pages_of_candles_end_every_doubt() {
    let (server, folder, port, from_ms) = (Server::start(), tempfile::tempdir().unwrap(), free_port(), first_minute());
    let data = |channel: &str, which: &str, fields: &str| {
        format!(
            r#"{{"arg":{{"channel":"{channel}","instId":"{which}"}},"data":[{{"instId":"{which}",{fields},"ts":"{from_ms}"}}]}}"#
        )
    };
    // Over the connection of liquidations and that of markets alike: only the latter takes it. Trades are left out.
    let mut session: Vec<Step> = (2..20).chain(32..50).map(|id| Step::Send(okx_trade(from_ms, id))).collect();
    let book = r#""last":"1","askPx":"100.50","askSz":"300","bidPx":"99.5","bidSz":"7""#;
    session.push(Step::Send(data("tickers", "BTC-USDT-SWAP", book)));
    session.push(Step::Send(data("mark-price", "BTC-USDT-SWAP", r#""instType":"SWAP","markPx":"100.10""#)));
    session.push(Step::Send(data("index-tickers", "BTC-USDT", r#""idxPx":"100.20","open24h":"1""#)));
    let exchange = Exchange::start(Script {
        expects: vec!["mark-price"],
        greeting: Vec::new(),
        pulse: r#"{"arg":{"channel":"mark-price","instId":"ETH-USDT-SWAP"},"data":[{"instId":"ETH-USDT-SWAP","markPx":"1","ts":"1"}]}"#,
        keepalive: Some(("ping", "pong")),
        sessions: vec![session.clone(), session],
    });
    let (rest, minutes) = (Rest::start(), tape::minutes(from_ms, 10));
    rest.answer("/api/v5/public/instruments", r#"{"code":"0","data":[]}"#);
    // Two pages: the second is of what was before the first.
    let candles_of = "/api/v5/market/candles?instId=BTC-USDT-SWAP&bar=1m&after=";
    rest.answer(&format!("{candles_of}{}", minutes[4][0]), &okx_candles(&minutes[..4]));
    rest.answer(&format!("{candles_of}{}", minutes[0][0]), &okx_candles(&[]));
    rest.answer(candles_of, &okx_candles(&minutes[4..]));
    let settings = format!(
        "{QUICK}[venue.okx]\nurl = \"{}\"\nrest_url = \"{}\"\nmarkets = [\"BTC-USDT-SWAP\"]\n",
        exchange.url(),
        rest.url()
    );
    let mut running = Running::start(&mut stream(folder.path(), &url_of(&server), port, &settings, &["okx"]));
    let expected = tape::short_rows(&minutes);
    wait_until("every minute is the venue's", || candles(&server, OKX) == expected);
    let full = || server.connect().call(&["TICK.LAST", OKX, "FULL"]);
    wait_until("the index is there", || !full().field("index").is_null());
    let full = full();
    let got = ["bid", "bid_qty", "ask", "ask_qty", "mark", "index"].map(|name| full.field(name).text());
    assert_eq!(got, ["99.5", "0.07", "100.5", "3", "100.1", "100.2"]);
    assert_eq!(server.connect().call(&["TICK.INFO", OKX]).field("order").text(), "ID");
    running.terminate();
}
