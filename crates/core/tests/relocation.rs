//! Every buffer that is measured is shown to whoever moves buffers, in the same order every time, and moving changes
//! nothing that is said or saved.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "tests may stop")]

use std::collections::HashSet;

use liq_core::grammar::Args;
use liq_core::liq::format;
use liq_core::liq::request::{MaddPack, NewEvent, encode_events};
use liq_core::liq::series::{Clock, Options, OptionsPatch, Series, Side, Time};
use liq_core::market;
use liq_core::relocation::Mover;
use liq_core::rl::limiter::{Kind, Limiter, Now, Rule};

/// Moves what safe code can move, and writes down what it was shown.
#[derive(Default)]
struct Recorder {
    starts: Vec<usize>,
}

impl Mover for Recorder {
    fn vec<T>(&mut self, buffer: &mut Vec<T>) {
        self.starts.push(buffer.as_ptr() as usize);
        let mut moved = Vec::with_capacity(buffer.capacity());
        moved.append(buffer);
        *buffer = moved;
    }

    fn slice<T>(&mut self, buffer: &mut Box<[T]>) {
        self.starts.push(buffer.as_ptr() as usize);
        *buffer = std::mem::take(buffer).into_vec().into_iter().collect();
    }

    fn boxed<T>(&mut self, held: &mut Box<T>) {
        self.starts.push(std::ptr::from_ref(&**held) as usize);
    }
}

/// Starts of the buffers that are told when memory is measured.
fn measured(measure: impl FnOnce(&mut dyn FnMut(*const u8, usize))) -> HashSet<usize> {
    let mut starts = HashSet::new();
    measure(&mut |start, bytes| {
        if !start.is_null() && bytes > 0 {
            starts.insert(start as usize);
        }
    });
    starts
}

const START_MS: u64 = 1_767_225_600_000;

fn filled() -> Series {
    let words = b"SIGNALS out ACCEPTED all MARKET m TAIL 256 RETENTION 24h".split(|byte| *byte == b' ');
    let words: Vec<&[u8]> = words.collect();
    let patch = OptionsPatch::parse(Args::new(&words)).unwrap();
    let mut series = Series::new(Options::default().altered(&patch).unwrap());
    let now_ms = START_MS + 86_400_000;
    let clock = Clock { time: Time::new(now_ms, 300_000), max_future_ms: 300_000, signal_max_age_ms: 60_000 };
    let events: Vec<NewEvent<'_>> = (0..3000_u64)
        .map(|at| NewEvent {
            ts_ms: Some(START_MS + at * 20_000),
            side: if at % 3 == 0 { Side::Buy } else { Side::Sell },
            price: 100.0 + (at % 7) as f64,
            size: 1.0 + (at * 37 % 1000) as f64,
            exchange: Some([b"BINANCE".as_slice(), b"okx", b"bybit"][at as usize % 3]),
            id: None,
        })
        .collect();
    let payload = encode_events(&events);
    let words: [&[u8]; 4] = [&payload, b"BATCH", b"producer", b"7"];
    let batch = MaddPack::parse(Args::new(&words)).unwrap().decode(10_000).unwrap();
    for event in &batch.events {
        series.add_in_batch(&clock, &event.resolve(now_ms));
    }
    series.end_batch(batch.batch);
    // One alone, with the whole judgement, which builds what is derived.
    series.add(&clock, &NewEvent { ts_ms: Some(now_ms), ..events[5] }.resolve(now_ms));
    series
}

#[test]
fn every_buffer_of_a_series_is_shown() {
    let mut series = filled();
    let saved = format::encode(&series);
    let starts = measured(|measure| series.measure(measure));
    assert!(starts.len() > 100, "panes, leaves, names and what is derived: {}", starts.len());
    let mut first = Recorder::default();
    series.relocate(&mut first);
    let shown: HashSet<usize> = first.starts.iter().copied().collect();
    let missed: Vec<&usize> = starts.difference(&shown).collect();
    assert!(missed.is_empty(), "{} of {} buffers are not shown", missed.len(), starts.len());
    assert_eq!(format::encode(&series), saved, "moving changes nothing that is saved");
    let mut second = Recorder::default();
    series.relocate(&mut second);
    assert_eq!(second.starts.len(), first.starts.len(), "as many in every visit");
}

/// A market with levels, gaps, triggers of every kind, and fires that were not told.
fn traded() -> market::store::Market {
    use liq_core::batches::BatchId;
    use market::request::{Add, SetTrigger};
    use market::store::{Changes, Judging, Market, Options, OptionsPatch, Time};

    let words = |line: &'static str| -> Vec<&[u8]> { line.split(' ').map(str::as_bytes).collect() };
    let patch =
        OptionsPatch::parse(Args::new(&words("CLOSES closes FIRES fires CLOCK EVENT KEEP 1m 200 TAIL 300"))).unwrap();
    let mut market = Market::new(Options::default().altered(&patch).unwrap());
    let time = Time::new(START_MS, 1 << 50);
    let mut changes = Changes::judging(Judging { time, max_age_ms: 60_000 });
    let mut add = |market: &mut Market, number: u64, price: u64| {
        let gap = if number % 400 == 399 { " GAP" } else { "" };
        let line = format!("{} buy {price}.{} 0.5 ID trade-{number}{gap}", START_MS + number * 20_000, number % 97);
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let request = Add::parse(Args::new(&words)).unwrap();
        market.add(&request.tick.resolve(0, request.gap), time, 1 << 50, &mut changes);
    };
    (0..3000).for_each(|number| add(&mut market, number, 100));
    for number in 0..300 {
        let line = match number % 5 {
            0 => format!("t{number} LONG SL {number}.5 TP 500 PAYLOAD p{number}"),
            1 => format!("t{number} LONG TRAILPCT 5.{number}"),
            2 => format!("t{number} SHORT TRAIL 3.{number} ACTIVATE 90 BY mark"),
            3 => format!("t{number} ABOVE 150.{number} EXPIRES {}", START_MS + 900_000_000 + number),
            _ => format!("t{number} BELOW 99.{number}"),
        };
        let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let request = SetTrigger::parse(Args::new(&words)).unwrap();
        let judging = Judging { time, max_age_ms: 60_000 };
        market.set_trigger(&request.order(), 1_000, time, &mut Changes::judging(judging)).unwrap();
    }
    add(&mut market, 3000, 151);
    market.end_batch(Some(BatchId { producer: b"feed", seq: 7 }));
    assert!(market.triggers().pending() > 10 && market.triggers().armed() > 10 && market.triggers().waiting() > 10);
    market
}

#[test]
fn every_buffer_of_a_market_is_shown() {
    let mut market = traded();
    let saved = market::format::encode(&market);
    let starts = measured(|measure| market.measure(measure));
    assert!(starts.len() > 300, "blocks, ticks, triggers, fires: {}", starts.len());
    let mut first = Recorder::default();
    market.relocate(&mut first);
    market.check();
    let shown: HashSet<usize> = first.starts.iter().copied().collect();
    let missed = starts.difference(&shown).count();
    assert_eq!(missed, 0, "{missed} of {} buffers are not shown", starts.len());
    assert!(market::format::encode(&market) == saved, "moving changes nothing that is saved");
    let mut second = Recorder::default();
    market.relocate(&mut second);
    assert_eq!(second.starts.len(), first.starts.len(), "as many in every visit");
}

#[test]
fn every_buffer_of_a_limiter_is_shown() {
    let rules = [(Kind::Sliding, 1000), (Kind::Aligned, 2000), (Kind::Sliding, 5000)]
        .map(|(kind, period_ms)| Rule::new(kind, 10, period_ms, None).unwrap());
    let now = Now::new(START_MS * 1000, 77);
    let mut limiter = Limiter::new(now);
    limiter.check(&rules, 1, now).unwrap();
    let before = limiter.clone();
    let starts = measured(|measure| limiter.measure(measure));
    let mut recorder = Recorder::default();
    limiter.relocate(&mut recorder);
    let shown: HashSet<usize> = recorder.starts.iter().copied().collect();
    assert!(starts.len() >= 5 && starts.is_subset(&shown), "{} measured, {} shown", starts.len(), shown.len());
    assert_eq!(limiter, before);
}
