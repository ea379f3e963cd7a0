//! What TICK.ALTER changes from then on, and not before: what is announced, where trades may still come, how much a level
//! holds at least.

use liq_core::grammar::Args;
use liq_core::market::format as layout;
use liq_core::market::request::Add;
use liq_core::market::store::{Changes, Market, OptionsPatch};
use liq_core::steps;

use crate::tape::{NEVER, add, early, market};
use crate::told::{M, MINUTE, alter, minute, put, tick};

fn reloaded(market: &Market) -> Market {
    let saved = layout::encode(market);
    let again = layout::decode(layout::LAYOUT, &saved).unwrap();
    assert!(layout::encode(&again) == saved, "a reload is seen");
    again
}

/// Of an interval that is announced later, nobody was told what had closed until then.
#[test]
fn only_what_was_announced_is_amended() {
    let mut market = market("CLOCK EVENT");
    for place in 0..12 {
        tick(&mut market, &format!("{} buy 5 1", M + place * MINUTE));
    }
    alter(&mut market, "ANNOUNCE 5m ANNOUNCE 1m");
    market = reloaded(&market);
    let late = |place: u64| format!("{} buy 6 1", M + place * MINUTE + 1);
    assert_eq!(tick(&mut market, &late(3)), ["amended 1m 3 closed"]);
    assert_eq!(put(&mut market, &format!("1m OHLCV {}", minute(4, 9))), ["amended 1m 4 closed"]);
    let doubt = tick(&mut market, &format!("{} buy 6 1 GAP", M + 5 * MINUTE + 1));
    let amended = |place: u64| format!("amended 1m {place} partial");
    assert_eq!(
        doubt,
        (5..11).map(amended).collect::<Vec<_>>(),
        "the gap lies over a five minutes that nobody heard of"
    );
    assert_eq!(tick(&mut market, &format!("{} buy 5 1", M + 14 * MINUTE)), ["closed 1m 11 partial"]);
    let closed = tick(&mut market, &format!("{} buy 5 1", M + 15 * MINUTE));
    assert_eq!(closed, ["closed 5m 10 partial", "closed 1m 14 closed"]);
    market = reloaded(&market);
    assert_eq!(tick(&mut market, &late(14)), ["amended 5m 10 partial", "amended 1m 14 closed"]);
    alter(&mut market, "ANNOUNCE 5m");
    assert_eq!(tick(&mut market, &late(14)), ["amended 5m 10 partial"], "it went on");
    alter(&mut market, "ANNOUNCE 5m ANNOUNCE 1m");
    assert_eq!(
        tick(&mut market, &late(13)),
        ["amended 5m 10 partial"],
        "an empty minute that nobody would have heard of"
    );
}

/// The level that rows were given for goes: its candles become parts of longer ones, with holes between them.
#[test]
fn a_trade_between_rows_is_recorded_whatever_the_rows_became() {
    let mut market = market("CLOCK EVENT");
    add(&mut market, &format!("{} buy 5 1", M + 17 * MINUTE));
    put(&mut market, &format!("1m OHLCV {} {} {}", minute(0, 5), minute(1, 5), minute(3, 5)));
    put(&mut market, &format!("1m OHLCV {} {}", minute(6, 5), minute(7, 5)));
    let all: Vec<String> = (10..15).map(|place| minute(place, 5)).collect();
    put(&mut market, &format!("1m OHLCV {}", all.join(" ")));
    alter(&mut market, "KEEP 1m 0 ANNOUNCE 5m");
    market = reloaded(&market);
    let volume = |market: &Market, place: u64| {
        let start_ms = M + place * MINUTE;
        market.levels().list()[0].get(start_ms).map(|candle| candle.volume / 10_u128.pow(15))
    };
    let late = |place: u64| format!("{} buy 6 1", M + place * MINUTE + 1);
    assert_eq!(add(&mut market, &late(7)).0.name(), "duplicate", "a row tells of it");
    assert_eq!(add(&mut market, &late(12)).0.name(), "duplicate", "rows tell of all of it");
    for (place, candle, held) in [(2, 0, 4), (4, 0, 5), (5, 5, 3), (8, 5, 4), (9, 5, 5)] {
        assert_eq!(add(&mut market, &late(place)).0.name(), "amended", "{place}");
        market = reloaded(&market);
        assert_eq!(volume(&market, candle), Some(held), "{place}");
    }
}

/// Nobody was told of what rows alone made, whatever the rows became, until a trade came into it.
#[test]
fn what_was_made_of_rows_alone_was_not_announced() {
    let made = || {
        let mut market = market("CLOCK EVENT ANNOUNCE 5m");
        tick(&mut market, &format!("{} buy 5 1", M + 17 * MINUTE));
        put(&mut market, &format!("1m OHLCV {} {}", minute(0, 5), minute(3, 5)));
        alter(&mut market, "KEEP 1m 0");
        reloaded(&market)
    };
    let late = format!("{} buy 6 1", M + 2 * MINUTE);
    assert_eq!(put(&mut made(), &format!("5m OHLCV {}", minute(0, 7))), [""; 0]);
    let mut traded = made();
    assert_eq!(tick(&mut traded, &late), ["closed 5m 0 partial"]);
    assert_eq!(tick(&mut traded, &late), ["amended 5m 0 partial"]);
    assert_eq!(put(&mut traded, &format!("5m OHLCV {}", minute(0, 7))), ["amended 5m 0 closed"]);
}

/// A late tick that says that trades may be missing looks for candles that were told of: rows told of none.
#[test]
fn a_gap_over_rows_is_looked_through_by_the_block() {
    let cost = |rows: u64| {
        let mut market = market("CLOCK EVENT KEEP 1m 100000");
        add(&mut market, &format!("{M} buy 5 1"));
        add(&mut market, &format!("{} buy 5 1", M + 2_000 * MINUTE));
        let rows: Vec<String> = (10..10 + rows).map(|place| minute(place, 5)).collect();
        put(&mut market, &format!("1m OHLCV {}", rows.join(" ")));
        let words = format!("{} buy 5 1 GAP", M + MINUTE);
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let request = Add::parse(Args::new(&words)).unwrap();
        let before = steps::taken();
        market.add(&request.tick.resolve(0, request.gap), early(), NEVER, &mut Changes::default());
        steps::taken() - before
    };
    let (few, many) = (cost(120), cost(900));
    assert!(many < few + 150, "{few} steps over 120 rows, {many} over 900");
}

/// What a level holds makes at least one candle of the next. What was made before stays, and may be altered elsewhere.
#[test]
fn a_level_makes_at_least_one_candle_of_the_next() {
    let refused = |held: &Market, words: &str| {
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let patch = OptionsPatch::parse(Args::new(&words)).unwrap();
        patch.check_keep(held.options().keep).err().map(|error| error.to_string())
    };
    let least = |text: &str| Some(format!("KEEP: {text}"));
    let usual = market("");
    for words in ["KEEP 1m 5", "KEEP 1s 60", "KEEP 1d 1", "KEEP 1m 1 KEEP 5m 0 KEEP 1h 0 KEEP 1d 0", "KEEP 5m 0"] {
        assert_eq!(refused(&usual, words), None, "{words}");
    }
    assert_eq!(refused(&usual, "KEEP 1m 4"), least("1m must hold at least 5, one candle of 5m"));
    assert_eq!(refused(&usual, "KEEP 1s 59"), least("1s must hold at least 60, one candle of 1m"));
    assert_eq!(refused(&usual, "KEEP 1m 0 KEEP 5m 11"), least("5m must hold at least 12, one candle of 1h"));
    assert_eq!(refused(&usual, "KEEP 1h 23"), least("1h must hold at least 24, one candle of 1d"));
    let made_before = reloaded(&market("KEEP 1m 3 KEEP 5m 2"));
    for words in ["STALE 1m", "KEEP 1d 5"] {
        assert_eq!(refused(&made_before, words), None, "{words}");
    }
    assert_eq!(refused(&made_before, "KEEP 5m 12"), least("1m must hold at least 5, one candle of 5m"));
}
