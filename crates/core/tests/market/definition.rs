//! Any interval, in any zone, through every level, is the definition over the recorded ticks.

use liq_core::grammar::{Args, Decimal};
use liq_core::market::candle::{Interval, Remembered, Zone};
use liq_core::market::request::{Candles, Range};
use liq_core::market::store::{Market, OptionsPatch, Status};
use liq_core::market::tape::{Held, Id, Side};
use proptest::prelude::*;

use crate::tape::{Line, early, feed, market, plain, slow_candles};

const INTERVALS: [&str; 12] = ["1s", "5s", "1m", "3m", "5m", "15m", "1h", "4h", "1d", "1w", "1M", "45m"];

/// A tape in order: bursts within a millisecond, pauses from seconds to weeks.
pub fn tape() -> impl Strategy<Value = Vec<Line>> {
    let step = prop_oneof![
        4 => Just(0_u64),
        4 => 1_u64..1_500,
        3 => 1_500_u64..200_000,
        1 => 200_000_u64..20_000_000,
        1 => 20_000_000_u64..3_000_000_000,
    ];
    let side = prop_oneof![9 => Just(Side::Buy), 9 => Just(Side::Sell), 1 => Just(Side::Unknown)];
    let number = |most: u64| (1..most, 0_u8..9).prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale).unwrap());
    let line = (step, side, number(10_000_000), number(100_000_000));
    proptest::collection::vec(line, 1..400).prop_map(|lines| {
        let mut ts_ms = 1_700_000_000_000;
        let lines = lines.into_iter().enumerate().map(|(place, (step_ms, side, price, qty))| {
            ts_ms += step_ms;
            Line { ts_ms, side, price, qty, id: Some(place as u64 + 1_000) }
        });
        lines.collect()
    })
}

/// Moves lines back by up to `distance` places, by the keys given.
pub fn disordered(lines: &[Line], keys: &[usize], distance: usize, keep_millisecond: bool) -> Vec<Line> {
    let shift = |place: usize| if keys.is_empty() { 0 } else { keys[place % keys.len()] % (distance + 1) };
    let mut order: Vec<usize> = (0..lines.len()).collect();
    order.sort_by_key(|place| (place + shift(*place), *place));
    if keep_millisecond {
        // Among those of one millisecond the order stays: the places of each are taken in ascending order.
        let mut taken: std::collections::HashMap<u64, Vec<usize>> = std::collections::HashMap::new();
        for place in (0..lines.len()).rev() {
            taken.entry(lines[place].ts_ms).or_default().push(place);
        }
        order = order.iter().map(|place| taken.get_mut(&lines[*place].ts_ms).unwrap().pop().unwrap()).collect();
    }
    order.into_iter().map(|place| lines[place].clone()).collect()
}

#[track_caller]
pub fn assert_defined(market: &Market, recorded: &[Line], zone: Zone) {
    for text in INTERVALS {
        let interval = Interval::parse("interval", text.as_bytes()).unwrap();
        let Some(reach_ms) = market.levels().reach_of(interval) else { continue };
        let mut expected = slow_candles(recorded, interval, zone);
        expected.retain(|candle| candle.start_ms >= reach_ms);
        let words = [text.as_bytes(), b"-", b"+", b"COUNT", b"5000"];
        let request = Candles::parse(Args::new(&words)).unwrap();
        let got = plain(&market.candles(&request, early()).unwrap());
        assert_eq!(got, expected, "{text}");
        let reversed = Candles { is_reversed: true, ..request };
        let mut got = plain(&market.candles(&reversed, early()).unwrap());
        got.reverse();
        assert_eq!(got, expected, "{text} REV");
        let newest = Candles { count: Some(7), ..Candles::newest(interval) };
        let got = plain(&market.candles(&newest, early()).unwrap());
        assert_eq!(got, expected[expected.len().saturating_sub(7)..], "the newest of {text}");
    }
}

pub fn raw(market: &Market) -> Vec<Line> {
    let range = Range { from_ms: 0, to_ms: u64::MAX, is_reversed: false, count: Some(usize::MAX), side: None };
    let id = |id: Id<'_>| String::from_utf8(id.text(&mut Vec::new()).to_vec()).unwrap();
    let line = |row: Held| Line {
        ts_ms: row.ts_ms,
        side: row.side,
        price: row.price,
        qty: row.qty,
        id: Some(id(row.id())).filter(|id| !id.is_empty()).map(|id| id.parse().unwrap()),
    };
    market.range(&range).into_iter().map(line).collect()
}

fn alter(market: &mut Market, words: &str) {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    market.alter(&OptionsPatch::parse(Args::new(&words)).unwrap()).unwrap();
    market.check();
}

#[test]
fn the_newest_millisecond_goes_on_whatever_levels_it_gets() {
    for keep in ["KEEP 1m 10 KEEP 5m 10 KEEP 1h 0", "KEEP 5m 10 KEEP 1h 0", "KEEP 1m 10 KEEP 5m 10"] {
        let mut market = market("KEEP 1m 0 KEEP 5m 0 KEEP 1h 1000 KEEP 1d 0 ANNOUNCE 1h");
        let line = |qty| Line { ts_ms: 1_700_000_000_123, side: Side::Buy, price: qty, qty, id: None };
        let one = Decimal::ten_to(0);
        assert_eq!(feed(&mut market, &line(one)), Status::Accepted);
        alter(&mut market, keep);
        assert_eq!(feed(&mut market, &line(one)), Status::Accepted, "{keep}");
        market.check();
    }
}

proptest! {
    #[test]
    fn any_interval_is_the_definition(
        lines in tape(), keys in proptest::collection::vec(0_usize..40, 0..30), zone in -48_i16..=56,
        keep in prop_oneof![
            Just("KEEP 1s 100000"), Just("KEEP 1s 20"), Just("KEEP 1m 10 KEEP 5m 3"), Just("KEEP 1m 2 KEEP 5m 2 KEEP 1h 2"),
            Just("KEEP 1m 0 KEEP 5m 0 KEEP 1h 5"), Just(""),
        ],
        order in prop_oneof![Just("TIME"), Just("ID")],
    ) {
        let zone = Zone::new(zone * 15).unwrap();
        let mut market = market(&format!("{keep} ORDER {order} TZ {zone} ANNOUNCE 1h TAIL 50"));
        let mut recorded = Vec::new();
        for line in disordered(&lines, &keys, 12, order == "TIME") {
            let status = feed(&mut market, &line);
            prop_assert!(status.is_recorded() || status == Status::Late, "{status:?}");
            if status.is_recorded() {
                recorded.push(line);
            }
        }
        market.check();
        // Stable: what came later stays later within its millisecond, and ids ascend with the tape.
        recorded.sort_by_key(|line| (line.ts_ms, if order == "ID" { line.id } else { None }));
        assert_defined(&market, &recorded, zone);
        let tail = raw(&market);
        if keep == "KEEP 1s 100000" {
            prop_assert_eq!(&tail[..], &recorded[recorded.len().saturating_sub(50)..]);
        }
    }

    #[test]
    fn feeding_a_tape_again_changes_nothing(lines in tape(), keys in proptest::collection::vec(0_usize..40, 0..30)) {
        for order in ["TIME", "ID"] {
            let mut market = market(&format!("ORDER {order} TAIL 1000 KEEP 1s 0"));
            lines.iter().for_each(|line| assert!(feed(&mut market, line).is_recorded()));
            let before = (raw(&market), market.gaps().clone(), format!("{:?}", market.prices()));
            for line in disordered(&lines, &keys, 30, false) {
                let status = feed(&mut market, &line);
                prop_assert!(matches!(status, Status::Duplicate | Status::Late), "{:?}", status);
            }
            prop_assert_eq!(before, (raw(&market), market.gaps().clone(), format!("{:?}", market.prices())));
            assert_defined(&market, &lines, Zone::default());
        }
    }

    #[test]
    fn the_vwap_of_a_window_is_that_of_its_ticks(
        lines in tape(), keys in proptest::collection::vec(0_usize..40, 0..30), zone in -48_i16..=56,
        unit in prop_oneof![Just("1s"), Just("1m")],
        window_ms in prop_oneof![1_u64..5_000, 60_000_u64..7_200_000, Just(31 * 86_400_000)], late_ms in 0_u64..100_000,
    ) {
        let zone = Zone::new(zone * 15).unwrap();
        let keep = if unit == "1s" { "KEEP 1s 100000" } else { "KEEP 1m 100000" };
        let mut market = market(&format!("{keep} TZ {zone} ANNOUNCE 1h"));
        let candle = Interval::parse("unit", unit.as_bytes()).unwrap();
        let (mut recorded, mut remembered): (Vec<Line>, _) = (Vec::new(), Remembered::default());
        for line in disordered(&lines, &keys, 12, true) {
            if !feed(&mut market, &line).is_recorded() {
                continue;
            }
            let now_ms = line.ts_ms + late_ms;
            recorded.push(line);
            let start_ms = candle.span(now_ms - window_ms, zone).start_ms;
            let end_ms = candle.span(now_ms, zone).end_ms;
            let wanted = || recorded.iter().filter(|line| (start_ms..end_ms).contains(&line.ts_ms));
            let volume: u128 = wanted().map(|line| line.qty.units(15)).sum();
            let quote: u128 = wanted().map(|line| line.price.product(line.qty)).sum();
            let expected = (quote > 0).then(|| (quote as f64 / 1e18) / (volume as f64 / 1e15));
            prop_assert_eq!(market.vwap(now_ms, window_ms, &mut remembered), expected);
        }
    }

    #[test]
    fn a_finer_level_may_begin_at_any_millisecond(trades in proptest::collection::vec(0_u64..3, 2..60), at in 1_usize..59) {
        let mut ts_ms = 1_700_000_000_000 - 1_002;
        let lines: Vec<Line> = trades.iter().map(|step| {
            // Every other trade is on the last or the first milliseconds of a second.
            ts_ms += if *step == 2 { 999 } else { *step };
            let one = Decimal::new(1, 0).unwrap();
            Line { ts_ms, side: Side::Buy, price: one, qty: one, id: None }
        }).collect();
        let mut market = market("KEEP 1m 20 KEEP 5m 20 ANNOUNCE 1d");
        for (place, line) in lines.iter().enumerate() {
            if place == at {
                alter(&mut market, "KEEP 1s 50");
            }
            prop_assert_eq!(feed(&mut market, line), Status::Accepted);
            market.check();
        }
        assert_defined(&market, &lines, Zone::default());
    }

    #[test]
    fn levels_may_be_altered_at_any_time(lines in tape(), at in 0_usize..400, keep in 0_usize..5) {
        let alterations = [
            "KEEP 1m 3", "KEEP 1m 0 KEEP 5m 2", "KEEP 1s 50", "KEEP 1d 0 KEEP 1h 0", "KEEP 1m 0 KEEP 5m 0 KEEP 1h 0",
        ];
        let mut market = market("KEEP 1m 20 KEEP 5m 20 ANNOUNCE 1d");
        for (place, line) in lines.iter().enumerate() {
            if place == at {
                alter(&mut market, alterations[keep]);
            }
            prop_assert_eq!(feed(&mut market, line), Status::Accepted);
        }
        market.check();
        assert_defined(&market, &lines, Zone::default());
    }
}
