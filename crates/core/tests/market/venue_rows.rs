//! Rows of the venue: they rule in their level, end gaps, and hold no time twice.

use liq_core::grammar::{Args, Decimal};
use liq_core::market::candle::{Candle, Span};
use liq_core::market::format as layout;
use liq_core::market::request::{Add, Put};
use liq_core::market::store::{Changes, Market, OptionsPatch, PutTally, Time, Whole};
use liq_core::market::tape::{Id, Moment, Order, Side, Tick};
use liq_core::steps;
use proptest::prelude::*;

use crate::tape::{add, early, market, rows, rows_at};

const M: u64 = 1_723_161_300_000;

fn put_at(market: &mut Market, words: &str, now_ms: u64) -> (PutTally, Vec<String>) {
    let words: Vec<&[u8]> = words.split_whitespace().map(str::as_bytes).collect();
    let request = Put::parse(Args::new(&words), 10_000).unwrap();
    let mut changes = Changes::default();
    let (ended, open) = market.ended_rows(request.unit, &request.rows, Time::new(now_ms, 0));
    let whole = Whole::of(request.is_whole, &request.rows, ended);
    let tally = market.put_rows(request.unit, ended, whole, Some(&mut changes));
    market.check();
    let told = changes.iter().map(|change| format!("{}{}", if change.is_amended { "~" } else { "" }, change.interval));
    (PutTally { open, ..tally }, told.collect())
}

fn put(market: &mut Market, words: &str) -> PutTally {
    put_at(market, words, u64::MAX / 4).0
}

fn minute(place: u64, price: u64) -> String {
    format!("{} {price} {price} {price} {price} 1", M + place * 60_000)
}

fn states(market: &Market, words: &str) -> String {
    states_at(market, words, early())
}

fn states_at(market: &Market, words: &str, time: Time) -> String {
    let shown = |row: &liq_core::market::store::Row| {
        format!("{}:{}:{}", (row.span.start_ms - M) / 60_000, row.candle.close, row.state.name())
    };
    rows_at(market, words, time).iter().map(shown).collect::<Vec<_>>().join(" ")
}

fn alter(market: &mut Market, words: &str) {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    market.alter(&OptionsPatch::parse(Args::new(&words)).unwrap()).unwrap();
    market.check();
    let bytes = layout::encode(market);
    layout::decode(layout::LAYOUT, &bytes).unwrap().check();
}

/// The first minutes of five are told, and the level of one minute is given up.
#[test]
fn a_row_tells_nothing_of_the_rest_of_the_longer_candle_that_it_goes_into() {
    const FIVE: u64 = M + 300_000;
    let told = |places: std::ops::Range<u64>| {
        places.map(|place| format!(" {} 100 100 100 100 1", FIVE + place * 60_000)).collect::<String>()
    };
    for keep in ["KEEP 1m 0 ANNOUNCE 5m", "KEEP 1m 0 KEEP 5m 0 KEEP 1h 0 ANNOUNCE 1d"] {
        for has_traded in [true, false] {
            let mut market = market("");
            if has_traded {
                add(&mut market, &format!("{FIVE} buy 100 1"));
                add(&mut market, &format!("{} buy 101 1", FIVE + 60_000));
            }
            put(&mut market, &format!("1m OHLCV{}", told(0..if has_traded { 1 } else { 2 })));
            alter(&mut market, keep);
            for (ts_ms, status) in [(240_000, "accepted"), (240_000, "accepted"), (180_000, "merged")] {
                let told = add(&mut market, &format!("{} sell 50 1", FIVE + ts_ms)).0.name();
                assert_eq!(told, status, "{keep} {has_traded} {ts_ms}");
            }
        }
    }
    let mut market = market("");
    put(&mut market, &format!("1m OHLCV{}", told(0..5)));
    alter(&mut market, "KEEP 1m 0 ANNOUNCE 5m");
    assert_eq!(add(&mut market, &format!("{} sell 50 1", FIVE + 299_999)).0.name(), "duplicate");
    assert_eq!(add(&mut market, &format!("{} sell 50 1", FIVE + 300_000)).0.name(), "accepted");
}

/// A row opens the longer candle that it goes into, whether trades came where it is or not: a late trade of its first
/// millisecond is not earlier than it.
#[test]
fn no_trade_is_earlier_than_where_a_row_begins() {
    for has_traded in [true, false] {
        let mut market = market("ANNOUNCE 1d");
        if has_traded {
            add(&mut market, &format!("{M} buy 100 1"));
        }
        put(&mut market, &format!("1m OHLCV {M} 95 100 90 99 1"));
        add(&mut market, &format!("{} buy 101 1", M + 60_000));
        for keep in ["KEEP 1m 0", "KEEP 5m 0"] {
            alter(&mut market, keep);
            assert_eq!(add(&mut market, &format!("{M} sell 96 1")).0.name(), "merged", "{has_traded} {keep}");
            let open = rows(&market, "1h")[0].candle.open;
            assert_eq!(open.to_string(), "95", "{has_traded} {keep}");
        }
    }
}

/// Puts a row for each of these minutes.
fn put_minutes(market: &mut Market, places: impl Iterator<Item = u64>) {
    let rows: Vec<String> = places.map(|place| minute(place, 100)).collect();
    for rows in rows.chunks(5_000) {
        put(market, &format!("1m OHLCV {}", rows.join(" ")));
    }
}

/// Ids that jump while times go from one end of the rows to the other: each tick begins a gap over all of them.
#[test]
fn a_gap_over_many_rows_costs_little() {
    for step in [1, 2] {
        let mut market = market("ORDER ID KEEP 1m 100000");
        put_minutes(&mut market, (0..40_000).step_by(step));
        for place in 0..600 {
            let minute = if place % 2 == 0 { 0 } else { 39_998 };
            let words = format!("{} buy 1 1 ID {}", M + minute * 60_000 + place, place * 2 + 1);
            let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
            let tick = Add::parse(Args::new(&words)).unwrap().tick.resolve(0, false);
            let before = steps::taken();
            assert_eq!(market.add(&tick, early(), u64::MAX / 4, &mut Changes::default()).name(), "duplicate");
            let taken = steps::taken() - before;
            // The first trade looks at all rows; another one at no more than two thousand candles, to be told and to be ended.
            assert!(place == 0 || taken < 3_000, "{step} {place}: {taken}");
        }
        market.check();
    }
}

/// A minute's candle: of a trade in its midst or, as a row, of all of it.
fn candle(place: u64, is_row: bool, is_traded: bool) -> Candle {
    let start_ms = M + place * 60_000;
    let id = Id::Numbers { first: place, last: place };
    let (price, qty) = (Decimal::new(100 + place, 0).unwrap(), Decimal::ten_to(0));
    let built = Candle::of(&Tick { ts_ms: start_ms + 30_000, side: Side::Buy, price, qty, id }, Order::Id, start_ms);
    if !is_row {
        return built;
    }
    let moment = |ts_ms| Moment { ts_ms, id: 0 };
    let (first, last) = (moment(start_ms), moment(start_ms + 59_999));
    let mut row = Candle { first, last, is_row, ..built };
    if is_traded {
        row.mark_traded();
    }
    row
}

fn merged(candles: &[Candle]) -> Option<Candle> {
    let (first, rest) = candles.split_first()?;
    let mut all = *first;
    rest.iter().for_each(|candle| all.merge(candle));
    Some(all)
}

proptest! {
    /// What was packed in one way and is packed in another after a reload says the same.
    #[test]
    fn candles_merge_alike_however_they_are_grouped(
        minutes in prop::collection::vec((1_u64..3, any::<bool>(), any::<bool>()), 2..12), cut in 1_usize..11,
    ) {
        let mut place = 0;
        let candles = minutes.iter().map(|(further, is_row, is_traded)| {
            place += further;
            candle(place, *is_row, *is_traded)
        });
        let candles: Vec<Candle> = candles.collect();
        let (before, after) = candles.split_at(cut.min(candles.len() - 1));
        let mut grouped = merged(before).unwrap();
        grouped.merge(&merged(after).unwrap());
        prop_assert_eq!(Some(grouped), merged(&candles));
    }

    #[test]
    fn rows_tell_of_where_they_are(
        minutes in proptest::collection::btree_set(0_u64..400, 1..400), traded in proptest::collection::btree_set(0_u64..400, 0..4),
        from in 0_u64..400, length in 0_u64..400, at_most in 1_usize..100,
    ) {
        let mut market = market("");
        put_minutes(&mut market, minutes.iter().copied());
        for place in &traded {
            add(&mut market, &format!("{} buy 1 1", M + place * 60_000));
        }
        let level = &market.levels().list()[0];
        let at = |place: u64| M + place * 60_000;
        let span = Span { start_ms: at(from), end_ms: at(from + length) };
        // A block of nothing but rows comes as a whole.
        let told = level.told_by_rows(span, usize::MAX);
        let is_told = |told: &[Span], place: u64| told.iter().any(|span| (span.start_ms..span.end_ms).contains(&at(place)));
        for place in 0..400 {
            let is_row = level.get(at(place)).is_some_and(|candle| candle.is_row);
            prop_assert!(is_row || !is_told(&told, place), "{}", place);
            prop_assert!(!(from..from + length).contains(&place) || is_row == is_told(&told, place), "{}", place);
        }
        prop_assert!(told.windows(2).all(|pair| pair[0].start_ms > pair[1].end_ms), "apart, newest first");
        let some = level.told_by_rows(span, at_most);
        prop_assert!(some.iter().zip(&told).all(|(some, all)| some.end_ms == all.end_ms && some.start_ms >= all.start_ms));
    }
}

#[test]
fn a_row_takes_the_place_of_what_was_built_and_ends_its_gap() {
    let mut market = market("");
    for (place, price) in [(2, 100), (3, 101), (5, 102)] {
        add(&mut market, &format!("{} buy {price} 1", M + place * 60_000));
    }
    assert_eq!(states(&market, "1m"), "2:100:partial 3:101:closed 5:102:open");
    let tally = put(&mut market, &format!("1m OHLCV {} {} {}", minute(3, 101), minute(2, 99), minute(1, 98)));
    assert_eq!((tally.inserted, tally.replaced, tally.same), (1, 2, 0), "a row tells fewer columns");
    assert_eq!(states(&market, "1m"), "1:98:closed 2:99:closed 3:101:closed 5:102:open");
    let again = put(&mut market, &format!("1m OHLCV {} {}", minute(2, 99), minute(1, 98)));
    assert_eq!((again.inserted, again.replaced, again.same), (0, 0, 2));
    assert_eq!(rows(&market, "1m")[0].candle.trades, None, "what a row does not tell is null");
    // What happened inside a row is told already.
    assert_eq!(add(&mut market, &format!("{} buy 100 1", M + 61_000)).0.name(), "duplicate");
    assert_eq!(market.gaps().list().len(), 1);
    assert_eq!(market.gaps().list()[0].to_ms, M + 59_999, "only what was before is not known");
}

#[test]
fn whole_rows_end_gaps_between_them_and_what_they_do_not_name_goes() {
    let mut market = market("ANNOUNCE 5m");
    for place in [0, 1, 3, 4, 11] {
        add(&mut market, &format!("{} buy 100 1 GAP", M + place * 60_000));
    }
    let (tally, told) = put_at(&mut market, &format!("1m WHOLE OHLCV {} {}", minute(0, 7), minute(4, 8)), u64::MAX / 4);
    assert_eq!((tally.replaced, tally.removed), (2, 2));
    assert_eq!(told, ["~5m"], "what was announced is amended, once");
    assert_eq!(states(&market, "1m CLOSED"), "0:7:closed 4:8:closed");
    assert_eq!(states(&market, "1m FILL CLOSED COUNT 12").split(' ').nth(2), Some("2:7:filled"));
    assert!(market.gaps().list().iter().any(|gap| gap.to_ms == M + 11 * 60_000), "what lies behind is not known");
}

#[test]
fn no_time_is_held_twice() {
    let mut market = market("KEEP 1m 4 KEEP 5m 4");
    for place in 20..24 {
        add(&mut market, &format!("{} buy 100 1", M + place * 60_000));
    }
    let five = |place: u64| format!("{} 5 5 5 5 50", M + place * 300_000);
    let tally = put(&mut market, &format!("5m OHLCV {} {} {}", five(4), five(3), five(2)));
    assert_eq!((tally.covered, tally.inserted), (1, 2), "minutes are held from 20 on");
    let tally = put(&mut market, &format!("1m OHLCV {} {}", minute(19, 7), minute(14, 7)));
    assert_eq!((tally.late, tally.inserted), (2, 0), "five minutes tell of that");
    assert_eq!(add(&mut market, &format!("{} buy 100 1", M + 19 * 60_000)).0.name(), "late");
    assert_eq!(states(&market, "5m"), "10:5:closed 15:5:closed 20:100:open");
    let hours: u64 = rows(&market, "1d").iter().map(|row| row.candle.volume as u64 / 1_000_000_000_000_000).sum();
    assert_eq!(hours, 104, "each trade once");
}

#[test]
fn what_has_not_ended_is_left_out() {
    let mut market = market("");
    let (tally, _) = put_at(&mut market, &format!("1m OHLCV {} {}", minute(0, 5), minute(1, 6)), M + 119_999);
    assert_eq!((tally.inserted, tally.open), (1, 1));
    assert_eq!(rows_at(&market, "1m", Time::new(M + 300_000, 0)).len(), 1);
}

#[test]
fn rows_before_the_first_tick_are_whole_and_what_lies_between_is_not() {
    for order in ["ID", "TIME"] {
        let mut market = market(&format!("ORDER {order}"));
        put(&mut market, &format!("1m OHLCV {} {}", minute(0, 5), minute(1, 6)));
        add(&mut market, &format!("{} buy 7 1 ID 50", M + 240_001));
        add(&mut market, &format!("{} buy 7 1 ID 51", M + 300_000));
        assert_eq!(states(&market, "1m"), "0:5:closed 1:6:closed 4:7:partial 5:7:open", "{order}");
        let filled = states(&market, "1m FILL");
        assert!(filled.contains("2:6:missing 3:6:missing 4:7:partial"), "{order}: {filled}");
        // A row may also be ahead of the ticks that come then.
        put(&mut market, &format!("1m OHLCV {} {}", minute(6, 8), minute(7, 8)));
        add(&mut market, &format!("{} buy 9 1 ID 60 GAP", M + 8 * 60_000));
        assert!(states(&market, "1m").ends_with("5:7:partial 6:8:closed 7:8:closed 8:9:open"), "{order}");
    }
}

#[test]
fn rows_that_contradict_themselves_are_refused() {
    let error = |words: &str| {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        Put::parse(Args::new(&words), 3).unwrap_err().to_string()
    };
    assert_eq!(error("1m OHLCV 0 5 4 3 4 1"), "item 1: row: open and close must lie between low and high, got '3 4'");
    assert_eq!(error("1m OHLCV 0 5 5 5 5 1 0 5 5 5 5 1"), "item 2: start: given more than once, got '0'");
    assert_eq!(error("2m OHLCV 0 5 5 5 5 1"), "level: must be 1s, 1m, 5m, 1h or 1d, got '2m'");
    assert_eq!(error("1m OHLCV 0 5 5 5 5"), "wrong number of arguments");
    assert_eq!(error("1m OHLCV 0 5 5 x 5 1"), "item 1: low: not a number, got 'x'");
    assert_eq!(error("1m PACK x"), "PACK: not a MessagePack array of rows, got 'x'");
    let four = "0 5 5 5 5 1 60000 5 5 5 5 1 120000 5 5 5 5 1 180000 5 5 5 5 1";
    assert_eq!(error(&format!("1m OHLCV {four}")), "OHLCV: more than 3 (liq.max-batch), got '4'");
}

#[test]
fn a_quote_opens_no_time_that_rows_tell_of() {
    let mut market = market("");
    let quote = liq_core::market::store::Quote { ts_ms: M + 1_000, ..Default::default() };
    let verdict = market.judge_quote(&quote, early(), crate::tape::NEVER);
    market.record_quote(&quote, &verdict, None);
    put(&mut market, &format!("1h OHLCV {} 5 5 5 5 1", M / 3_600_000 * 3_600_000));
    assert_eq!(add(&mut market, &format!("{} buy 100 1", M + 1_000)).0.name(), "late");
    assert_eq!(rows(&market, "1h")[0].candle.volume, 1_000_000_000_000_000);
}

#[test]
fn between_rows_nothing_is_known_before_the_first_tick() {
    let shown = |market: &Market, words: &str| states_at(market, words, Time::new(M + 310_000, 0));
    let calls = [vec![0, 3, 4], vec![0], vec![3, 4]];
    for order in [&calls[..1], &[calls[1].clone(), calls[2].clone()], &[calls[2].clone(), calls[1].clone()]] {
        let mut market = market("");
        for call in order {
            let rows: Vec<String> = call.iter().map(|place| minute(*place, 2)).collect();
            put(&mut market, &format!("1m OHLCV {}", rows.join(" ")));
        }
        assert_eq!(shown(&market, "5m CLOSED"), "0:2:partial", "{order:?}");
        assert_eq!(shown(&market, "1m - + COUNT 5 FILL"), "0:2:closed 1:2:missing 2:2:missing 3:2:closed 4:2:closed");
        put(&mut market, &format!("1m WHOLE OHLCV {} {}", minute(0, 2), minute(4, 2)));
        assert_eq!(
            shown(&market, "1m - + COUNT 5 FILL CLOSED"),
            "0:2:closed 1:2:filled 2:2:filled 3:2:filled 4:2:closed"
        );
        assert_eq!(shown(&market, "5m CLOSED"), "0:2:closed");
    }
}

#[test]
fn whole_rows_tell_of_the_time_up_to_one_that_is_open() {
    let mut market = market("ORDER ID CLOCK EVENT");
    for (ts_ms, id) in [(M + 1_000, 1), (M + 120_001, 3), (M + 300_001, 10)] {
        add(&mut market, &format!("{ts_ms} buy 5 1 ID {id}"));
    }
    let rows = format!("1m WHOLE OHLCV {} {}", minute(0, 7), minute(5, 8));
    let (tally, _) = put_at(&mut market, &rows, 0);
    assert_eq!((tally.replaced, tally.open, tally.removed), (1, 1, 1));
    let gaps: Vec<(u64, u64)> = market.gaps().list().iter().map(|gap| (gap.from_ms, gap.to_ms)).collect();
    assert_eq!(gaps, [(0, M - 1), (M + 300_000, M + 300_001)]);
    assert_eq!(states(&market, "5m"), "0:7:closed 5:5:open");
}

/// The first rows and the last tell of time that another level holds: they are left out, and what lies between is known.
#[test]
fn whole_rows_tell_of_the_time_from_the_first_that_was_given_to_the_last() {
    let gaps = |market: &Market| -> Vec<(i64, i64)> {
        let minute = |ms: u64| (ms.cast_signed() - M.cast_signed()).div_euclid(60_000);
        market.gaps().list().iter().map(|gap| (minute(gap.from_ms).max(0), minute(gap.to_ms))).collect()
    };
    let mut coarser = market("KEEP 1m 4");
    for place in 18..26 {
        add(&mut coarser, &format!("{} buy 100 1 GAP", M + place * 60_000));
    }
    let rows = [minute(19, 7), minute(24, 8), minute(25, 8)].join(" ");
    let tally = put(&mut coarser, &format!("1m WHOLE OHLCV {rows}"));
    assert_eq!((tally.late, tally.replaced, tally.removed), (1, 2, 2), "22 and 23 are held, and not named");
    assert_eq!(gaps(&coarser), [(0, 18), (18, 19), (19, 19)], "what was left out ends no gap of its own");

    let mut finer = market("");
    for place in [0, 5, 10, 17, 22] {
        add(&mut finer, &format!("{} buy 100 1 GAP", M + place * 60_000));
    }
    alter(&mut finer, "KEEP 1m 0 ANNOUNCE 5m");
    alter(&mut finer, "KEEP 1m 100");
    for place in [26, 27, 28] {
        add(&mut finer, &format!("{} buy 100 1 GAP", M + place * 60_000));
    }
    let five = |place: u64| format!("{} 5 5 5 5 50", M + place * 60_000);
    let tally = put(&mut finer, &format!("5m WHOLE OHLCV {} {} {}", five(0), five(5), five(25)));
    assert_eq!((tally.replaced, tally.covered, tally.removed), (2, 1, 3));
    assert_eq!(gaps(&finer), [(0, -1), (25, 26), (26, 27), (27, 28)]);
}

/// A row that was put before the feed begins says all of its time, whichever level it is of.
#[test]
fn a_row_before_the_first_tick_stays_whole() {
    const HOUR: u64 = M - 55 * 60_000;
    for options in ["", "ORDER ID"] {
        for interval in ["5m", "1h"] {
            let mut market = market(options);
            put(&mut market, &format!("{interval} OHLCV {HOUR} 1 2 1 2 5"));
            add(&mut market, &format!("{} - 2 1 ID 7", HOUR + 4_800_000));
            assert_eq!(
                rows(&market, &format!("{interval} {HOUR} {HOUR}"))[0].state.name(),
                "closed",
                "{interval} {options}"
            );
        }
    }
}

/// A level that begins within the first millisecond of a coarser candle: both count.
#[test]
fn a_window_holds_what_begins_together() {
    const HOUR: u64 = M - 55 * 60_000;
    let mut market = market("");
    add(&mut market, &format!("{HOUR} - 100 5"));
    alter(&mut market, "KEEP 1s 100");
    add(&mut market, &format!("{} - 101 1", HOUR + 500));
    let span = Span { start_ms: HOUR, end_ms: u64::MAX };
    let sum = market.levels().merged(span, &mut Default::default()).unwrap();
    assert_eq!((sum.volume, sum.open.to_string(), sum.trades), (6 * 10_u128.pow(15), "100".to_owned(), Some(2)));
    assert_eq!(market.levels().traded(span, &mut Default::default()).volume, 6 * 10_u128.pow(15));
}
