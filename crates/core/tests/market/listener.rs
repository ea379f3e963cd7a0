//! A listener of CLOSES, who knows what every announced candle is from what he was told alone, whatever happens to the
//! market.

use std::collections::{BTreeMap, BTreeSet};

use liq_core::market::candle::{Interval, Zone};
use liq_core::market::store::{Changes, Market, Row, Status};
use proptest::prelude::*;

use crate::tape::{market, rows};
use crate::told::{M, MINUTE, alter, beat_told, minute, put_told, tick_told};

/// What happens to a market, by kind, with a step in time and a number to choose by.
type Step = (u8, u64, u64);

/// A market and what a listener of CLOSES knows.
struct Listener {
    market: Market,
    is_by_id: bool,
    ts_ms: u64,
    next_id: u64,
    lost: Vec<(u64, u64)>,
    /// Minutes that trades came into, and that rows were given of.
    traded: BTreeSet<u64>,
    given: BTreeSet<u64>,
    told: BTreeMap<(String, u64), Row>,
    /// The intervals announced, each from which market time on.
    announced: BTreeMap<&'static str, u64>,
    finest: &'static str,
}

impl Listener {
    fn new(options: &str) -> Self {
        Self {
            market: market(&format!("{options} CLOCK EVENT KEEP 1m 100000 ANNOUNCE 1m ANNOUNCE 5m")),
            is_by_id: options.contains("ID"),
            ts_ms: M,
            next_id: 1,
            lost: Vec::new(),
            traded: BTreeSet::new(),
            given: BTreeSet::new(),
            told: BTreeMap::new(),
            announced: [("1m", 0), ("5m", 0)].into(),
            finest: "1m",
        }
    }

    fn step(&mut self, (kind, step_ms, number): Step) {
        let changes = match kind {
            0..=3 => {
                self.ts_ms += step_ms;
                let id = self.next_id;
                self.next_id += 1;
                let gap = if number % 5 == 0 { "GAP" } else { "" };
                self.tick(self.ts_ms, id, "5", gap)
            }
            4 => {
                self.lost.push((self.next_id, self.ts_ms + step_ms / 2));
                self.next_id += 1;
                self.ts_ms += step_ms;
                return;
            }
            5 | 6 if !self.lost.is_empty() => {
                let (id, ts_ms) = self.lost.swap_remove(number as usize % self.lost.len());
                self.tick(ts_ms, id, if kind == 5 { "6" } else { "-" }, "")
            }
            7 => beat_told(&mut self.market, self.ts_ms + step_ms),
            8 => self.put(number),
            9 => {
                self.announce([&["1m", "5m"][..], &["5m"], &["1m"], &[]][number as usize % 4]);
                Changes::default()
            }
            // Late into what lies there, whatever it is.
            10 => {
                self.next_id += 1;
                self.tick(self.ts_ms.saturating_sub(step_ms * (number % 9)).max(M), self.next_id - 1, "7", "")
            }
            11 if number % 4 == 0 && self.finest == "1m" => {
                self.finest = "5m";
                let is_announced = self.announced.contains_key("5m");
                self.announce(if is_announced { &["5m"] } else { &[] });
                alter(&mut self.market, "KEEP 1m 0");
                Changes::default()
            }
            _ => return,
        };
        self.hear(&changes);
    }

    /// Announces these from now on, where a level is held that they are made of.
    fn announce(&mut self, intervals: &[&'static str]) {
        let now_ms = self.market.time_ms();
        let since = |interval: &&'static str| (*interval, self.announced.get(interval).copied().unwrap_or(now_ms));
        self.announced = intervals.iter().filter(|interval| **interval >= self.finest).map(since).collect();
        self.told.retain(|(interval, _), _| self.announced.contains_key(interval.as_str()));
        let words: Vec<String> = self.announced.keys().map(|interval| format!("ANNOUNCE {interval}")).collect();
        let words = if words.is_empty() { "ANNOUNCE ".to_owned() } else { words.join(" ") };
        alter(&mut self.market, &words);
    }

    fn put(&mut self, number: u64) -> Changes {
        let width = if self.finest == "1m" { 1 } else { 5 };
        let first = ((self.ts_ms - M) / MINUTE / width).saturating_sub(number % 12);
        let places = (0..1 + number % 7).map(|place| (first + place * (1 + number % 2)) * width);
        self.given.extend(places.clone().flat_map(|place| place..place + width).map(|place| M + place * MINUTE));
        let rows: Vec<String> = places.map(|place| minute(place, 5 + number % 2)).collect();
        let whole = if number.is_multiple_of(3) { "WHOLE" } else { "" };
        put_told(&mut self.market, &format!("{} {whole} OHLCV {}", self.finest, rows.join(" "))).1
    }

    fn tick(&mut self, ts_ms: u64, id: u64, price: &str, gap: &str) -> Changes {
        let id = if self.is_by_id { format!("ID {id}") } else { String::new() };
        let (status, changes) = tick_told(&mut self.market, &format!("{ts_ms} buy {price} 1 {id} {gap}"));
        let minute_ms = ts_ms / MINUTE * MINUTE;
        if status.is_recorded() {
            self.traded.insert(minute_ms);
        }
        let is_lost = status == Status::Duplicate && !self.is_by_id && !self.given.contains(&minute_ms);
        assert!(!is_lost, "no row tells of {ts_ms}");
        changes
    }

    #[track_caller]
    fn hear(&mut self, changes: &Changes) {
        for change in changes.iter() {
            let key = (change.interval.to_string(), change.row.span.start_ms);
            assert_eq!(self.told.insert(key, change.row).is_some(), change.is_amended, "{change:?}");
        }
        let finest = Interval::parse("", self.finest.as_bytes()).unwrap();
        let span = |ms: u64| finest.span(ms, Zone::default()).start_ms;
        let all = |interval: &str| rows(&self.market, &format!("{interval} - + COUNT 5000 CLOSED"));
        let held: BTreeSet<u64> = rows(&self.market, &format!("{} - + COUNT 5000", self.finest))
            .iter()
            .map(|row| row.span.start_ms)
            .collect();
        self.traded.retain(|start_ms| held.contains(&span(*start_ms)));
        let is_traded = |row: &Row| self.traded.range(row.span.start_ms..row.span.end_ms).next().is_some();
        self.told.retain(|_, row| is_traded(row));
        for (interval, from_ms) in &self.announced {
            for row in all(interval) {
                let told = self.told.get(&((*interval).to_owned(), row.span.start_ms));
                assert!(told.is_none_or(|told| reads_like(told, &row)), "{interval}: told {told:?}, is {row:?}");
                let is_closed = (from_ms + 1..=self.market.time_ms()).contains(&row.span.end_ms);
                assert_eq!(told.is_some(), is_traded(&row) && is_closed, "{interval} {row:?}");
            }
        }
    }
}

/// Whether both read the same: a longer row in the place of a shorter one that says so too is no news.
fn reads_like(told: &Row, row: &Row) -> bool {
    (told.span, told.state) == (row.span, row.state) && told.candle.reads_like(&row.candle)
}

#[test]
fn a_listener_knows_what_lies_between_gaps_that_become_one() {
    let mut listener = Listener::new("ORDER ID GRACE 0");
    for _ in 0..350 {
        [0, 0, 4].into_iter().for_each(|kind| listener.step((kind, 40_000, 1)));
    }
    assert_eq!(listener.market.gaps().list().len(), liq_core::market::tape::MAX_GAPS);
    for place in 0..60 {
        listener.step((5 + place % 2, 0, u64::from(place) * 7));
    }
}

proptest! {
    #[test]
    fn a_listener_knows_every_candle_that_was_announced_as_it_is(
        options in prop::sample::select(vec!["ORDER ID", "ORDER ID GRACE 0", "ORDER TIME", "ORDER TIME GRACE 1m"]),
        steps in prop::collection::vec((0_u8..12, 0_u64..150_000, 0_u64..1_000), 1..60),
    ) {
        let mut listener = Listener::new(options);
        steps.into_iter().for_each(|step| listener.step(step));
    }
}
