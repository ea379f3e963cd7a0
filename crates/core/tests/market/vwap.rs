//! The VWAP that series judge by: what there is when there is none, and what asking for it again costs.

use liq_core::grammar::Args;
use liq_core::market::candle::{Remembered, RememberedWindow};
use liq_core::market::request::{Last, Put};
use liq_core::market::store::{Market, Time};
use liq_core::steps;

use crate::tape::{NEVER, add, early, market};

const M: u64 = 1_700_000_040_000;
const HOUR_MS: u64 = 3_600_000;

fn anew(market: &Market, now_ms: u64, window_ms: u64) -> Option<f64> {
    market.vwap(now_ms, window_ms, &mut Remembered::default())
}

fn put(market: &mut Market, words: &str) {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    let request = Put::parse(Args::new(&words), 100).unwrap();
    let unit = request.unit;
    let (rows, _) = market.ended_rows(unit, &request.rows, Time::new(NEVER, 0));
    market.put_rows(unit, rows, false, None);
}

#[test]
fn a_window_without_a_trade_has_none() {
    let mut market = market("");
    assert_eq!(anew(&market, M, HOUR_MS), None, "nothing was traded at all");
    add(&mut market, &format!("{M} buy 100 0"));
    assert_eq!(anew(&market, M, HOUR_MS), None, "a price without a trade");
    add(&mut market, &format!("{} buy 100 2", M + 1));
    add(&mut market, &format!("{} buy 103 1", M + 2));
    assert_eq!(anew(&market, M, HOUR_MS), Some(101.0));
    assert_eq!(anew(&market, M + HOUR_MS, HOUR_MS), Some(101.0), "the minute in which the window begins counts");
    assert_eq!(anew(&market, M + HOUR_MS + 60_000, HOUR_MS), None, "all of it is older");
    assert_eq!(anew(&market, M - 60_000, HOUR_MS), None, "all of it is yet to come");
}

#[test]
fn dust_and_rows_that_do_not_tell_give_none_and_nothing_infinite() {
    let mut dust = market("");
    add(&mut dust, &format!("{M} buy 0.000000000001 0.000000000000001"));
    assert_eq!(anew(&dust, M, HOUR_MS), None, "its worth is below all digits");
    let mut rows = market("");
    put(&mut rows, &format!("1m OHLCV {M} 100 100 100 100 5"));
    add(&mut rows, &format!("{} buy 100 2", M + 60_000));
    assert_eq!(anew(&rows, M + 60_000, HOUR_MS), None, "a row of six columns tells no quote volume");
    assert_eq!(anew(&rows, M + HOUR_MS + 60_000, HOUR_MS), Some(100.0), "it has left the window");
}

#[test]
fn it_is_the_vwap_of_the_ticker() {
    let mut market = market("KEEP 1m 30 KEEP 5m 30");
    for minute in 0..100_u64 {
        add(&mut market, &format!("{} buy {}.25 0.{}", M + minute * 60_000, 100 + minute * 7 % 13, 1 + minute % 9));
    }
    let now_ms = M + 99 * 60_000;
    for window in ["1m", "15m", "1h", "2h", "7d"] {
        let request = Last::parse(Args::new(&[b"WINDOW", window.as_bytes()])).unwrap();
        let window_ms = request.window_ms.unwrap();
        let time = Time { server_ms: now_ms, ..early() };
        let ticker = market.last(&request, time, &mut RememberedWindow::default());
        assert_eq!(anew(&market, now_ms, window_ms), ticker.vwap.value(), "{window}");
        assert!(ticker.vwap.value().is_some());
    }
}

#[test]
fn asking_again_costs_nothing_while_only_the_newest_candle_changes() {
    let mut market = market("KEEP 1s 100000 TAIL 0 ANNOUNCE 1h");
    let mut remembered = Remembered::default();
    for second in 0..20_000_u64 {
        add_unchecked(&mut market, M + second * 1_000);
    }
    let now_ms = M + 19_999 * 1_000;
    let mut ask = |market: &Market, now_ms: u64| {
        let before = steps::taken();
        assert!(market.vwap(now_ms, 5 * HOUR_MS, &mut remembered).is_some());
        steps::taken() - before
    };
    let first = ask(&market, now_ms);
    assert!((1..=20_000 / 60 + 200).contains(&first), "{first} steps for 300 blocks");
    for within in 1..900 {
        add_unchecked(&mut market, now_ms + within);
        assert_eq!(ask(&market, now_ms + within), 0, "the newest candle alone has changed");
    }
    add_unchecked(&mut market, now_ms + 1_000);
    assert!(ask(&market, now_ms + 1_000) > 0, "another candle is the newest");
}

/// Adds without looking at every invariant.
fn add_unchecked(market: &mut Market, ts_ms: u64) {
    let line = crate::tape::Line {
        ts_ms,
        side: liq_core::market::tape::Side::Buy,
        price: crate::tape::decimal("100.5"),
        qty: crate::tape::decimal("0.5"),
        id: None,
    };
    assert!(crate::tape::feed(market, &line).is_recorded());
}
