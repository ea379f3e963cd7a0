//! What would go missing without a word: topics that a venue forgets to list, what came while nothing was subscribed yet,
//! and what waits for a price when a connection ends.

use super::support::running::stored;
use super::venues::{INVERSE, LINEAR, Scene, bybit_list};

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

#[test]
fn triggers_that_wait_for_a_price_go_out_when_their_connection_ends() {
    let scene = Scene::new("bitfinex", vec!["liq:global"], Vec::new(), "");
    let mut running = scene.run();
    scene.wait_health("ok");
    let row = |id: u64, price: &str| {
        let ts = 1_790_000_000_000 + id;
        format!(r#"[907,[["pos",{id},{ts},null,"tBTCF0:USTF0",-0.5,9000,null,0,1,null,{price}]]]"#)
    };
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
