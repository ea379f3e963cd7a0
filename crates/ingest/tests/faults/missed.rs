//! What would go missing without a word: topics that a venue forgets to list, what came while nothing was subscribed yet,
//! and what waits for a price when a connection ends.

use std::time::{SystemTime, UNIX_EPOCH};

use super::support::exchange::Step;
use super::support::running::stored;
use super::support::server::wait_until;
use super::venues::{INVERSE, LINEAR, Scene, asked_from, bybit_list, dialect};

fn symbols(count: usize) -> Vec<String> {
    (0..count).map(|n| format!("S{n}USDT")).collect()
}

fn liquidation(symbol: &str, n: u64) -> String {
    let ts = 1_790_000_000_000 + n;
    format!(
        r#"{{"topic":"allLiquidation.{symbol}","type":"snapshot","ts":{ts},"data":[{{"T":{ts},"s":"{symbol}","S":"Buy","v":"1","p":"2"}}]}}"#
    )
}

const NOTHING_LISTED: &str = "bybit: instruments cannot be listed: it lists nothing";

#[test]
fn an_empty_list_is_no_list_and_takes_no_topic_away() {
    let scene = Scene::new("bybit", vec!["tickers.BTCUSDT"], Vec::new(), "relist_ms = 300\n");
    // From the start, and when topics are subscribed.
    scene.rest.answer(LINEAR, &bybit_list(&[]));
    scene.rest.answer(INVERSE, &bybit_list(&[]));
    let mut running = scene.run();
    scene.wait_health(NOTHING_LISTED);
    scene.rest.answer(LINEAR, &bybit_list(&symbols(2)));
    scene.wait_health("ok");
    let none_trades = bybit_list(&symbols(2)).replace("Trading", "PreLaunch");
    scene.rest.answer(LINEAR, &none_trades);
    scene.wait_health(NOTHING_LISTED);
    scene.exchange.send(liquidation("S1USDT", 1));
    scene.wait_stored(1);
    scene.rest.answer(LINEAR, &bybit_list(&symbols(2)));
    scene.wait_health("ok");
    assert_eq!(scene.metric("connects_total"), 1.0);
    running.terminate();
}

fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64
}

#[test]
fn what_was_missed_is_asked_for_up_to_the_last_subscription_and_from_before_the_last_word() {
    let scene = Scene::new("bitfinex", dialect("bitfinex").expects.to_vec(), Vec::new(), "");
    scene.rest.answer("/v2/liquidations/hist", "[]");
    let mut running = scene.run();
    scene.wait_health("ok");
    // Over the next connection the liquidations are not subscribed for a while, though it ticks.
    scene.exchange.ignore("liq:global");
    let cut_at = now_ms();
    scene.exchange.cut();
    scene.wait_health("acknowledges 1 of 2 subscriptions");
    let whole_at = now_ms();
    scene.exchange.accept_all();
    wait_until("it is asked", || !scene.rest.asked().is_empty());
    let asked = scene.rest.asked().remove(0);
    // The venue's clock need not be this machine's.
    assert!(asked_from(&asked) + 2_000 <= cut_at, "{asked} of a cut at {cut_at}");
    let end = asked.split_once("&end=").unwrap().1.split('&').next().unwrap();
    assert!(end.parse::<u64>().unwrap() >= whole_at, "{asked}, whole at {whole_at}");
    running.terminate();
}

/// A liquidation of Bitfinex that was triggered.
fn position(id: u64, ts: u64, price: &str) -> String {
    format!(r#"["pos",{id},{ts},null,"tBTCF0:USTF0",-0.5,9000,null,0,1,null,{price}]"#)
}

#[test]
fn triggers_that_wait_for_a_price_go_out_when_their_connection_ends() {
    let scene = Scene::new("bitfinex", vec!["liq:global"], Vec::new(), "");
    let mut running = scene.run();
    scene.wait_health("ok");
    let row = |id: u64, price: &str| format!("[907,[{}]]", position(id, 1_790_000_000_000 + id, price));
    scene.exchange.send(row(1, "null"));
    scene.exchange.send(row(2, "9100"));
    scene.wait_stored(1);
    scene.exchange.cut();
    scene.wait_stored(2);
    scene.wait_health("ok");
    scene.exchange.send(row(3, "null"));
    scene.exchange.send(row(4, "9100"));
    scene.wait_stored(3);
    running.terminate();
    assert_eq!(stored(&scene.server), 4);
}

#[test]
fn a_trigger_that_was_priced_by_estimate_does_not_count_again_at_the_price_told_afterwards() {
    let scene = Scene::new("bitfinex", vec!["liq:global"], Vec::new(), "");
    let ts = now_ms();
    // The price was known in the end; and one that was not heard.
    scene.rest.answer("/v2/liquidations/hist", &format!("[{},{}]", position(1, ts, "9100"), position(2, ts, "9200")));
    let mut running = scene.run();
    scene.wait_health("ok");
    scene.exchange.send(format!("[907,[{}]]", position(1, ts, "null")));
    scene.exchange.send(format!("[907,[{}]]", position(3, ts, "9300")));
    scene.wait_stored(1);
    scene.exchange.cut();
    wait_until("it was asked", || scene.metric("repairs_total") >= 1.0);
    scene.wait_stored(3);
    running.terminate();
    assert_eq!(stored(&scene.server), 3);
}

/// The other way round: the trigger waits for its price, and meanwhile what was missed is asked for.
#[test]
fn a_trigger_that_was_told_by_rest_does_not_count_again_when_its_connection_ends() {
    let scene = Scene::new("bitfinex", vec!["liq:global"], Vec::new(), "");
    let ts = now_ms();
    scene.rest.answer("/v2/liquidations/hist", &format!("[{}]", position(5, ts, "9500")));
    let mut running = scene.run();
    scene.wait_health("ok");
    scene.exchange.send(format!("[907,[{}]]", position(4, ts, "9400")));
    scene.wait_stored(1);
    scene.exchange.cut();
    wait_until("it is back", || scene.exchange.connections() == 2);
    scene.exchange.send(format!("[907,[{}]]", position(5, ts, "null")));
    scene.exchange.send(format!("[907,[{}]]", position(6, ts, "9600")));
    wait_until("it was asked", || scene.metric("repairs_total") >= 1.0);
    scene.wait_stored(3);
    running.terminate();
    assert_eq!(stored(&scene.server), 3);
}

/// Seven hundred, 500 at a time.
fn pages_of_bitfinex(path: &str) -> String {
    let asked = asked_from(path);
    let first = FIRST.get_or_init(|| asked);
    let row = |n: &u64| {
        let ts = first + 1 + n;
        position(1_000 + n, ts, "9100")
    };
    let rows: Vec<String> = (0..700).filter(|n| first + 1 + n >= asked).take(500).map(|n| row(&n)).collect();
    format!("[{}]", rows.join(","))
}

static FIRST: std::sync::OnceLock<u64> = std::sync::OnceLock::new();

#[test]
fn more_than_a_page_was_missed() {
    let scene = Scene::new("bitfinex", vec!["liq:global"], Vec::new(), "");
    scene.rest.answer_by("/v2/liquidations/hist", pages_of_bitfinex);
    let mut running = scene.run();
    scene.wait_health("ok");
    let ts = now_ms();
    scene.exchange.send(format!("[907,[{}]]", position(1, ts, "9400")));
    scene.wait_stored(1);
    scene.exchange.cut();
    scene.wait_stored(701);
    running.terminate();
    assert_eq!(stored(&scene.server), 701);
}

/// OKX is asked of each family of contracts: one that it refuses, as when it was delisted, takes nothing from the others.
fn families_of_okx(path: &str) -> String {
    if path.contains("instFamily=GONE-USDT&") {
        return r#"{"code":"51000","msg":"Parameter instFamily error","data":[]}"#.to_owned();
    }
    let ts = asked_from(path) + 1;
    format!(
        r#"{{"code":"0","data":[{{"details":[{{"bkPx":"100","posSide":"net","side":"sell","sz":"7","ts":"{ts}"}}],"instFamily":"BTC-USDT","instId":"BTC-USDT-SWAP","instType":"SWAP"}}]}}"#
    )
}

#[test]
fn a_part_that_is_refused_takes_nothing_from_the_others_and_is_counted() {
    let dialect = dialect("okx");
    let first = vec![Step::Send((dialect.frame)(0)), Step::Ping, Step::Cut];
    let scene = Scene::new("okx", dialect.expects.to_vec(), vec![first], "");
    scene.rest.answer_by("/api/v5/public/liquidation-orders", families_of_okx);
    let contract = |name: &str| format!(r#"{{"instId":"{name}-SWAP","ctVal":"0.01","ctMult":"1","ctType":"linear"}}"#);
    let known = format!(r#"{{"data":[{},{}]}}"#, contract("GONE-USDT"), contract("BTC-USDT"));
    scene.rest.answer("/api/v5/public/instruments", &known);
    let mut running = scene.run();
    scene.wait_stored(dialect.per_frame() + 1);
    wait_until("what is lacking counts", || scene.metric("gap_seconds_total") > 0.0);
    running.terminate();
    assert_eq!(stored(&scene.server), dialect.per_frame() + 1);
}
