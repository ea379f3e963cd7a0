//! Triggers in a market: which prices they are judged by, and in which order.

use liq_core::grammar::Args;
use liq_core::market::format as layout;
use liq_core::market::request::{Add, QuoteRequest, SetTrigger};
use liq_core::market::store::{Changes, Judging, Market, OptionsPatch, Time};
use liq_core::market::triggers::{Fire, Which};

use crate::tape::market;

const MINUTE_MS: u64 = 60_000;

/// A moment of the server, later than everything of the tests but what is said to be old.
fn judging(now_ms: u64) -> Judging {
    Judging { time: Time::new(now_ms, MINUTE_MS), max_age_ms: MINUTE_MS }
}

/// What a command let fire: ids, causes, levels, prices and the trades.
fn fired(market: &Market, changes: &Changes) -> Vec<String> {
    let told = |fire: &Fire| {
        let price =
            |price: Option<i128>| price.map_or(String::new(), |price| (price / 1_000_000_000_000_000).to_string());
        let id = String::from_utf8_lossy(&fire.id);
        let tick = String::from_utf8_lossy(&fire.tick);
        format!("{id} {} {} {} {tick}", fire.cause.name(), price(fire.level), price(fire.price))
    };
    market.fired(changes).map(told).collect()
}

fn run(market: &mut Market, now_ms: u64, words: &str) -> Vec<String> {
    let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
    let mut changes = Changes::judging(judging(now_ms));
    let time = judging(now_ms).time;
    market.expire_triggers(time, &mut changes);
    match words[0] {
        b"set" => {
            let request = SetTrigger::parse(Args::new(&words[1..])).unwrap();
            market.set_trigger(&request.order(), 10, time, &mut changes).unwrap();
        }
        b"quote" => {
            let quote = QuoteRequest::parse(Args::new(&words[1..])).unwrap().resolve(now_ms);
            let verdict = market.judge_quote(&quote, time, MINUTE_MS);
            market.record_quote(&quote, &verdict, Some(&mut changes));
        }
        _ => {
            let request = Add::parse(Args::new(&words)).unwrap();
            market.add(&request.tick.resolve(now_ms, request.gap), time, MINUTE_MS, &mut changes);
        }
    }
    market.check();
    fired(market, &changes)
}

#[test]
fn only_the_newest_and_young_prices_are_judged_and_all_accepted_ones_are_heeded() {
    let mut market = market("KEEP 1s 100");
    run(&mut market, 1_000_000, "1000000 buy 100 1 ID 1");
    assert_eq!(run(&mut market, 1_000_000, "set a LONG SL 90"), [""; 0]);
    assert_eq!(run(&mut market, 1_000_000, "set b LONG TRAIL 20"), [""; 0]);
    assert_eq!(run(&mut market, 1_000_100, "999999 buy 80 1 ID 2"), [""; 0], "an older tick is merged");
    // A minute behind: replayed and spooled ticks do not trade, but the high is one.
    assert_eq!(run(&mut market, 1_100_000, "1001000 buy 140 1 ID 3"), [""; 0]);
    assert_eq!(run(&mut market, 1_100_000, "1002000 buy 70 1 ID 4"), [""; 0]);
    assert_eq!(market.triggers().totals().unjudged, 2);
    assert_eq!(run(&mut market, 1_100_000, "1100000 buy 110 1 ID 5-6"), ["b trail 120 110 5-6"]);
    assert_eq!(run(&mut market, 1_100_001, "1100001 sell 60 1"), ["a sl 90 60 "]);
}

#[test]
fn sources_of_a_quote_are_judged_in_their_order() {
    let mut market = market("");
    for (id, by) in
        [("index", "index"), ("mark", "mark"), ("mid", "mid"), ("ask", "ask"), ("bid", "bid"), ("last", "last")]
    {
        run(&mut market, 5_000, &format!("set {id} BELOW 90 BY {by}"));
    }
    let all = run(&mut market, 5_000, "quote 5000 INDEX 80 MARK 80 ASK 81 1 BID 79 1");
    let ids: Vec<&str> = all.iter().map(|fire| fire.split(' ').next().unwrap()).collect();
    assert_eq!(ids, ["bid", "ask", "mid", "mark", "index"]);
    assert_eq!(run(&mut market, 5_001, "5001 buy 90 1"), ["last below 90 90 "]);
}

#[test]
fn a_set_is_judged_by_prices_that_are_not_stale() {
    let mut market = market("STALE 10s");
    run(&mut market, 50_000, "50000 buy 80 1 ID 77");
    assert_eq!(run(&mut market, 60_001, "set late LONG SL 90"), [""; 0]);
    assert_eq!(run(&mut market, 60_000, "set now LONG SL 90"), ["now sl 90 80 77"]);
    let standing = |market: &Market| market.list_triggers(Which::All, 0, 9).len();
    assert_eq!(standing(&market), 2, "one armed, one owed");
}

/// Ticks of before an outage that come late: accepted, but not what a stop that was set meanwhile waits for.
#[test]
fn a_stop_begins_with_no_price_that_was_stale_when_it_was_set() {
    let mut market = market("STALE 10s");
    run(&mut market, 1_000_000, "1000000 buy 100 1");
    let waits = |market: &Market| (market.triggers().armed(), market.triggers().waiting());
    run(&mut market, 1_030_000, "set a LONG TRAIL 10");
    run(&mut market, 1_030_000, "set b SHORT TRAIL 10");
    run(&mut market, 1_030_000, "set c LONG TRAIL 10 ACTIVATE 150");
    run(&mut market, 1_030_000, "set d LONG TRAIL 100 EXTREME 190");
    assert_eq!(waits(&market), (1, 3));
    assert_eq!(run(&mut market, 1_030_100, "1019999 buy 200 1"), [""; 0]);
    assert_eq!(waits(&market), (1, 3), "200 was, and 150 was reached, before");
    market = layout::decode(layout::LAYOUT, &layout::encode(&market)).unwrap();
    // Under way while they were set: a price that was held would have been taken as well.
    assert_eq!(run(&mut market, 1_030_200, "1020000 buy 120 1"), [""; 0]);
    assert_eq!(waits(&market), (3, 1));
    assert_eq!(run(&mut market, 1_030_300, "1030300 buy 129 1"), [""; 0]);
    assert_eq!(run(&mut market, 1_030_400, "1030400 buy 119 1"), ["a trail 119 119 "]);
    assert_eq!(run(&mut market, 1_030_500, "1030500 buy 130 1"), ["b trail 129 130 "]);
    assert_eq!(run(&mut market, 1_030_600, "1030600 buy 150 1"), [""; 0]);
    assert_eq!(run(&mut market, 1_030_700, "1030700 buy 140 1"), ["c trail 140 140 "]);
    assert_eq!(
        run(&mut market, 1_030_800, "1030800 buy 100 1"),
        ["d trail 100 100 "],
        "which had seen 200: it tracked"
    );
}

/// Before anything was seen, now is the server's clock: what is replayed behind that is as old as it is.
#[test]
fn a_stop_that_was_set_before_a_replay_begins_with_its_first_price() {
    let mut market = market("CLOCK EVENT");
    run(&mut market, 1_030_000, "set a LONG TRAIL 10");
    run(&mut market, 1_030_000, "quote 5000 MARK 7");
    market = layout::decode(layout::LAYOUT, &layout::encode(&market)).unwrap();
    assert_eq!(run(&mut market, 1_030_000, "5001 buy 100 1"), [""; 0]);
    assert_eq!(run(&mut market, 1_030_000, "5002 buy 90 1"), ["a trail 90 90 "]);
    run(&mut market, 1_030_000, "quote 90000 MARK 7");
    run(&mut market, 1_030_000, "set b LONG TRAIL 10");
    run(&mut market, 1_030_000, "79999 buy 200 1");
    assert_eq!(market.triggers().waiting(), 1);
    run(&mut market, 1_030_000, "80000 buy 100 1");
    assert_eq!(market.triggers().waiting(), 0);
}

/// What is stale by another time from now on, and a reload, change nothing of each other.
#[test]
fn what_waits_heeds_the_time_that_makes_prices_stale_now() {
    let fed = |words: &str| {
        let mut market = market("STALE 60s");
        run(&mut market, 1_000_000, "1000000 buy 100 1");
        run(&mut market, 1_030_000, "set a LONG TRAIL 10 ACTIVATE 150");
        run(&mut market, 1_030_100, "1001000 buy 110 1");
        let words: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        market.alter(&OptionsPatch::parse(Args::new(&words)).unwrap()).unwrap();
        market
    };
    for (words, waiting) in [("STALE 10s", 1), ("STALE 60s", 0)] {
        let market = fed(words);
        let loaded = layout::decode(layout::LAYOUT, &layout::encode(&market)).unwrap();
        for mut market in [market, loaded] {
            run(&mut market, 1_030_200, "1002000 buy 160 1");
            assert_eq!(market.triggers().waiting(), waiting, "{words}");
        }
    }
}

#[test]
fn what_expires_goes_first() {
    let mut market = market("");
    run(&mut market, 5_000, "set a BELOW 90 EXPIRES 6000");
    run(&mut market, 5_000, "set b BELOW 90 EXPIRES 7000");
    assert_eq!(run(&mut market, 6_001, "6001 buy 80 1"), ["a expired   ", "b below 90 80 "]);
    let heartbeat = run(&mut market, 9_000, "quote 9000");
    assert_eq!(heartbeat, [""; 0]);
}

#[test]
fn a_replica_follows_and_judges_nothing() {
    let mut market = market("");
    run(&mut market, 5_000, "5000 buy 100 1");
    run(&mut market, 5_000, "set a LONG TRAIL 10");
    let words: Vec<&[u8]> = b"5001 buy 120 1".split(|byte| *byte == b' ').collect();
    let report = Add::parse(Args::new(&words)).unwrap().tick.resolve(5_001, false);
    let status = market.judge_tick(&report, Time::new(5_001, 0), 0);
    market.record_tick(&report, status, None);
    let words: Vec<&[u8]> = b"5002 buy 50 1".split(|byte| *byte == b' ').collect();
    let report = Add::parse(Args::new(&words)).unwrap().tick.resolve(5_002, false);
    let status = market.judge_tick(&report, Time::new(5_002, 0), 0);
    market.record_tick(&report, status, None);
    assert_eq!(market.triggers().armed(), 1);
    assert_eq!(run(&mut market, 5_003, "5003 buy 110 1"), ["a trail 110 110 "]);
}
