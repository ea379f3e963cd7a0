//! Quotes and heartbeats: each source for itself, and time passes.

use liq_core::grammar::Args;
use liq_core::market::candle::RememberedWindow;
use liq_core::market::request::{Last, QuoteRequest};
use liq_core::market::store::{Changes, Market, Time};

use crate::tape::{NEVER, add, early, market};

const M: u64 = 1_723_161_300_000;

fn quote(market: &mut Market, words: &str) -> (&'static str, usize) {
    let words: Vec<&[u8]> = words.split_whitespace().map(str::as_bytes).collect();
    let quote = QuoteRequest::parse(Args::new(&words)).unwrap().resolve(0);
    let verdict = market.judge_quote(&quote, early(), NEVER);
    let mut changes = Changes::default();
    market.record_quote(&quote, &verdict, Some(&mut changes));
    market.check();
    (verdict.status.name(), changes.closed().count())
}

fn last(market: &Market, words: &str, now_ms: u64) -> liq_core::market::reply::LastReply {
    let words: Vec<&[u8]> = words.split_whitespace().map(str::as_bytes).collect();
    market.last(&Last::parse(Args::new(&words)).unwrap(), Time::new(now_ms, 60_000), &mut RememberedWindow::default())
}

#[test]
fn each_source_is_taken_for_itself() {
    let mut market = market("");
    assert_eq!(quote(&mut market, &format!("{M} BID 100 1 ASK 101.01 2")).0, "accepted");
    assert_eq!(quote(&mut market, &format!("{} BID 99 1 MARK 100.5", M - 1)).0, "accepted", "the mark is new");
    assert_eq!(quote(&mut market, &format!("{} BID 99 1", M - 1)).0, "late");
    assert_eq!(quote(&mut market, &format!("{} ASK 102 2", M + 500)).0, "accepted");
    let full = last(&market, "BY mid FULL", M + 1_000);
    assert_eq!((full.price.unwrap().to_string(), full.ts_ms), ("101".to_owned(), Some(M)), "as old as the older");
    assert_eq!(full.bid.value().unwrap().to_string(), "100");
    assert_eq!(full.mark_ts_ms.value(), Some(M - 1));
    assert_eq!((full.age_ms, full.stale), (Some(1_000), Some(false)));
    assert_eq!(full.qty.value(), None, "no trade yet");
    let old = last(&market, "BY mark MAXAGE 1s", M + 10_000);
    assert_eq!((old.price, old.age_ms, old.stale), (None, Some(10_001), Some(true)));
    assert_eq!(last(&market, "", M).price, None);
}

#[test]
fn heartbeats_close_candles_of_a_market_that_does_not_trade() {
    let mut market = market("");
    add(&mut market, &format!("{M} buy 100 1"));
    assert_eq!(quote(&mut market, &format!("{}", M + 60_999)), ("accepted", 0), "GRACE waits for late trades");
    assert_eq!(quote(&mut market, &format!("{}", M + 61_000)), ("accepted", 1));
    assert_eq!(quote(&mut market, &format!("{}", M + 62_000)), ("accepted", 0), "once");
    assert_eq!(quote(&mut market, &format!("{}", M)).0, "late");
    // A trade in the closed candle is the newest, and amends it.
    let (status, closed) = add(&mut market, &format!("{} buy 101 1", M + 1_000));
    assert_eq!((status.name(), closed.len()), ("accepted", 0));
    assert_eq!(last(&market, "", M + 62_000).price.unwrap().to_string(), "101");
}

#[test]
fn a_window_is_the_venues_ticker() {
    let mut market = market("KEEP 1m 3 KEEP 5m 3");
    for minute in 0..40 {
        add(&mut market, &format!("{} buy {} 2", M + minute * 60_000 + 7, 100 + minute));
    }
    let now = M + 39 * 60_000 + 30_000;
    let ticker = last(&market, "WINDOW 2m", now);
    assert_eq!(ticker.from_ms.value(), Some(M + 37 * 60_000), "the minute that contains now − 2m");
    assert_eq!(ticker.trades.value(), Some(3));
    assert_eq!(ticker.open.value().unwrap().to_string(), "137");
    assert_eq!(ticker.volume.value().unwrap().to_string(), "6");
    assert_eq!(ticker.vwap.value(), Some(138.0));
    assert_eq!(ticker.change_pct.value(), Some((139.0 - 137.0) / 137.0 * 100.0));
    let all = last(&market, "WINDOW 1d", now);
    assert_eq!(all.trades.value(), Some(40));
    let at = last(&market, &format!("AT {}", M + 10 * 60_000), now);
    assert_eq!(at.price.unwrap().to_string(), "109", "the newest not after");
}
