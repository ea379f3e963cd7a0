//! Live markets against a real server: an exchange that cuts, repeats and leaves trades out, its REST interface, Redis
//! going away, the program dying.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing, reason = "tests")]

mod support;

use std::fmt::Write as _;

use support::exchange::{Exchange, Rest, Script, Step};
use support::program::Running;
use support::running::{QUICK, free_port, get, metric, stream};
use support::server::wait_until;
use support::tape::{self, MINUTE_MS, Made, first_minute, tenths};
use support::{Fault, Proxy, Server, durable_server, url_of};

const KEY: &str = "tick:binance-spot:{ABCUSDT}";
/// Trade `id` as spot tells it.
fn trade(from_ms: u64, id: u64) -> String {
    let Made { ts_ms, price, qty, is_buy } = tape::made(from_ms, id);
    let (price, qty, is_sell) = (tenths(price), tenths(qty), !is_buy);
    format!(
        r#"{{"stream":"abcusdt@trade","data":{{"e":"trade","E":{ts_ms},"s":"ABCUSDT","t":{id},"p":"{price}0","q":"{qty}","T":{ts_ms},"m":{is_sell},"M":true}}}}"#
    )
}

/// The venue's own candles of the same market: the rows, and the answer of REST.
fn klines(from_ms: u64, count: u64) -> (Vec<String>, String) {
    let minutes = tape::minutes(from_ms, count);
    let quoted = |(place, text): (usize, &String)| match place {
        0 | 6 | 8 => text.clone(),
        _ => format!("\"{text}\""),
    };
    let json =
        |row: &[String; 11]| format!("[{},\"0\"]", row.iter().enumerate().map(quoted).collect::<Vec<_>>().join(","));
    let answer: Vec<String> = minutes.iter().map(json).collect();
    (tape::rows(&minutes), format!("[{}]", answer.join(",")))
}

fn candles(server: &Server) -> Vec<String> {
    tape::candles(server, KEY)
}

fn fact(server: &Server, name: &str) -> i64 {
    tape::fact(server, KEY, name)
}

const BOOK: &str = r#"{"stream":"btcusdt@bookTicker","data":{"u":1,"s":"BTCUSDT","b":"1","B":"1","a":"2","A":"1"}}"#;

fn spot(sessions: Vec<Vec<Step>>) -> Exchange {
    let expects = vec!["btcusdt@bookTicker", "abcusdt@trade", "abcusdt@bookTicker"];
    Exchange::start(Script { expects, greeting: Vec::new(), pulse: BOOK, keepalive: None, sessions })
}

fn settings(exchange: &Exchange, rest: &Rest) -> String {
    let mut text = QUICK.to_owned();
    let _ = write!(
        text,
        "[markets]\ntail = 300\n[venue.binance-spot]\nurl = \"{}\"\nrest_url = \"{}\"\nmarkets = [\"ABCUSDT\"]\n",
        exchange.url(),
        rest.url()
    );
    text
}

#[test]
fn a_feed_with_cuts_repeats_and_gaps_ends_with_the_exchanges_own_candles() {
    let (server, folder, port, from_ms) = (Server::start(), tempfile::tempdir().unwrap(), free_port(), first_minute());
    let send = |ids: std::ops::Range<u64>| ids.map(|id| Step::Send(trade(from_ms, id))).collect::<Vec<_>>();
    // The feed begins in the middle of a minute; trades 20 to 31 are never sent; some come twice.
    let mut first = send(2..20);
    first.extend([Step::Ping, Step::Cut]);
    let mut second = send(32..40);
    second.extend([Step::Ping, Step::Close]);
    let third = send(36..50);
    let exchange = spot(vec![first, second, third]);
    let rest = Rest::start();
    let (rows, answer) = klines(from_ms, 9);
    rest.answer("/api/v3/klines?symbol=ABCUSDT&interval=1m", "[]");
    let mut running = Running::start(&mut stream(
        folder.path(),
        &url_of(&server),
        port,
        &settings(&exchange, &rest),
        &["binance-spot"],
    ));
    wait_until("all was sent", || exchange.finished() >= 3);
    wait_until("all is delivered", || fact(&server, "ticks") >= 36);
    assert_eq!(exchange.faults(), Vec::<String>::new());
    // What was sent is there once; what is doubtful says so.
    assert!(candles(&server).iter().any(|row| row.ends_with("partial")), "{:?}", candles(&server));
    assert_eq!(fact(&server, "ticks"), 36);
    assert!(metric(port, "liq_ingest_events_total", "venue=\"binance-spot\"") >= 40.0);
    // By now the venue has its candles, of which it is asked at every connection.
    rest.answer("/api/v3/klines?symbol=ABCUSDT&interval=1m", &answer);
    running.terminate();
    let mut running = Running::start(&mut stream(
        folder.path(),
        &url_of(&server),
        port,
        &settings(&exchange, &rest),
        &["binance-spot"],
    ));
    wait_until("the venue's candles are there", || {
        candles(&server).iter().take(9).all(|row| row.ends_with(" closed")) && candles(&server).len() == 10
    });
    assert_eq!(candles(&server)[..9], rows);
    wait_until("all is well", || get(port, "/healthz").is_some_and(|(status, _)| status == 200));
    running.terminate();
}

#[test]
fn trades_count_once_when_redis_goes_away_or_either_side_is_killed() {
    let (folder, port, from_ms) = (tempfile::tempdir().unwrap(), free_port(), first_minute());
    let mut server = durable_server();
    let proxy = Proxy::before(&server);
    let (exchange, rest) = (spot(Vec::new()), Rest::start());
    rest.answer("/api/v3/klines", "[]");
    let start = || {
        Running::start(&mut stream(folder.path(), &proxy.url(), port, &settings(&exchange, &rest), &["binance-spot"]))
    };
    let mut running = start();
    let mut sent = 0;
    for round in 0..4 {
        wait_until("the venue is connected", || metric(port, "liq_ingest_connected", "") == 1.0);
        match round {
            0 => proxy.set(Fault::Refuse),
            1 => proxy.set(Fault::CutAfter(150)),
            2 => proxy.cut(),
            _ => server.kill_and_restart(),
        }
        let before = metric(port, "liq_ingest_received_total", "");
        for id in sent..sent + 30 {
            exchange.send(trade(from_ms, id));
        }
        sent += 30;
        wait_until("the trades are on the spool", || metric(port, "liq_ingest_received_total", "") >= before + 30.0);
        if round == 0 {
            running.kill();
            running = start();
        }
        proxy.set(Fault::None);
        wait_until("all is delivered", || fact(&server, "ticks") as u64 >= sent);
    }
    running.terminate();
    assert_eq!(fact(&server, "ticks") as u64, sent);
    // The venue's rule of counting: none is missing, none came twice.
    let (rows, _) = klines(from_ms, 24);
    let got = candles(&server);
    assert_eq!(got.len(), 24);
    // Nothing is known of what was before the first trade.
    assert_eq!(got[0], rows[0].replace(" closed", " partial"));
    assert_eq!(got[1..], rows[1..]);
}

#[test]
fn quotes_are_the_newest_and_a_market_that_is_gone_comes_back_with_its_options() {
    let (server, folder, port, from_ms) = (Server::start(), tempfile::tempdir().unwrap(), free_port(), first_minute());
    let (exchange, rest) = (spot(Vec::new()), Rest::start());
    rest.answer("/api/v3/klines", "[]");
    let mut running = Running::start(&mut stream(
        folder.path(),
        &url_of(&server),
        port,
        &settings(&exchange, &rest),
        &["binance-spot"],
    ));
    wait_until("the venue is connected", || metric(port, "liq_ingest_connected", "") == 1.0);
    for n in 0..50 {
        exchange.send(format!(
            r#"{{"stream":"abcusdt@bookTicker","data":{{"u":{n},"s":"ABCUSDT","b":"{}.5","B":"3","a":"{}.75","A":"4"}}}}"#,
            100 + n,
            100 + n
        ));
    }
    let last = |server: &Server| server.connect().call(&["TICK.LAST", KEY, "FULL"]);
    wait_until("the last quote is there", || {
        let last = last(&server);
        !last.field("ask").is_null() && last.field("ask").text() == "149.75"
    });
    assert_eq!(
        (last(&server).field("bid").text(), last(&server).field("bid_qty").text()),
        ("149.5".into(), "3".into())
    );
    assert_eq!(fact(&server, "tail"), 300);
    exchange.send(trade(from_ms, 1));
    wait_until("a trade is there", || fact(&server, "ticks") == 1);
    server.connect().run("FLUSHALL").ok();
    exchange.send(trade(from_ms, 2));
    wait_until("it came back", || fact(&server, "ticks") == 1);
    let info = server.connect().call(&["TICK.INFO", KEY]);
    assert_eq!((info.field("tail").int(), info.field("order").text()), (300, "ID".into()));
    running.terminate();
}

#[test]
fn a_heartbeat_closes_the_candle_of_a_perpetual_that_nobody_trades() {
    let (server, folder, port, from_ms) = (Server::start(), tempfile::tempdir().unwrap(), free_port(), first_minute());
    // The control stream says that the minute has been over for longer than the market waits.
    let pulse = format!(
        r#"{{"stream":"btcusdt@markPrice@1s","data":{{"e":"markPriceUpdate","E":{},"s":"BTCUSDT","p":"5","i":"6"}}}}"#,
        from_ms + MINUTE_MS + 2_000
    );
    let pulse: &'static str = Box::leak(pulse.into_boxed_str());
    let trade = |name: &str, first: u64| {
        format!(
            r#"{{"e":"aggTrade","E":{0},"T":{0},"s":"{name}","a":1,"f":{first},"l":{1},"p":"5.5","q":"3","m":false}}"#,
            from_ms + 5,
            first + 2
        )
    };
    // Over the connection of liquidations and that of trades alike: only markets that are fed over one take it.
    let session = [trade("OTHERUSDT", 1), trade("ABCUSDT", 7), pulse.to_owned(), pulse.to_owned()].map(Step::Send);
    let sessions = vec![session.to_vec(), session.to_vec()];
    let expects = vec!["btcusdt@markPrice@1s"];
    let exchange = Exchange::start(Script { expects, greeting: Vec::new(), pulse, keepalive: None, sessions });
    let rest = Rest::start();
    rest.answer("/fapi/v1/klines", "[]");
    let settings = format!(
        "{QUICK}[markets]\ncloses = \"closes:{{%symbol}}\"\n[venue.binance-um]\nurl = \"{}\"\nrest_url = \"{}\"\n\
         markets = [\"ABCUSDT\"]\nfeeds = [\"trades\", \"marks\"]\n",
        exchange.url(),
        rest.url()
    );
    let mut running = Running::start(&mut stream(folder.path(), &url_of(&server), port, &settings, &["binance-um"]));
    let has_asked = |topic: &str| exchange.texts().iter().any(|text| text.contains(topic));
    wait_until("all is subscribed", || has_asked("abcusdt@aggTrade") && has_asked("!forceOrder@arr"));
    assert!(has_asked("abcusdt@markPrice@1s") && !has_asked("bookTicker"));
    wait_until("its candle was announced", || server.connect().run("XLEN closes:{ABCUSDT}").int() == 1);
    let row = server.connect().run("CANDLE.RANGE tick:binance-um:{ABCUSDT} 1m CLOSED");
    assert_eq!(row.array()[0].array()[8].int(), 3, "three trades in one");
    assert_eq!(server.connect().run("EXISTS tick:binance-um:{OTHERUSDT} tick:binance-um:{BTCUSDT}").int(), 0);
    running.terminate();
}

#[test]
fn spot_without_markets_and_markets_of_venues_that_cannot_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        ("", "venue.binance-spot: has no liquidations"),
        (
            "[venue.deribit]\nmarkets = [\"BTC-PERPETUAL\"]\n",
            "venue.deribit: only binance-um, binance-spot, bybit, okx can be streamed",
        ),
        ("[venue.bybit]\nmarkets = [\"BTCUSD\"]\n", "no decimal of base units, got 'BTCUSD'"),
        ("[venue.binance-spot]\nfeeds = [\"trade\"]\n", "unknown variant `trade`"),
        ("[markets]\ncolour = \"red\"\n", "line 3: markets.colour: "),
        (
            "[markets]\nkey = \"t:{%symbol}\"\n[venue.binance-spot]\nmarkets = [\"A\"]\n[venue.binance-um]\nmarkets = [\"A\"]\n",
            "markets.key: must hold %venue where several are streamed",
        ),
    ];
    for (settings, words) in cases {
        let mut command = stream(folder.path(), "redis://127.0.0.1:1", free_port(), settings, &["binance-spot"]);
        command.stderr(std::process::Stdio::piped());
        let said = support::program::fail(&mut command);
        assert!(said.contains(words), "{said}");
    }
}
