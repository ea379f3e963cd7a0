//! What CLOSES is told: an announced candle closes once, and whatever changes of it then is told as amended; what was never
//! announced is told of by nobody.

use liq_core::grammar::Args;
use liq_core::market::request::{Add, Put};
use liq_core::market::store::{Changes, Market, OptionsPatch, PutTally, Quote, Status, Whole};

use crate::tape::{NEVER, early, market, rows};

pub const M: u64 = 1_723_161_300_000;
pub const MINUTE: u64 = 60_000;

fn entries(changes: &Changes) -> Vec<String> {
    let entry = |change: &liq_core::market::store::Change| {
        let event = if change.is_amended { "amended" } else { "closed" };
        let minute = (change.row.span.start_ms.cast_signed() - M.cast_signed()) / MINUTE.cast_signed();
        format!("{event} {} {minute} {}", change.interval, change.row.state.name())
    };
    changes.iter().map(entry).collect()
}

pub fn tick_told(market: &mut Market, words: &str) -> (Status, Changes) {
    let words: Vec<&[u8]> = words.split_whitespace().map(str::as_bytes).collect();
    let request = Add::parse(Args::new(&words)).unwrap();
    let mut changes = Changes::default();
    let status = market.add(&request.tick.resolve(0, request.gap), early(), NEVER, &mut changes);
    market.check();
    (status, changes)
}

pub fn tick(market: &mut Market, words: &str) -> Vec<String> {
    entries(&tick_told(market, words).1)
}

pub fn beat_told(market: &mut Market, ts_ms: u64) -> Changes {
    let quote = Quote { ts_ms, ..Quote::default() };
    let verdict = market.judge_quote(&quote, early(), NEVER);
    let mut changes = Changes::default();
    market.record_quote(&quote, &verdict, Some(&mut changes));
    market.check();
    changes
}

fn beat(market: &mut Market, ts_ms: u64) -> Vec<String> {
    entries(&beat_told(market, ts_ms))
}

pub fn put_told(market: &mut Market, words: &str) -> (PutTally, Changes) {
    let words: Vec<&[u8]> = words.split_whitespace().map(str::as_bytes).collect();
    let request = Put::parse(Args::new(&words), 10_000).unwrap();
    let mut changes = Changes::default();
    let (ended, _) = market.ended_rows(request.unit, &request.rows, early());
    let whole = Whole::of(request.is_whole, &request.rows, ended);
    let tally = market.put_rows(request.unit, ended, whole, Some(&mut changes));
    market.check();
    (tally, changes)
}

pub fn put(market: &mut Market, words: &str) -> Vec<String> {
    entries(&put_told(market, words).1)
}

pub fn alter(market: &mut Market, words: &str) {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    market.alter(&OptionsPatch::parse(Args::new(&words)).unwrap()).unwrap();
    market.check();
}

pub fn minute(place: u64, price: u64) -> String {
    format!("{} {price} {price} {price} {price} 1", M + place * MINUTE)
}

#[test]
fn a_candle_that_closes_before_a_gap_is_told_as_partial() {
    let mut id = market("ORDER ID CLOCK EVENT");
    tick(&mut id, &format!("{} buy 5 1 ID 1", M - MINUTE));
    assert_eq!(tick(&mut id, &format!("{} buy 5 1 ID 2", M + 1_000)).len(), 1);
    assert_eq!(tick(&mut id, &format!("{} buy 5 1 ID 5", M + MINUTE + 1)), ["closed 1m 0 partial"]);
    assert_eq!(rows(&id, "1m")[1].state.name(), "partial");
    let mut time = market("CLOCK EVENT");
    tick(&mut time, &format!("{} buy 5 1", M - MINUTE));
    tick(&mut time, &format!("{} buy 5 1", M + 1_000));
    assert_eq!(tick(&mut time, &format!("{} buy 5 1 GAP", M + MINUTE + 1)), ["closed 1m 0 partial"]);
}

/// What is held no longer, or is not held yet, is missing in it.
#[test]
fn a_candle_of_which_a_part_is_not_held_is_told_as_partial() {
    let mut short = market("KEEP 1m 2 KEEP 5m 0 KEEP 1h 0 KEEP 1d 0 ANNOUNCE 1m ANNOUNCE 5m CLOCK EVENT");
    let told: Vec<String> =
        (0..11).flat_map(|place| tick(&mut short, &format!("{} buy 5 1", M + place * MINUTE))).collect();
    let of_five: Vec<&String> = told.iter().filter(|entry| entry.contains("5m")).collect();
    assert_eq!(of_five, ["closed 5m 0 partial", "closed 5m 5 partial"]);
    assert_eq!(told.iter().filter(|entry| entry.ends_with("closed")).count(), 9, "{told:?}");

    let mut finer = market("KEEP 1m 0 ANNOUNCE 5m CLOCK EVENT");
    tick(&mut finer, &format!("{M} buy 5 1"));
    tick(&mut finer, &format!("{} buy 5 5", M + 7 * MINUTE + 10));
    alter(&mut finer, "KEEP 1m 10 ANNOUNCE 1m");
    tick(&mut finer, &format!("{} buy 6 1", M + 7 * MINUTE + 20));
    assert_eq!(tick(&mut finer, &format!("{} buy 7 1", M + 8 * MINUTE)), ["closed 1m 7 partial"]);
    assert_eq!(tick(&mut finer, &format!("{} buy 7 1", M + 9 * MINUTE)), ["closed 1m 8 closed"]);
}

#[test]
fn backfill_tells_of_nothing_that_was_never_told() {
    let mut market = market("CLOCK EVENT ANNOUNCE 1m ANNOUNCE 5m ANNOUNCE 1h");
    tick(&mut market, &format!("{} buy 5 1", M + 90 * MINUTE));
    let rows: Vec<String> = (0..60).map(|place| minute(place, 5)).collect();
    let (tally, changes) = put_told(&mut market, &format!("1m OHLCV {}", rows.join(" ")));
    assert_eq!((tally.inserted, entries(&changes)), (60, vec![]));
    // The next ones lie in the same hours, and are put again as the venue corrects them.
    let rows: Vec<String> = (50..80).map(|place| minute(place, 6)).collect();
    let (tally, changes) = put_told(&mut market, &format!("1m OHLCV {}", rows.join(" ")));
    assert_eq!((tally.replaced, tally.inserted, entries(&changes)), (10, 20, vec![]));
}

#[test]
fn a_row_in_the_place_of_trades_is_told_and_so_is_the_next_in_its_place() {
    let mut market = market("CLOCK EVENT");
    tick(&mut market, &format!("{M} buy 5 1"));
    tick(&mut market, &format!("{} buy 5 1", M + 5 * MINUTE));
    assert_eq!(put(&mut market, &format!("1m OHLCV {} {}", minute(0, 6), minute(1, 7))), ["amended 1m 0 closed"]);
    assert_eq!(put(&mut market, &format!("1m OHLCV {} {}", minute(0, 6), minute(1, 8))), [""; 0]);
    assert_eq!(put(&mut market, &format!("1m OHLCV {}", minute(0, 7))), ["amended 1m 0 closed"]);
}

#[test]
fn whatever_makes_a_told_candle_partial_or_ends_that_is_told() {
    // (a) A heartbeat closed the minute before the jump of ids was seen.
    let mut jump = market("ORDER ID CLOCK EVENT GRACE 0");
    tick(&mut jump, &format!("{} buy 5 1 ID 1", M - MINUTE));
    tick(&mut jump, &format!("{M} buy 5 1 ID 2"));
    assert_eq!(beat(&mut jump, M + MINUTE), ["closed 1m 0 closed"]);
    assert_eq!(tick(&mut jump, &format!("{} buy 5 1 ID 5", M + MINUTE + 1)), ["amended 1m 0 partial"]);
    // (b) The missing are no trades.
    assert_eq!(tick(&mut jump, &format!("{M} - - 0 ID 3")), [""; 0]);
    assert_eq!(tick(&mut jump, &format!("{M} - - 0 ID 4")), ["amended 1m 0 closed"]);
    // (c) A missing trade ends a gap over several minutes.
    let mut late = market("ORDER ID CLOCK EVENT");
    tick(&mut late, &format!("{} buy 5 1 ID 1", M - MINUTE));
    tick(&mut late, &format!("{M} buy 5 1 ID 2"));
    assert_eq!(tick(&mut late, &format!("{} buy 5 1 ID 4", M + 3 * MINUTE)), ["closed 1m 0 partial"]);
    assert_eq!(tick(&mut late, &format!("{} buy 5 1 ID 5", M + 4 * MINUTE)), ["closed 1m 3 partial"]);
    let told = tick(&mut late, &format!("{} buy 5 1 ID 3", M + MINUTE));
    assert_eq!(told, ["amended 1m 0 closed", "closed 1m 1 closed", "amended 1m 3 closed"]);
}

#[test]
fn rows_that_end_doubt_are_told_although_they_say_the_same() {
    // (d) The same figures, but certain now.
    let mut same = market("CLOCK EVENT");
    tick(&mut same, &format!("{M} buy 5 1"));
    tick(&mut same, &format!("{} buy 5 1", M + MINUTE));
    let kline = format!("1m KLINE {M} 5 5 5 5 1 0 5 1 1 5");
    let (tally, changes) = put_told(&mut same, &kline);
    assert_eq!((tally.same, entries(&changes)), (1, vec!["amended 1m 0 closed".to_owned()]));
    // (e) Nothing is missing between rows: the five minutes around them are whole.
    let mut whole = market("CLOCK EVENT ANNOUNCE 5m");
    for place in [0, 1, 4, 9] {
        tick(&mut whole, &format!("{} buy 5 1 GAP", M + place * MINUTE));
    }
    let kline = |place: u64| format!("{} 5 5 5 5 1 0 5 1 1 5", M + place * MINUTE);
    let rows = [0, 1, 4].map(kline).join(" ");
    assert_eq!(put(&mut whole, &format!("1m KLINE {rows}")), [""; 0], "what lies between is not known");
    assert_eq!(put(&mut whole, &format!("1m WHOLE KLINE {rows}")), ["amended 5m 0 closed"]);
}

#[test]
fn a_gap_is_heeded_although_its_tick_is_not_believed() {
    let mut market = market("CLOCK EVENT MAXJUMP 1 GRACE 0");
    tick(&mut market, &format!("{} buy 100 1", M - MINUTE));
    tick(&mut market, &format!("{M} buy 100 1"));
    beat(&mut market, M + MINUTE);
    let (status, changes) = tick_told(&mut market, &format!("{} buy 150 1 GAP", M + 2 * MINUTE));
    assert_eq!((status.name(), entries(&changes)), ("suspect", vec!["amended 1m 0 partial".to_owned()]));
    tick(&mut market, &format!("{} buy 100 1", M + 3 * MINUTE));
    tick(&mut market, &format!("{} buy 100 1", M + 4 * MINUTE));
    let states: Vec<_> = rows(&market, "1m FILL").iter().map(|row| row.state.name()).collect();
    assert_eq!(states, ["partial", "partial", "missing", "missing", "closed", "open"]);
}

#[test]
fn a_gap_is_heeded_although_a_row_tells_of_its_tick() {
    let mut market = market("CLOCK EVENT GRACE 0");
    tick(&mut market, &format!("{M} buy 100 1"));
    tick(&mut market, &format!("{} buy 100 1 ID x", M + MINUTE + 30_000));
    beat(&mut market, M + 5 * MINUTE);
    put(&mut market, &format!("1m OHLCV {}", minute(4, 100)));
    // One that comes again says nothing of what is missing.
    let (status, changes) = tick_told(&mut market, &format!("{} buy 100 1 ID x GAP", M + MINUTE + 30_000));
    assert_eq!((status.name(), entries(&changes)), ("duplicate", vec![]));
    let (status, changes) = tick_told(&mut market, &format!("{} buy 100 1 GAP", M + 5 * MINUTE - 1));
    assert_eq!((status.name(), entries(&changes)), ("duplicate", vec!["amended 1m 1 partial".to_owned()]));
    tick(&mut market, &format!("{} buy 100 1", M + 5 * MINUTE + 20_000));
    let states: Vec<_> = rows(&market, "1m FILL").iter().map(|row| row.state.name()).collect();
    assert_eq!(states, ["partial", "partial", "missing", "missing", "closed", "open"]);
}

#[test]
fn one_tick_tells_of_so_many_candles_at_most() {
    let mut market = market("CLOCK EVENT KEEP 1s 10000 ANNOUNCE 1s");
    for second in 0..3_000 {
        tick(&mut market, &format!("{} buy 5 1", M + second * 1_000));
    }
    // Trades may be missing from long ago on, says a tick that comes late.
    let (status, changes) = tick_told(&mut market, &format!("{} buy 5 1 GAP", M + 1));
    assert_eq!(status, Status::Amended);
    assert_eq!(changes.iter().count(), 101, "the newest hundred, and its own");
}

#[test]
fn a_missing_id_that_comes_in_a_rows_candle_is_missing_no_longer() {
    let mut market = market("ORDER ID CLOCK EVENT");
    for (place, id) in [(0, 1), (1, 2), (3, 5), (4, 6)] {
        tick(&mut market, &format!("{} buy 5 1 ID {id}", M + place * MINUTE));
    }
    put(&mut market, &format!("1m OHLCV {}", minute(2, 5)));
    let (status, changes) = tick_told(&mut market, &format!("{} buy 5 1 ID 3", M + 2 * MINUTE));
    assert_eq!((status.name(), entries(&changes)), ("duplicate", vec![]));
    let (status, changes) = tick_told(&mut market, &format!("{} buy - 1 ID 4", M + 2 * MINUTE));
    assert_eq!(status.name(), "duplicate");
    assert_eq!(entries(&changes), ["amended 1m 1 closed"]);
    assert_eq!(tick_told(&mut market, &format!("{} buy 5 1 ID 3", M + MINUTE)).0.name(), "duplicate");
    let gaps: Vec<u64> = market.gaps().list().iter().map(|gap| gap.to_ms).collect();
    assert_eq!(gaps, [M, M + 3 * MINUTE], "the numbers were those of the time before the row");
}

/// A batch of late trades into a long candle looks at it once.
#[test]
fn a_batch_looks_at_what_it_changes_once() {
    let add = |market: &mut Market, ts_ms: u64, changes: &mut Changes| {
        let words = [ts_ms.to_string(), "-".to_owned(), "100".to_owned(), "1".to_owned()];
        let words: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
        market.add(&Add::parse(Args::new(&words)).unwrap().tick.resolve(0, false), early(), NEVER, changes);
    };
    let mut fed = market("KEEP 1m 50000 ANNOUNCE 1M GRACE 0");
    for place in 0..45_000 {
        add(&mut fed, M + place * MINUTE, &mut Changes::default());
    }
    let cost = |batch: &mut dyn FnMut(&mut Market)| {
        let mut market = fed.clone();
        let before = liq_core::steps::taken();
        batch(&mut market);
        liq_core::steps::taken() - before
    };
    let late = |market: &mut Market, changes: &mut Changes| {
        (0..200).for_each(|place| add(market, M + place * MINUTE + 1, changes));
    };
    let (mut at_once, mut put_off) = (Changes::default(), Changes::default());
    let dear = cost(&mut |market| late(market, &mut at_once));
    put_off.put_off();
    let cheap = cost(&mut |market| {
        late(market, &mut put_off);
        market.settle(&mut put_off);
    });
    assert!(!put_off.is_empty() && put_off.iter().eq(at_once.iter()));
    assert!(cheap * 5 < dear, "{cheap} steps for the batch, {dear} one by one");
}
