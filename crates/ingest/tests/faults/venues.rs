//! Venues refuse, delist, fall silent, end connections, and do not answer when asked.

use super::support::exchange::{Exchange, NO_ANSWER, Rest, Script, Step};
use super::support::frames::{DIALECTS, Dialect};
use super::support::program::{self, Running};
use super::support::running::{free_port, get, metric, stored, stream};
use super::support::server::wait_until;
use super::support::{Server, total, url_of};

const SETTINGS: &str = "silence_ms = 3000\nreconnect_ms = 20\nreconnect_max_ms = 200\nresubscribe_ms = 400\n";

/// One venue, its exchange and its REST interface, and the program between it and a server.
pub struct Scene {
    pub server: Server,
    pub folder: tempfile::TempDir,
    pub rest: Rest,
    pub exchange: Exchange,
    pub venue: &'static str,
    pub settings: String,
    pub port: u16,
}

pub fn dialect(venue: &str) -> &'static Dialect {
    DIALECTS.iter().find(|dialect| dialect.venue == venue).unwrap()
}

impl Scene {
    pub fn new(venue: &'static str, expects: Vec<&'static str>, sessions: Vec<Vec<Step>>, more: &str) -> Self {
        let dialect = dialect(venue);
        let exchange = Exchange::start(Script {
            expects,
            greeting: dialect.greeting.to_vec(),
            pulse: dialect.pulse,
            keepalive: dialect.keepalive,
            sessions,
        });
        let rest = Rest::start();
        let settings = format!(
            "[stream]\n{SETTINGS}{more}\n[series]\nclock = \"EVENT\"\nretention = \"31d\"\n[venue.{venue}]\nurl = \"{}\"\nrest_url = \"{}\"\n",
            exchange.url(),
            rest.url()
        );
        let (server, folder, port) = (Server::start(), tempfile::tempdir().unwrap(), free_port());
        Self { server, folder, rest, exchange, venue, settings, port }
    }

    pub fn run(&self) -> Running {
        let url = url_of(&self.server);
        Running::start(&mut stream(self.folder.path(), &url, self.port, &self.settings, &[self.venue]))
    }

    pub fn metric(&self, name: &str) -> f64 {
        metric(self.port, &format!("liq_ingest_{name}"), "")
    }

    pub fn wait_health(&self, what: &str) {
        wait_until(&format!("health says {what}"), || {
            get(self.port, "/healthz").is_some_and(|(_, text)| text.contains(what))
        });
    }

    pub fn wait_stored(&self, count: u64) {
        wait_until("all is stored", || stored(&self.server) >= count);
    }
}

pub fn bybit_list(symbols: &[String]) -> String {
    let list: Vec<String> =
        symbols.iter().map(|symbol| format!(r#"{{"symbol":"{symbol}","status":"Trading"}}"#)).collect();
    format!(r#"{{"result":{{"list":[{}],"nextPageCursor":""}}}}"#, list.join(","))
}

pub const LINEAR: &str = "/v5/market/instruments-info?category=linear";
pub const INVERSE: &str = "/v5/market/instruments-info?category=inverse";

#[test]
fn a_refused_topic_takes_no_other_along_is_told_and_tried_again() {
    let scene = Scene::new("bybit", vec!["tickers.BTCUSDT"], Vec::new(), "");
    let symbols: Vec<String> = (0..10).map(|n| format!("S{n}USDT")).collect();
    scene.rest.answer(LINEAR, &bybit_list(&symbols));
    scene.rest.answer(INVERSE, &bybit_list(&[]));
    scene.exchange.refuse("S7USDT");
    let mut running = scene.run();
    scene.wait_health("bybit linear 1: refuses 1 of 11 subscriptions: allLiquidation.S7USDT");
    assert_eq!(get(scene.port, "/healthz").unwrap().0, 503);
    let frame = |symbol: &str, n: u64| {
        let ts = 1_790_000_000_000 + n;
        format!(
            r#"{{"topic":"allLiquidation.{symbol}","type":"snapshot","ts":{ts},"data":[{{"T":{ts},"s":"{symbol}","S":"Buy","v":"1","p":"2"}}]}}"#
        )
    };
    for (n, symbol) in symbols.iter().enumerate().filter(|(n, _)| *n != 7) {
        scene.exchange.send(frame(symbol, n as u64));
    }
    scene.wait_stored(9);
    // Each of the nine was asked for in a request that was accepted, and the tenth again and again.
    scene.exchange.accept_all();
    scene.wait_health("ok");
    assert_eq!(scene.metric("connects_total"), 1.0, "a refusal is no reason to connect anew");
    running.terminate();
    assert_eq!(stored(&scene.server), 9);
}

#[test]
fn a_refused_channel_of_all_liquidations_is_asked_for_again() {
    for (venue, refused, expects) in [
        ("bitfinex", "liq:global", "deriv:tBTCF0:USTF0"),
        ("bitmex", "liquidation", "instrument:XBTUSD"),
        ("okx", "liquidation-orders", "mark-price"),
        ("deribit", "trades.future.ETH.100ms", "deribit_price_index"),
        ("binance-um", "!forceOrder@arr", "markPrice"),
    ] {
        let scene = Scene::new(venue, vec![expects], Vec::new(), "");
        scene.rest.answer("/api/v5/public/instruments", r#"{"data":[]}"#);
        scene.rest.answer("/api/v1/instrument/active", "[]");
        scene.exchange.refuse(refused);
        let mut running = scene.run();
        scene.wait_health("refuses");
        scene.exchange.accept_all();
        scene.wait_health("ok");
        scene.exchange.send((dialect(venue).frame)(1));
        scene.wait_stored(1);
        running.terminate();
    }
}

#[test]
fn a_subscription_that_nobody_answers_is_told_and_asked_for_again() {
    let scene = Scene::new("bybit", vec!["tickers.BTCUSDT"], Vec::new(), "");
    let symbols: Vec<String> = (0..3).map(|n| format!("S{n}USDT")).collect();
    scene.rest.answer(LINEAR, &bybit_list(&symbols));
    scene.rest.answer(INVERSE, &bybit_list(&[]));
    scene.exchange.ignore("S1USDT");
    let mut running = scene.run();
    // All of a request goes unanswered: the control stream, which sends all the same, and three symbols.
    scene.wait_health("bybit linear 1: acknowledges 0 of 4 subscriptions");
    assert_eq!(get(scene.port, "/healthz").unwrap().0, 503);
    scene.exchange.accept_all();
    scene.wait_health("ok");
    assert_eq!(scene.metric("connects_total"), 1.0, "slowness is no reason to connect anew");
    running.terminate();
}

#[test]
fn a_venue_that_lists_nothing_is_red_and_asked_until_it_does() {
    let scene = Scene::new("bybit", vec!["tickers.BTCUSDT"], Vec::new(), "");
    scene.rest.answer_with(LINEAR, "429 Too Many Requests", "");
    let mut running = scene.run();
    scene.wait_health("bybit: instruments cannot be listed: http status: 429");
    scene.rest.answer_with(LINEAR, NO_ANSWER, "");
    scene.wait_health("bybit: instruments cannot be listed: no answer yet");
    assert!(scene.metric("listing_failures_total") >= 1.0);
    scene.rest.answer(LINEAR, &bybit_list(&["ICPUSDT".to_owned()]));
    scene.rest.answer(INVERSE, &bybit_list(&[]));
    // The question that hangs is given up after 15 s; the next one is answered.
    scene.wait_health("ok");
    scene.exchange.send((dialect("bybit").frame)(1));
    scene.wait_stored(2);
    running.terminate();
    assert_eq!(stored(&scene.server), 2);
}

#[test]
fn a_venue_that_wants_to_be_left_alone_is() {
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + std::time::Duration::from_secs(3_600));
    for after in ["3600", &date] {
        let scene = Scene::new("bybit", vec!["tickers.BTCUSDT"], Vec::new(), "");
        scene.rest.answer_with(LINEAR, &format!("429 Too Many Requests\r\nRetry-After: {after}"), "");
        let mut running = scene.run();
        scene.wait_health("bybit: instruments cannot be listed: http status: 429");
        // Else it would ask several times in a second.
        std::thread::sleep(std::time::Duration::from_secs(1));
        assert_eq!(scene.rest.asked().len(), 1, "{after}");
        running.terminate();
    }
}

#[test]
fn what_was_held_for_a_list_that_never_came_is_told_at_the_end() {
    let scene = Scene::new("okx", vec!["liquidation-orders"], Vec::new(), "");
    scene.rest.answer_with("/api/v5/public/instruments", "503 Service Unavailable", "");
    let mut running = scene.run();
    scene.wait_health("okx: instruments cannot be listed");
    (0..5).for_each(|n| scene.exchange.send(okx_frame("DOGE-USDT-SWAP", n)));
    scene.exchange.send(okx_frame("BTC-USDT-SWAP", 99));
    scene.wait_stored(1);
    running.terminate();
    let log = std::fs::read_to_string(scene.folder.path().join("log")).unwrap();
    assert!(log.contains("events of contracts that nobody knows are lost") && log.contains("events=5"), "{log}");
}

#[test]
fn what_is_listed_later_is_subscribed_over_the_connection_that_stands() {
    let scene = Scene::new("bybit", vec!["tickers.BTCUSDT"], Vec::new(), "relist_ms = 300\n");
    let symbols = |count: usize| (0..count).map(|n| format!("S{n}USDT")).collect::<Vec<_>>();
    scene.rest.answer(LINEAR, &bybit_list(&symbols(2)));
    scene.rest.answer(INVERSE, &bybit_list(&[]));
    let mut running = scene.run();
    scene.wait_health("ok");
    // One is new and one is gone.
    scene.rest.answer(LINEAR, &bybit_list(&symbols(3)[1..]));
    wait_until("it is asked for", || scene.exchange.texts().iter().any(|text| text.contains("allLiquidation.S2USDT")));
    scene.wait_health("ok");
    assert_eq!((scene.metric("connects_total"), scene.metric("disconnects_total")), (1.0, 0.0));
    running.terminate();
}

fn okx_frame(instrument: &str, n: u64) -> String {
    format!(
        r#"{{"arg":{{"channel":"liquidation-orders","instType":"SWAP"}},"data":[{{"details":[{{"bkPx":"100","posSide":"net","side":"sell","sz":"7","ts":"{}"}}],"instFamily":"X","instId":"{instrument}","instType":"SWAP"}}]}}"#,
        1_790_000_000_000 + n
    )
}

#[test]
fn events_of_unknown_contracts_wait_for_the_list_and_the_list_is_remembered() {
    let scene = Scene::new("okx", vec!["liquidation-orders"], Vec::new(), "");
    let path = "/api/v5/public/instruments";
    scene.rest.answer_with(path, "503 Service Unavailable", "");
    let mut running = scene.run();
    scene.wait_health("okx: instruments cannot be listed");
    for n in 0..20 {
        scene.exchange.send(okx_frame("DOGE-USDT-SWAP", n));
    }
    scene.exchange.send(okx_frame("BTC-USDT-SWAP", 99));
    // The built-in contract is known at once.
    scene.wait_stored(1);
    wait_until("it goes on asking", || scene.rest.asked().len() > 2);
    let doge = r#"{"instId":"DOGE-USDT-SWAP","ctVal":"1000","ctMult":"1","ctType":"linear"}"#;
    scene.rest.answer(path, &format!(r#"{{"data":[{doge}]}}"#));
    scene.wait_stored(21);
    scene.wait_health("ok");
    // Listed a moment ago, and nobody was told: its first event has the list asked for.
    let new = r#"{"instId":"NEW-USDT-SWAP","ctVal":"10","ctMult":"1","ctType":"linear"}"#;
    scene.rest.answer(path, &format!(r#"{{"data":[{doge},{new}]}}"#));
    scene.exchange.send(okx_frame("NEW-USDT-SWAP", 200));
    scene.wait_stored(22);
    assert_eq!(scene.metric("rejects_total"), 0.0);
    running.terminate();

    // The next process knows them although nobody tells.
    scene.rest.answer_with(path, "429 Too Many Requests", "");
    let mut running = scene.run();
    wait_until("it is connected", || scene.metric("connected") == 1.0);
    scene.exchange.send(okx_frame("DOGE-USDT-SWAP", 300));
    scene.wait_stored(23);
    running.terminate();

    // And so does a replay.
    let file = scene.folder.path().join("frames.ndjson");
    std::fs::write(&file, okx_frame("NEW-USDT-SWAP", 400)).unwrap();
    let mut command = program::command(&scene.folder.path().join("state"));
    command.args(["--redis-url", &url_of(&scene.server), "replay", "--quiet"]).arg(&file);
    program::succeed(&mut command);
    assert_eq!(stored(&scene.server), 24);
}

#[test]
fn a_connection_is_left_only_when_the_next_one_is_whole() {
    let dialect = dialect("binance-um");
    let scene = Scene::new("binance-um", dialect.expects.to_vec(), Vec::new(), "lifetime_ms = 400\n");
    let mut running = scene.run();
    wait_until("it is connected", || scene.exchange.finished() > 0);
    let mut sent = 0;
    while scene.metric("disconnects_total") < 4.0 {
        scene.exchange.send((dialect.frame)(sent));
        sent += 1;
        std::thread::sleep(std::time::Duration::from_millis(5));
        if sent % 20 == 0 {
            assert!(scene.metric("connected") >= 1.0, "there was a moment without a connection");
        }
    }
    scene.wait_stored(sent);
    running.terminate();
    assert_eq!((stored(&scene.server), total(&scene.server, "total_duplicate")), (sent, 0));
    assert_eq!(scene.exchange.faults(), Vec::<String>::new());
}

/// The first moment that a question by REST is about, Unix milliseconds.
pub fn asked_from(path: &str) -> u64 {
    let named = ["?start=", "&start_timestamp=", "&before="];
    let value = named.iter().find_map(|name| path.split_once(name)).unwrap().1;
    value.split('&').next().unwrap().parse().unwrap()
}

/// What Bitfinex tells afterwards: two liquidations, right behind the moment from which on it is asked.
fn bitfinex_history(path: &str) -> String {
    let row = |n: u64| {
        let ts = asked_from(path) + n;
        format!(r#"[["pos",{},{ts},null,"tBTCF0:USTF0",-0.5,9135.5,null,0,1,null,9080.5]]"#, 10_000 + n)
    };
    format!("[{},{}]", row(1), row(2))
}

fn deribit_history(path: &str) -> String {
    if !path.contains("currency=BTC&") {
        return r#"{"result":{"trades":[],"has_more":false}}"#.to_owned();
    }
    let trade = |n: u64| {
        let ts = asked_from(path) + n;
        format!(
            r#"{{"trade_id":"late-{n}","timestamp":{ts},"price":100.5,"liquidation":"T","instrument_name":"BTC-PERPETUAL","direction":"sell","amount":1120}}"#
        )
    };
    format!(r#"{{"result":{{"trades":[{},{}],"has_more":false}}}}"#, trade(1), trade(2))
}

fn okx_history(path: &str) -> String {
    let detail = |n: u64| {
        let ts = asked_from(path) + n;
        format!(r#"{{"bkPx":"100","posSide":"net","side":"sell","sz":"{n}","ts":"{ts}"}}"#)
    };
    let order = format!(
        r#"{{"details":[{},{}],"instFamily":"BTC-USDT","instId":"BTC-USDT-SWAP","instType":"SWAP"}}"#,
        detail(1),
        detail(2)
    );
    format!(r#"{{"data":[{order}]}}"#)
}

#[test]
fn what_was_missed_is_asked_for_where_the_venue_tells_it() {
    type History = fn(&str) -> String;
    let venues: [(&str, &str, History); 3] = [
        ("bitfinex", "/v2/liquidations/hist", bitfinex_history),
        ("deribit", "/api/v2/public/get_last_trades_by_currency_and_time", deribit_history),
        ("okx", "/api/v5/public/liquidation-orders", okx_history),
    ];
    for (venue, path, history) in venues {
        let dialect = dialect(venue);
        let first: Vec<Step> = (0..3).map(|n| Step::Send((dialect.frame)(n))).chain([Step::Ping, Step::Cut]).collect();
        let scene = Scene::new(venue, dialect.expects.to_vec(), vec![first], "");
        scene.rest.answer_by(path, history);
        let known = r#"{"data":[{"instId":"BTC-USDT-SWAP","ctVal":"0.01","ctMult":"1","ctType":"linear"}]}"#;
        scene.rest.answer("/api/v5/public/instruments", known);
        let mut running = scene.run();
        wait_until(&format!("{venue} has told what was missed"), || scene.metric("repairs_total") == 2.0);
        let heard = 3 * dialect.per_frame();
        scene.wait_stored(heard + 2);
        assert_eq!(scene.metric("gap_seconds_total"), 0.0, "{venue}");
        running.terminate();
        assert_eq!(stored(&scene.server), heard + 2, "{venue}");
    }
}

#[test]
fn a_venue_that_never_tells_what_was_missed_holds_up_no_ending() {
    let dialect = dialect("bitfinex");
    let first = vec![Step::Send((dialect.frame)(0)), Step::Ping, Step::Cut];
    let scene = Scene::new("bitfinex", dialect.expects.to_vec(), vec![first], "");
    scene.rest.answer_with("/v2/liquidations/hist", NO_ANSWER, "");
    let mut running = scene.run();
    wait_until("it is asked", || !scene.rest.asked().is_empty());
    let asked_at = std::time::Instant::now();
    running.terminate();
    // An answer is given up after 15 s.
    assert!(asked_at.elapsed().as_secs() < 12, "it took {:?} to end", asked_at.elapsed());
    assert_eq!(stored(&scene.server), dialect.per_frame());
}

#[test]
fn triggers_without_a_price_are_priced_by_their_execution_or_named_an_estimate() {
    let scene = Scene::new("bitfinex", vec!["liq:global"], Vec::new(), "");
    let mut running = scene.run();
    wait_until("it is connected", || scene.exchange.finished() > 0);
    let ts = 1_790_000_000_000_u64;
    let row = |id: u64, ts: u64, symbol: &str, is_match: u8, price: &str| {
        format!(r#"[907,[["pos",{id},{ts},null,"{symbol}",-0.5,9000,null,{is_match},1,null,{price}]]]"#)
    };
    // A price of its own; one by the execution; one that nobody prices.
    scene.exchange.send(row(1, ts, "tBTCF0:USTF0", 0, "9100"));
    scene.exchange.send(row(2, ts + 1, "tBTCF0:USTF0", 0, "null"));
    scene.exchange.send(row(2, ts + 2, "tBTCF0:USTF0", 1, "9200"));
    scene.exchange.send(row(3, ts + 3, "tETHF0:USTF0", 0, "null"));
    scene.wait_stored(3);
    let prices = |key: &str| -> Vec<String> {
        let events = scene.server.connect().call(&["LIQ.RANGE", key, "-", "+"]);
        events.array().iter().map(|event| event.array()[2].text()).collect()
    };
    assert_eq!(prices("liq:{BTCUSDT}"), ["9100", "9200"]);
    assert_eq!(prices("liq:{ETHUSDT}"), ["9000"]);
    assert_eq!(scene.metric("estimates_total"), 1.0);
    running.terminate();
}
