//! Order does not matter where it cannot be known.

use liq_core::market::store::{Market, Row, Status};

use crate::tape::{Line, decimal, feed, market, rows};
use liq_core::market::tape::Side;

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
