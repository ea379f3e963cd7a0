//! The replies as the module's own core writes them: every part of them is read. What the core adds and the client
//! forgets fails here.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "tests")]

#[allow(dead_code, reason = "shared with the tests of hand-made replies")]
mod resp;

use liq_core::grammar::Args;
use liq_core::liq::request;
use liq_core::liq::series::{self, Series};
use liq_core::rl::limiter::{Kind, Limiter, Now, Rule};
use liq_core::wire::{Decode, Encode};
use redis::{FromRedisValue as _, Value};
use redis_liq::{
    AddReply, Bytes, HistogramRow, RateInfo, RateReply, Reply, SeriesInfo, Stats, StatsBuckets, StatsByExchange,
    StoredEvent, Vwap,
};

const START_MS: u64 = 1_737_910_800_000;

/// Reads the reply, and reads it again with every part of it in turn replaced by what that cannot be: each time it must be
/// refused, or the part was not looked at.
#[track_caller]
fn every_part_is_read<T: Decode>(reply: &(impl Encode + ?Sized)) -> T {
    let whole = resp::value(|wire| reply.encode(wire));
    let read = Reply::<T>::from_redis_value(whole.clone()).expect("the reply is read").into_inner();
    for place in 0.. {
        let mut changed = whole.clone();
        let Some(name) = replace_part("", &mut changed, &mut place.clone()) else { break };
        assert!(Reply::<T>::from_redis_value(changed).is_err(), "nobody reads {name}");
    }
    read
}

/// Replaces the value that `left` others stand before, and returns the name of its field or its place.
fn replace_part(name: &str, value: &mut Value, left: &mut usize) -> Option<String> {
    match value {
        Value::Map(entries) => {
            entries.iter_mut().find_map(|(key, value)| replace_part(&format!("{name}.{key:?}"), value, left))
        }
        Value::Array(items) => {
            let mut items = items.iter_mut().enumerate();
            items.find_map(|(at, item)| replace_part(&format!("{name}[{at}]"), item, left))
        }
        _ if *left > 0 => {
            *left -= 1;
            None
        }
        _ => {
            *value = Value::Array(vec![Value::Array(vec![Value::Nil])]);
            Some(name.to_owned())
        }
    }
}

/// A series with options of every kind, and events in the raw tail and behind it.
fn filled() -> Series {
    let args: [&[u8]; 6] = [b"TAIL", b"256", b"CLOCK", b"EVENT", b"SIGNALS", b"signals:{k}"];
    let patch = series::OptionsPatch::parse(Args::new(&args)).unwrap();
    let mut series = Series::new(series::Options::default().created(&patch).unwrap());
    for number in 0..600 {
        series.add(&clock(), &event(number));
    }
    series
}

const fn clock() -> series::Clock {
    series::Clock {
        time: series::Time::new(START_MS + 86_400_000, 300_000),
        max_future_ms: 300_000,
        signal_max_age_ms: 60_000,
    }
}

fn event(number: u64) -> series::Event<'static> {
    let side = if number.is_multiple_of(2) { series::Side::Sell } else { series::Side::Buy };
    let (price, size) = (1000.0 + (number % 7) as f64, 100.0 + number as f64);
    series::Event { ts_ms: START_MS + number * 60_000, side, price, size, exchange: Some(b"okx"), id_hash: 0 }
}

fn ask<T>(parse: impl Fn(Args<'_>) -> Result<T, liq_core::grammar::RequestError>, line: &str) -> T {
    let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
    parse(Args::new(&words)).unwrap()
}

#[test]
fn every_part_of_what_a_series_answers_is_read() {
    let mut series = filled();
    let info = every_part_is_read::<SeriesInfo>(&series.info(1234));
    assert_eq!((info.events, info.memory_bytes, info.exchanges), (600, 1234, vec![Bytes::from(&b"okx"[..])]));
    every_part_is_read::<AddReply>(&AddReply::from(&series.add(&clock(), &event(600))));
    let time = series::Time::new(START_MS, 300_000);
    for (line, vwap) in [("", true), ("BANDS 2 PRICE 1000", true), ("BANDS 2 PRICE 1000 AT 1", false)] {
        let reply = series.vwap(time, &ask(request::Vwap::parse, line)).unwrap();
        assert_eq!(every_part_is_read::<Vwap>(&reply).vwap.is_some(), vwap, "{line}");
    }
    every_part_is_read::<Stats>(&series.stats(time, &stats("")).unwrap());
    every_part_is_read::<Stats>(&series.stats(time, &stats("WINDOW 1d EXCHANGE okx")).unwrap());
    every_part_is_read::<StatsByExchange>(&series.stats(time, &stats("WINDOW 1d BY EXCHANGE")).unwrap());
    every_part_is_read::<StatsBuckets>(&series.stats(time, &stats("BUCKET 5m")).unwrap());
    let rows = series.histogram(time, &ask(request::Hist::parse, "WINDOW 10m")).unwrap();
    every_part_is_read::<Vec<HistogramRow>>(rows.as_slice());
    let words: [&[u8]; 4] = [b"-", b"+", b"COUNT", b"2"];
    let range = series.range(&request::Range::parse(Args::new(&words)).unwrap());
    assert_eq!(every_part_is_read::<Vec<StoredEvent>>(range.as_slice()).len(), 2);
}

fn stats(line: &'static str) -> request::Stats<'static> {
    let words: Vec<&[u8]> = line.split_whitespace().map(str::as_bytes).collect();
    request::Stats::parse(Args::new(words.leak())).unwrap()
}

#[test]
fn every_part_of_what_a_limiter_answers_is_read() {
    let now = Now::new(START_MS * 1_000, 0);
    let kinds = [Kind::Gcra, Kind::Sliding, Kind::Aligned];
    let rules: Vec<Rule> = kinds.into_iter().map(|kind| Rule::new(kind, 10, 60_000, None).unwrap()).collect();
    let mut limiter = Limiter::new(now);
    for (cost, allowed) in [(7, true), (7, false), (11, false)] {
        let reply = RateReply::from(&limiter.check(&rules, cost, now).unwrap().verdict);
        assert_eq!(every_part_is_read::<RateReply>(&reply), reply);
        assert_eq!(reply.allowed, allowed);
    }
    limiter.ban(5_000, now);
    every_part_is_read::<RateReply>(&RateReply::from(&limiter.peek(&[], 1, now).unwrap()));
    for expires_ms in [None, Some(START_MS)] {
        let info = every_part_is_read::<RateInfo>(&RateInfo::of(&limiter, 77, expires_ms, now));
        assert_eq!((info.limits.len(), info.expires_ms, info.memory_bytes), (3, expires_ms, 77));
    }
}
