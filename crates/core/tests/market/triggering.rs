//! Triggers in a market: which prices they are judged by, and in which order.

use liq_core::grammar::Args;
use liq_core::market::request::{Add, QuoteRequest, SetTrigger};
use liq_core::market::store::{Changes, Judging, Market, Time};
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
