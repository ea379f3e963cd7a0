//! What a market gives up while memory is short: raw ticks, and minutes of long ago, step by step. No candle goes, nor any
//! tick that comes.

use liq_core::grammar::Decimal;
use liq_core::market::candle::Zone;
use liq_core::market::store::{Market, Resolution, Status};
use liq_core::market::tape::{Moment, Side};
use liq_core::steps;
use proptest::prelude::*;

use crate::definition::{assert_defined, disordered, raw, tape};
use crate::tape::{Line, decimal, feed, market};

const HOUR: u64 = 3_600_000;
const FINE: u64 = 300_000;

/// Takes steps until there is nothing more to give up; how many.
fn settle(market: &mut Market, resolution: Resolution) -> usize {
    let mut taken = 0;
    while market.is_due(resolution) {
        assert!(market.change_resolution(resolution).is_step);
        market.check();
        taken += 1;
    }
    taken
}

fn moment(line: &Line, is_by_id: bool) -> Moment {
    Moment { ts_ms: line.ts_ms, id: if is_by_id { line.id.unwrap_or(0) } else { 0 } }
}

/// The raw ticks by definition: as many as are kept at the time, the oldest go.
#[derive(Default)]
struct SlowTail {
    lines: Vec<Line>,
    is_by_id: bool,
}

impl SlowTail {
    fn record(&mut self, line: &Line, most: usize) {
        let moment = |line: &Line| moment(line, self.is_by_id);
        let is_before_all = self.lines.first().is_some_and(|first| moment(line) < moment(first));
        if self.lines.len() >= most && is_before_all {
            return;
        }
        let place = self.lines.partition_point(|held| moment(held) <= moment(line));
        self.lines.insert(place, line.clone());
        self.shrink(most);
    }

    fn shrink(&mut self, most: usize) {
        self.lines.drain(..self.lines.len().saturating_sub(most));
    }
}

/// Fine candles lie as far back as they may, or nothing coarser has room.
#[track_caller]
fn assert_fine(market: &Market) {
    let Some(fine_ms) = market.fine_now_ms() else { return };
    let levels = market.levels().list();
    let newest_ms = levels.iter().filter_map(|level| level.newest()).map(|newest| newest.start_ms).max().unwrap_or(0);
    for (place, level) in levels.iter().enumerate().filter(|(_, level)| level.unit().width_ms < FINE) {
        let mut coarser = levels.iter().zip(market.options().keep.units()).skip(place + 1);
        let is_full = coarser.all(|(level, (_, keep))| level.len() == keep as usize);
        let Some(first_ms) = level.first_start_ms() else { continue };
        let is_old = first_ms + level.unit().width_ms + fine_ms <= newest_ms;
        assert!(!is_old || is_full, "a candle of {} from {first_ms}, the newest from {newest_ms}", level.unit().name);
    }
}

fn resolution() -> impl Strategy<Value = Resolution> {
    prop::sample::select(&Resolution::ALL[..])
}

proptest! {
    #[test]
    fn candles_stay_the_definition_and_the_tail_is_what_was_kept(
        lines in tape(), keys in prop::collection::vec(0_usize..40, 0..30), zone in -48_i16..=56,
        keep in prop_oneof![
            Just("KEEP 1s 500"), Just("KEEP 1s 20 KEEP 1m 300"), Just(""), Just("KEEP 1m 100 KEEP 5m 9"),
            Just("KEEP 5m 0 KEEP 1h 0 KEEP 1d 0 KEEP 1m 500"), Just("KEEP 1h 0 KEEP 1d 0 KEEP 5m 5"),
        ],
        order in prop_oneof![Just("TIME"), Just("ID")], mut changes in prop::collection::vec((0_usize..400, resolution()), 0..4),
    ) {
        let zone = Zone::new(zone * 15).unwrap();
        let is_by_id = order == "ID";
        let mut market = market(&format!("{keep} ORDER {order} TZ {zone} ANNOUNCE 1h TAIL 300"));
        let (mut recorded, mut tail) = (Vec::new(), SlowTail { is_by_id, ..SlowTail::default() });
        changes.sort_by_key(|(at, _)| *at);
        let mut held = Resolution::Full;
        for (place, line) in disordered(&lines, &keys, 12, !is_by_id).into_iter().enumerate() {
            held = changes.iter().rev().find(|(at, _)| *at <= place).map_or(held, |(_, resolution)| *resolution);
            market.change_resolution(held);
            tail.shrink(market.tail_now() as usize);
            let status = feed(&mut market, &line);
            prop_assert!(status.is_recorded() || status == Status::Late, "{status:?}");
            if status.is_recorded() {
                tail.record(&line, market.tail_now() as usize);
                recorded.push(line);
            }
        }
        market.check();
        prop_assert_eq!(raw(&market), tail.lines);
        settle(&mut market, held);
        assert_fine(&market);
        recorded.sort_by_key(|line| moment(line, is_by_id));
        assert_defined(&market, &recorded, zone);
    }
}

/// A tick a second; prices that come again.
fn seconds(market: &mut Market, from: u64, count: u64) {
    for second in from..from + count {
        let line = Line {
            ts_ms: 1_735_689_600_000 + second * 1_000,
            side: Side::Buy,
            price: decimal(&format!("{}.5", 90_000 + second * 37 % 900)),
            qty: Decimal::new(1 + second % 9, 1).unwrap(),
            id: None,
        };
        assert_eq!(feed(market, &line), Status::Accepted);
    }
}

fn memory(market: &Market) -> usize {
    let mut bytes = 0;
    market.measure(&mut |_, more| bytes += more);
    bytes
}

#[test]
fn each_step_takes_its_ticks_and_minutes_and_frees_memory() {
    let mut market = market("");
    seconds(&mut market, 0, 12 * 3_600);
    let count = |market: &Market| market.levels().list().iter().map(|level| level.len()).collect::<Vec<_>>();
    assert_eq!((market.tail().len(), count(&market)), (4096, vec![720, 0, 0, 0]));
    let mut held = memory(&market);
    for (resolution, ticks, candles) in
        [(Resolution::Compact, 1024, vec![720, 0, 0, 0]), (Resolution::Aggregate, 256, vec![361, 72, 0, 0])]
    {
        settle(&mut market, resolution);
        market.free_spare();
        market.check();
        assert_eq!((market.tail().len(), count(&market)), (ticks, candles));
        assert!(memory(&market) < held, "{} of {held}", memory(&market));
        held = memory(&market);
    }
    // A minute comes, and a minute goes.
    seconds(&mut market, 12 * 3_600, 600);
    assert_eq!((market.tail().len(), count(&market)), (256, vec![361, 74, 0, 0]));
    assert!(!market.is_due(Resolution::Aggregate), "nothing is left for a step");
    // What comes from now on is kept by the settings again.
    settle(&mut market, Resolution::Full);
    seconds(&mut market, 12 * 3_600 + 600, 5_000);
    assert_eq!((market.tail().len(), market.fine_now_ms()), (4096, None));
    let first_ms = market.levels().list()[0].first_start_ms().unwrap();
    assert_eq!((first_ms - 1_735_689_600_000) / HOUR, 6, "what is gone stays gone");
}

#[test]
fn no_step_takes_long_however_much_is_held() {
    if !cfg!(debug_assertions) {
        return;
    }
    let mut market = market("KEEP 1s 40000 TAIL 65536 ANNOUNCE 1d");
    seconds(&mut market, 0, 70_000);
    let (mut taken, mut worst) = (0, 0);
    while market.is_due(Resolution::Aggregate) {
        let before = steps::taken();
        market.change_resolution(Resolution::Aggregate);
        worst = worst.max(steps::taken() - before);
        taken += 1;
    }
    market.check();
    assert_fine(&market);
    assert_eq!(market.tail().len(), 256);
    assert!(worst < 12_000, "{worst} ticks and candles were looked at in one of {taken} steps");
    assert!(taken > 60, "{taken} steps");
}

#[test]
fn what_no_coarser_level_has_room_for_stays() {
    let mut market = market("KEEP 1m 1500 KEEP 5m 10 KEEP 1h 0 KEEP 1d 0 ANNOUNCE 1d");
    seconds(&mut market, 0, 20 * 3_600);
    settle(&mut market, Resolution::Aggregate);
    let levels = market.levels().list();
    assert_eq!((levels[0].len(), levels[1].len()), (1_200 - 46, 10), "the last of ten is not whole");
    assert_eq!(market.levels().oldest_reach_ms(), 0, "nothing was let go");
}
