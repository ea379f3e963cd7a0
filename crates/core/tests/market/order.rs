//! Order does not matter where it cannot be known.

use std::collections::BTreeMap;

use liq_core::market::candle::{Interval, Zone};
use liq_core::market::store::{Changes, Market, Row, State, Status};
use liq_core::market::tape::Side;
use proptest::prelude::*;

use crate::definition::{disordered, tape};
use crate::tape::{Line, NEVER, Plain, decimal, early, feed, market, rows, slow_candles};

fn lines() -> Vec<Line> {
    let line = |place: u64| Line {
        ts_ms: 1_700_000_000_000 + place / 3 * 700,
        side: if place.is_multiple_of(2) { Side::Buy } else { Side::Sell },
        price: decimal(&format!("{}.{}", 100 + place * 7 % 13, place % 10)),
        qty: decimal(&format!("0.{}", place + 1)),
        id: Some(5_000 + place),
    };
    (0..600).map(line).collect()
}

fn shuffled(lines: &[Line], seed: u64) -> Vec<Line> {
    let mut lines = lines.to_vec();
    let mut state = seed;
    for place in (1..lines.len()).rev() {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        lines.swap(place, (state >> 33) as usize % (place + 1));
    }
    lines
}

fn candles(market: &Market) -> Vec<Row> {
    ["1m", "5m", "1h", "1d"].iter().flat_map(|interval| rows(market, &format!("{interval} - + COUNT 5000"))).collect()
}

#[test]
fn with_order_id_any_permutation_gives_the_same_candles() {
    let lines = lines();
    let fed = |lines: &[Line]| {
        let mut market = market("ORDER ID");
        lines.iter().for_each(|line| assert!(feed(&mut market, line).is_recorded()));
        market.check();
        market
    };
    let expected = fed(&lines);
    for seed in 0..20 {
        let market = fed(&shuffled(&lines, seed));
        assert_eq!(candles(&market), candles(&expected), "seed {seed}");
        assert_eq!(market.gaps().list(), expected.gaps().list(), "seed {seed}");
        assert_eq!(market.prices(), expected.prices());
    }
}

#[test]
fn a_gap_of_ids_closes_when_the_missing_come() {
    let lines = lines();
    let mut market = market("ORDER ID");
    let state = |market: &Market| rows(market, "1m COUNT 3").iter().map(|row| row.state.name()).collect::<Vec<_>>();
    for line in lines.iter().filter(|line| !(5_300..5_310).contains(&line.id.unwrap())) {
        feed(&mut market, line);
    }
    assert_eq!(state(&market), ["partial", "partial", "open"], "the feed's first candle, and the one with the gap");
    for line in lines.iter().filter(|line| (5_300..5_309).contains(&line.id.unwrap())) {
        assert_eq!(feed(&mut market, line), Status::Amended);
    }
    assert_eq!(state(&market), ["partial", "partial", "open"]);
    feed(&mut market, &lines[309]);
    assert_eq!(state(&market), ["partial", "closed", "open"], "nothing is missing any more");
    assert_eq!(feed(&mut market, &lines[309]), Status::Duplicate);
    market.check();
}

proptest! {
    #[test]
    fn a_closed_candle_lacks_no_trade_and_nothing_is_invented(
        lines in tape(), keys in prop::collection::vec(0_usize..40, 0..30),
        lost in prop::collection::hash_set(0_u64..400, 0..12), interval in prop::sample::select(vec!["1m", "5m", "1h"]),
    ) {
        let mut market = market("ORDER ID KEEP 1m 100000");
        let is_lost = |line: &Line| lost.contains(&(line.id.unwrap() - 1_000));
        for line in disordered(&lines, &keys, 12, false).iter().filter(|line| !is_lost(line)) {
            feed(&mut market, line);
        }
        market.check();
        let parsed = Interval::parse("interval", interval.as_bytes()).unwrap();
        let by_start = |lines: &[Line]| -> BTreeMap<u64, Plain> {
            slow_candles(lines, parsed, Zone::default()).into_iter().map(|plain| (plain.start_ms, plain)).collect()
        };
        let kept: Vec<Line> = lines.iter().filter(|line| !is_lost(line)).cloned().collect();
        let (whole, heard) = (by_start(&lines), by_start(&kept));
        for row in rows(&market, &format!("{interval} FILL COUNT 5000")) {
            let start_ms = row.span.start_ms;
            match row.state {
                State::Closed => prop_assert_eq!(Some(&Plain::from(&row)), whole.get(&start_ms)),
                State::Open | State::Partial => prop_assert_eq!(Some(&Plain::from(&row)), heard.get(&start_ms)),
                State::Filled => prop_assert!(!whole.contains_key(&start_ms), "a trade was lost in {start_ms}"),
                State::Missing => prop_assert!(!heard.contains_key(&start_ms)),
            }
        }
    }

    #[test]
    fn an_announced_candle_changes_only_when_that_is_told(
        lines in tape(), keys in prop::collection::vec(0_usize..40, 0..30), order in prop::sample::select(vec!["ID", "TIME"]),
    ) {
        let mut market = market(&format!("ORDER {order} KEEP 1m 100000 ANNOUNCE 1m ANNOUNCE 1h"));
        let mut announced: BTreeMap<(String, u64), Row> = BTreeMap::new();
        for line in disordered(&lines, &keys, 12, order == "TIME") {
            let mut changes = Changes::default();
            market.add(&line.report(), early(), NEVER, &mut changes);
            for change in changes.iter() {
                let before = announced.insert((change.interval.to_string(), change.row.span.start_ms), change.row);
                prop_assert_eq!(before.is_some(), change.is_amended, "closed once, amended afterwards");
            }
            assert_told(&market, &announced, 4);
        }
        assert_told(&market, &announced, 5_000);
    }
}

/// The newest `count` candles that are closed are as they were announced last.
#[track_caller]
fn assert_told(market: &Market, announced: &BTreeMap<(String, u64), Row>, count: usize) {
    for interval in ["1m", "1h"] {
        for row in rows(market, &format!("{interval} COUNT {count} CLOSED")) {
            let told = announced.get(&(interval.to_owned(), row.span.start_ms));
            assert_eq!(Some(&row.candle), told.map(|told| &told.candle), "{interval} {}", row.span.start_ms);
        }
    }
}
