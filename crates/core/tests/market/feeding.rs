//! What becomes of a tick, and what is told of candles.

use liq_core::grammar::Args;
use liq_core::market::request::Madd;
use liq_core::market::store::{AlterError, OptionsPatch, Quote, Status};
use liq_core::market::tape::Side;
use liq_core::steps;

use crate::tape::{Line, NEVER, add, decimal, early, feed, market, rows};

const M: u64 = 1_723_161_300_000;

fn status(market: &mut liq_core::market::store::Market, words: &str) -> &'static str {
    add(market, words).0.name()
}

#[test]
fn the_first_status_that_holds_is_the_one() {
    let mut id = market("ORDER ID KEEP 1m 2 KEEP 5m 1 KEEP 1h 0 KEEP 1d 0 MAXJUMP 10");
    let cases = [
        (format!("{M} buy 100 1 ID 50"), "accepted"),
        (format!("{M} buy 100 1 ID 50"), "duplicate"),
        (format!("{M} buy 100 1"), "duplicate"),
        (format!("{} buy 111 1 ID 51", M + 1), "suspect"),
        (format!("{} buy - 1 ID 52", M + 1), "void"),
        (format!("{} buy - 1 ID 52", M + 1), "duplicate"),
        (format!("{} buy 101 1 ID 53", M + 120_000), "accepted"),
        (format!("{} buy 101 1 ID 54", M + 110_000), "amended"),
        (format!("{} buy 101 1 ID 51", M + 119_999), "amended"),
        (format!("{} buy 101 1 ID 40", M + 120_000), "merged"),
        (format!("{} buy 101 1 ID 60-62", M + 180_000), "accepted"),
        (format!("{} buy 101 1 ID 59", M + 59_999), "late"),
        (format!("{} buy 101 1 ID 61", M + 180_001), "duplicate"),
        (format!("{} buy 101 1 ID 62-63", M + 180_001), "duplicate"),
    ];
    for (words, expected) in cases {
        assert_eq!(status(&mut id, &words), expected, "{words}");
    }
}

#[test]
fn with_order_time_an_id_is_a_name_within_the_tail() {
    let mut time = market("TAIL 3");
    for (words, expected) in [
        (format!("{M} buy 100 1 ID a"), "accepted"),
        (format!("{M} buy 100 1"), "accepted"),
        (format!("{M} buy 100 1"), "accepted"),
        (format!("{M} sell 100 1 ID a"), "duplicate"),
        (format!("{M} buy 100 1"), "accepted"),
        (format!("{M} sell 100 1 ID a"), "accepted"),
    ] {
        assert_eq!(status(&mut time, &words), expected, "{words}");
    }
    assert_eq!(rows(&time, "1m")[0].candle.trades, Some(5));
}

#[test]
fn the_third_jump_in_a_row_is_believed() {
    let mut market = market("MAXJUMP 1");
    for (price, expected) in [
        ("100", "accepted"),
        ("101", "accepted"),
        ("102.02", "suspect"),
        ("101.5", "accepted"),
        ("150", "suspect"),
        ("151", "suspect"),
        ("190", "suspect"),
        ("191", "suspect"),
        ("190.5", "accepted"),
        ("190", "accepted"),
    ] {
        assert_eq!(status(&mut market, &format!("{M} buy {price} 1")), expected, "{price}");
    }
}

/// Late trades that are believed leave no doubt behind: the next newest price is the first again.
#[test]
fn a_row_of_jumps_ends_with_what_is_believed_however_late() {
    let mut market = market("MAXJUMP 5");
    let newest = M + 600_030;
    for (ts, price, expected) in [
        (newest, "100", "accepted"),
        (M, "80", "suspect"),
        (M + 1, "80", "suspect"),
        (M + 2, "80", "amended"),
        (newest + 1, "80.5", "suspect"),
        (newest + 2, "80.5", "suspect"),
        (newest - 1, "101", "merged"),
        (newest + 3, "80.5", "suspect"),
        (newest + 4, "80.5", "suspect"),
        (newest + 5, "80.5", "accepted"),
    ] {
        assert_eq!(status(&mut market, &format!("{ts} buy {price} 1")), expected, "{ts} {price}");
    }
}

#[test]
fn candles_close_before_the_tick_and_are_told_once() {
    let mut market = market("ANNOUNCE 1m ANNOUNCE 5m KEEP 1s 100 GRACE 0");
    assert_eq!(add(&mut market, &format!("{M} buy 100 1")).1, []);
    assert_eq!(add(&mut market, &format!("{} buy 100 1", M + 59_999)).1, []);
    assert_eq!(add(&mut market, &format!("{} buy 100 1", M + 60_000)).1, [("1m".to_owned(), M)]);
    // A pause of an hour: the candles between have no trades.
    let (_, closed) = add(&mut market, &format!("{} buy 100 1", M + 3_600_000));
    assert_eq!(closed, [("1m".to_owned(), M + 60_000), ("5m".to_owned(), M)]);
    // Into an empty slot that was closed: told as closed now; again: amended.
    let (status, closed) = add(&mut market, &format!("{} buy 100 1", M + 1_800_000));
    assert_eq!((status, closed.len()), (Status::Amended, 2));
    let (status, closed) = add(&mut market, &format!("{} buy 100 1", M + 1_800_001));
    assert_eq!((status, closed.len()), (Status::Amended, 0));
}

#[test]
fn a_gap_makes_candles_partial() {
    let mut market = market("");
    let states = |market: &_| rows(market, "1m").iter().map(|row| row.state.name()).collect::<Vec<_>>().join(" ");
    for minute in 0..6 {
        let gap = if minute == 3 { "GAP" } else { "" };
        add(&mut market, &format!("{} buy 100 1 {gap}", M + minute * 60_000));
    }
    assert_eq!(states(&market), "partial closed partial partial closed open");
}

#[test]
fn fill_makes_flat_rows_and_says_where_trades_may_be_missing() {
    let mut market = market("");
    add(&mut market, &format!("{M} buy 100 1"));
    add(&mut market, &format!("{} buy 105 1", M + 180_000));
    add(&mut market, &format!("{} buy 107 1 GAP", M + 300_000));
    let shown = |words: &str| {
        let row = |row: &liq_core::market::store::Row| {
            format!("{}:{}:{}", (row.span.start_ms - M) / 60_000, row.candle.close, row.state.name())
        };
        rows(&market, words).iter().map(row).collect::<Vec<_>>().join(" ")
    };
    let all = "0:100:partial 1:100:filled 2:100:filled 3:105:partial 4:105:missing 5:107:open";
    assert_eq!(shown("1m FILL"), all);
    assert_eq!(shown("1m - + FILL"), all);
    assert_eq!(shown("1m FILL COUNT 2"), "4:105:missing 5:107:open");
    assert_eq!(shown("1m - + FILL COUNT 2"), "0:100:partial 1:100:filled");
    assert_eq!(shown("1m FILL COUNT 2 CLOSED"), "3:105:partial 4:105:missing");
    let from = M + 60_000;
    assert_eq!(shown(&format!("1m {from} + FILL COUNT 2")), "1:100:filled 2:100:filled", "the close before is known");
    assert_eq!(shown(&format!("1m + {from} REV FILL COUNT 2")), "5:107:open 4:105:missing");
    assert_eq!(shown(&format!("1m FILL AT {}", M + 120_000)), "0:100:partial 1:100:filled");
    assert_eq!(shown("1m - + CLOSED"), "0:100:partial 3:105:partial");
}

#[test]
fn rows_as_of_long_ago_cost_what_they_are_made_of() {
    let mut market = market("KEEP 1m 10000");
    for minute in 0..5_000 {
        let one = decimal("1");
        let line = Line { ts_ms: M + minute * 60_000, side: Side::Buy, price: one, qty: one, id: None };
        assert!(feed(&mut market, &line).is_recorded());
    }
    let before = steps::taken();
    let found = rows(&market, &format!("1m COUNT 1 AT {}", M + 180_000));
    assert_eq!(found.iter().map(|row| (row.span.end_ms - M) / 60_000).collect::<Vec<_>>(), [3]);
    let taken = steps::taken() - before;
    assert!(taken < 200, "{taken}");
}

#[test]
fn a_float_stands_for_its_shortest_decimal_in_either_width() {
    let mut payload = Vec::new();
    rmp::encode::write_array_len(&mut payload, 2).unwrap();
    for is_single in [true, false] {
        rmp::encode::write_array_len(&mut payload, 4).unwrap();
        rmp::encode::write_uint(&mut payload, M).unwrap();
        rmp::encode::write_uint(&mut payload, 0).unwrap();
        for number in [93_509.1, 0.012] {
            if is_single {
                rmp::encode::write_f32(&mut payload, number as f32).unwrap();
            } else {
                rmp::encode::write_f64(&mut payload, number).unwrap();
            }
        }
    }
    let words: [&[u8]; 2] = [b"PACK", &payload];
    let request = Madd::parse(Args::new(&words), 10).unwrap();
    for tick in request.ticks {
        assert_eq!((tick.price.unwrap().to_string(), tick.qty.to_string()), ("93509.1".into(), "0.012".into()));
    }
}

#[test]
fn what_neither_tick_nor_row_depends_on_may_be_altered() {
    let patch =
        |words: &str| OptionsPatch::parse(Args::new(&words.split(' ').map(str::as_bytes).collect::<Vec<_>>())).unwrap();
    let mut market = market("");
    for quote in
        [Quote { ts_ms: M, ..Quote::default() }, Quote { ts_ms: M, mark: Some(decimal("5")), ..Quote::default() }]
    {
        let verdict = market.judge_quote(&quote, early(), NEVER);
        market.record_quote(&quote, &verdict, None);
    }
    for words in ["TZ +08:00", "ORDER ID", "CLOCK EVENT", "KEEP 1s 5"] {
        assert_eq!(market.alter(&patch(words)), Ok(()), "{words}");
        market.check();
    }
    add(&mut market, &format!("{M} buy - 0 ID 5"));
    assert_eq!(market.alter(&patch("ORDER TIME")), Err(AlterError::Held("ORDER")), "its number was seen");
}
