//! The raw ticks of a market when they do not come in order: what a late one takes, what they weigh, how they are saved.

use liq_core::market::format as layout;
use liq_core::market::store::{Market, Status};
use liq_core::market::tape::Side;
use liq_core::steps;

use crate::tape::{Line, decimal, feed, market};

const M: u64 = 1_723_161_300_000;
const STEP_MS: u64 = 100;

fn tick(ts_ms: u64) -> Line {
    Line { ts_ms, side: Side::Buy, price: decimal("100"), qty: decimal("1"), id: None }
}

/// A market that `count` ticks have fed in order.
fn fed(options: &str, count: u64) -> Market {
    let mut market = market(options);
    (0..count).for_each(|n| assert_eq!(feed(&mut market, &tick(M + n * STEP_MS)), Status::Accepted));
    market
}

/// Feeds a late tick; how many steps it took.
fn steps_of_late(market: &mut Market, line: &Line) -> u64 {
    let before = steps::taken();
    let status = feed(market, line);
    assert!(matches!(status, Status::Merged | Status::Amended), "{status:?}");
    steps::taken() - before
}

fn memory(market: &Market) -> usize {
    let mut memory = 0;
    market.tail().measure(&mut |_, bytes| memory += bytes);
    memory
}

#[test]
fn a_run_of_late_ticks_unpacks_their_neighbours_once() {
    let mut market = fed("KEEP 1m 100 TAIL 4096", 5_000);
    let mut steps_of_late = |ts_ms: u64| {
        let taken = steps_of_late(&mut market, &tick(ts_ms));
        market.check();
        taken
    };
    // Half a minute back: the first opens the chunk, the others find it open.
    let of_a_run: Vec<u64> = (0..50).map(|n| steps_of_late(M + 4_700 * STEP_MS + n)).collect();
    assert!(of_a_run[0] <= 200 && of_a_run[1..].iter().all(|steps| *steps <= 4), "{of_a_run:?}");
    // Now here, now there: each closes the one and opens the other.
    let apart: Vec<u64> = (0..100).map(|n| steps_of_late(M + (1_500 + n % 2 * 3_000) * STEP_MS)).collect();
    assert!(apart.iter().all(|steps| *steps <= 400), "{apart:?}");
}

#[test]
fn what_is_open_is_counted_and_closed_with_the_next_chunk() {
    let mut market = fed("KEEP 1m 100 TAIL 4096", 5_000);
    let before = memory(&market);
    steps_of_late(&mut market, &tick(M + 4_700 * STEP_MS));
    let opened = memory(&market) - before;
    assert!((64 * 64..16_384).contains(&opened), "{opened} bytes of a chunk's ticks");
    for n in 5_000..5_200 {
        feed(&mut market, &tick(M + n * STEP_MS));
    }
    market.check();
    assert!(memory(&market) < before + 1_024, "{} of {before}", memory(&market));
}

#[test]
fn what_is_saved_does_not_tell_what_is_open() {
    for options in ["TAIL 1000 ORDER ID", "TAIL 1000"] {
        let mut market = market(&format!("KEEP 1m 100 {options}"));
        let numbered = |n: u64| Line { id: options.contains("ID").then_some(n), ..tick(M + n / 3 * STEP_MS) };
        // Every hundredth comes late by more than is unpacked.
        let (late, in_time): (Vec<u64>, Vec<u64>) = (1..2_000).partition(|n| n % 100 == 0 && *n > 1_200);
        in_time.iter().for_each(|n| assert_eq!(feed(&mut market, &numbered(*n)), Status::Accepted));
        for n in late {
            steps_of_late(&mut market, &numbered(n));
            let bytes = layout::encode(&market);
            let mut closed = market.clone();
            closed.free_spare();
            assert!(memory(&closed) < memory(&market), "a chunk was open");
            assert!(layout::encode(&closed) == bytes, "closed");
            let loaded = layout::decode(layout::LAYOUT, &bytes).unwrap();
            assert!(layout::encode(&loaded) == bytes, "loaded");
            [&market, &closed, &loaded].into_iter().for_each(Market::check);
        }
    }
}

#[test]
fn ticks_that_come_newest_first_stay_small_and_cheap() {
    const COUNT: u64 = 16_384;
    let mut market = market("KEEP 1m 100 TAIL 65536");
    feed(&mut market, &tick(M + COUNT * STEP_MS));
    for n in (0..COUNT).rev() {
        let taken = steps_of_late(&mut market, &tick(M + n * STEP_MS));
        assert!(taken <= 400, "{taken} steps");
    }
    market.check();
    let each = memory(&market) as f64 / COUNT as f64;
    assert!(each <= 8.0, "{each} bytes a tick");
}

#[test]
fn ids_of_one_millisecond_find_their_place_in_few_steps() {
    const COUNT: u64 = 8_192;
    let mut market = market("ORDER ID TAIL 65536");
    let numbered = |id: u64| Line { id: Some(id), ..tick(M) };
    assert_eq!(feed(&mut market, &numbered(COUNT)), Status::Accepted);
    // Two runs that go backwards, by turns.
    for n in 1..COUNT / 2 {
        for id in [COUNT - n, COUNT / 2 - n] {
            let taken = steps_of_late(&mut market, &numbered(id));
            assert!(taken <= 1_300, "{taken} steps");
        }
    }
    market.check();
    assert_eq!(market.tail().len() as u64, COUNT - 1);
}
