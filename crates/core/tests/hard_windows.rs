//! Windows that once came out wrong: after ALTER and silence, in the past, inside panes, behind a clock that was ahead.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests stop at surprises"
)]

use liq_core::grammar::Args;
use liq_core::liq::format as layout;
use liq_core::liq::reading::ReadError;
use liq_core::liq::reply::{BucketStats, Stats, StatsReply};
use liq_core::liq::request::{self, Hist, Vwap};
use liq_core::liq::series::{
    Clock, Event, Judgement, MAX_EXCHANGES, Options, OptionsPatch, Series, Side, Status, Time,
};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;
/// A Monday, 0:00 UTC: where panes of every width begin.
const START: u64 = 1_735_516_800_000;
const MAX_FUTURE: u64 = 5 * MINUTE;

/// A series and the clock of its server.
struct Trial {
    series: Series,
    now_ms: u64,
}

impl Trial {
    fn new(options: &str) -> Self {
        let created = Options::default().created(&patch(options)).unwrap();
        Self { series: Series::new(created), now_ms: START }
    }

    fn alter(&mut self, options: &str) {
        self.series.alter(&patch(options)).unwrap();
        self.series.check();
    }

    fn time(&self) -> Time {
        Time::new(self.now_ms, MAX_FUTURE)
    }

    /// Adds an event as it happens.
    fn add(&mut self, ts_ms: u64, price: f64) -> Judgement {
        self.now_ms = ts_ms;
        self.add_late(ts_ms, price)
    }

    /// Adds an event without moving the clock.
    fn add_late(&mut self, ts_ms: u64, price: f64) -> Judgement {
        let event = Event { ts_ms, side: Side::Sell, price, size: 1_000.0, exchange: None, id_hash: ts_ms };
        self.add_event(&event)
    }

    fn add_event(&mut self, event: &Event<'_>) -> Judgement {
        let clock = Clock { time: self.time(), max_future_ms: MAX_FUTURE, signal_max_age_ms: MINUTE };
        self.series.add(&clock, event)
    }

    fn add_many(&mut self, times: impl Iterator<Item = u64>) {
        for ts_ms in times {
            self.add(ts_ms, 100.0);
        }
        self.series.check();
    }

    fn stats(&mut self, words: &str) -> Result<StatsReply, ReadError> {
        let args: Vec<&[u8]> = words.split(' ').map(str::as_bytes).collect();
        let time = self.time();
        let request = request::Stats::parse(Args::new(&args)).unwrap();
        let answer = self.series.stats(time, &request);
        let mut reloaded = layout::decode(layout::LAYOUT, &layout::encode(&self.series)).unwrap();
        assert_eq!(reloaded.stats(time, &request), answer, "a reload is invisible");
        answer
    }

    fn window(&mut self, words: &str) -> Stats {
        match self.stats(words).unwrap() {
            StatsReply::One(stats) => stats,
            _ => panic!("one map was asked for"),
        }
    }

    fn chart(&mut self, words: &str) -> Result<Vec<(u64, u64)>, String> {
        match self.stats(words).map_err(|error| error.to_string())? {
            StatsReply::Buckets(rows) => {
                Ok(rows.0.iter().map(|BucketStats { start_ms, stats, .. }| (*start_ms, stats.count)).collect())
            }
            _ => panic!("a chart was asked for"),
        }
    }

    fn vwap(&mut self) -> (Option<f64>, u64) {
        let reply = self.series.vwap(self.time(), &Vwap::parse(Args::new(&[])).unwrap()).unwrap();
        (reply.vwap, reply.count)
    }
}

fn patch(options: &str) -> OptionsPatch {
    let args: Vec<&[u8]> = options.split(' ').filter(|word| !word.is_empty()).map(str::as_bytes).collect();
    OptionsPatch::parse(Args::new(&args)).unwrap()
}

#[test]
fn a_sum_is_not_taken_for_that_of_panes_which_others_replaced() {
    let mut trial = Trial::new("RETENTION 4h TAIL 256 CLOCK EVENT");
    trial.add_many((0..356).map(|second| START + second * 1_000));
    trial.alter("RETENTION 1h WINDOW 1h VWAPWINDOW 1h");
    trial.add(START + 356_000, 100.0);
    assert_eq!(trial.vwap().0, Some(100.0));
    for second in 0..272 {
        trial.add(START + 2 * HOUR + second * 1_000, 200.0);
    }
    assert_eq!(trial.vwap(), (Some(200.0), 272));
}

#[test]
fn a_steady_feed_gets_narrow_panes_when_the_retention_shrinks() {
    let mut trial = Trial::new("RETENTION 24h TAIL 256");
    let gap_ms = 50;
    trial.add_many((0..20_000).map(|number| START + number * gap_ms));
    trial.alter("RETENTION 1m WINDOW 1m VWAPWINDOW 1m");
    trial.add_many((20_000..24_800).map(|number| START + number * gap_ms));
    let counted = trial.window("WINDOW 20s").count;
    assert!((400..=420).contains(&counted), "{counted} events in 20 s and at most a pane of 1 s");
    assert_eq!(trial.series.info(0).pane.as_millis(), 1_000);
}

#[test]
fn the_last_full_hour_is_charted_by_minute_and_truly() {
    let mut trial = Trial::new("TAIL 256");
    trial.add_many((0..6 * 3_600).map(|second| START + second * 1_000));
    let hour_ago = START + 5 * HOUR;
    let chart = trial.chart(&format!("WINDOW 1h AT {} BUCKET 1m", hour_ago - 1)).unwrap();
    let expected: Vec<(u64, u64)> = (0..60).map(|minute| (START + 4 * HOUR + minute * MINUTE, 60)).collect();
    assert_eq!(chart, expected);
    let chart = trial.chart(&format!("WINDOW 10m AT {} BUCKET 1m", hour_ago - 1)).unwrap();
    assert_eq!(chart.iter().map(|(_, count)| *count).collect::<Vec<_>>(), vec![60; 10]);
}

#[test]
fn a_chart_that_cannot_be_true_is_refused_naming_the_width() {
    let mut trial = Trial::new("TAIL 256");
    trial.add_many((0..6 * 3_600).map(|second| START + second * 1_000));
    let refused = trial.chart(&format!("WINDOW 10m AT {} BUCKET 1m", START + HOUR)).unwrap_err();
    assert!(refused.contains("must be a multiple of 5m"), "{refused}");
    let by_5m = trial.chart(&format!("WINDOW 10m AT {} BUCKET 5m", START + HOUR - 1)).unwrap();
    assert_eq!(by_5m, [(START + HOUR - 10 * MINUTE, 300), (START + HOUR - 5 * MINUTE, 300)]);
    // Wide panes of before stay wide, whatever the settings say by now.
    trial.alter("RETENTION 4h WINDOW 1h");
    let refused = trial.chart(&format!("WINDOW 10m AT {} BUCKET 1m", START + 3 * HOUR)).unwrap_err();
    assert!(refused.contains("must be a multiple of 5m"), "{refused}");
}

#[test]
fn a_window_that_would_end_inside_a_pane_moves_back_as_a_whole() {
    let mut trial = Trial::new("RETENTION 31d TAIL 256 CLOCK EVENT");
    // Twelve an hour for three days: panes of three hours.
    trial.add_many((0..3 * 24 * 12).map(|place| START + place * 5 * MINUTE));
    let at = START + DAY + 72 * MINUTE;
    let hour = trial.window(&format!("WINDOW 1h AT {at}"));
    // The three hours before the pane that AT lies in: the pane that the hour before it begins in counts whole.
    assert_eq!((hour.count, hour.exact), (36, Some(false)));
    assert_eq!(hour.last_ms, Some(START + DAY - 5 * MINUTE));
    // An anchor stays where it is.
    let since = format!("SINCE {} AT {at}", START + 21 * HOUR);
    let args: Vec<&[u8]> = since.split(' ').map(str::as_bytes).collect();
    let vwap = trial.series.vwap(trial.time(), &Vwap::parse(Args::new(&args)).unwrap()).unwrap();
    assert_eq!(vwap.count, 36);
    // At the edge itself nothing has to move.
    let edge = trial.window(&format!("WINDOW 3h AT {}", START + DAY - 1));
    assert_eq!((edge.count, edge.first_ms), (36, Some(START + 21 * HOUR)));
}

#[test]
fn a_window_whose_events_were_dropped_is_not_exact() {
    let mut trial = Trial::new("RETENTION 1h");
    trial.add_many((0..100).map(|place| START + place * MINUTE));
    let dropped = trial.window(&format!("WINDOW 30m AT {}", START + 35 * MINUTE));
    assert_eq!((dropped.count, dropped.exact), (0, Some(false)));
    assert_eq!(trial.window("WINDOW 1h").exact, Some(true));
}

#[test]
fn after_a_long_silence_no_younger_event_is_missed_beside_an_older_one() {
    let mut trial = Trial::new("RETENTION 7d TAIL 256");
    trial.add_many((1..=11).map(|place| START + place * 5 * MINUTE));
    trial.add_many((0..300).map(|place| START + 90 * MINUTE + place));
    trial.add(START + 7 * DAY + 45 * MINUTE, 100.0);
    let rows = trial.series.histogram(trial.time(), &Hist::parse(Args::new(&[b"WINDOW", b"7d"])).unwrap()).unwrap();
    let counted: u64 = rows.iter().map(|row| row.count).sum();
    // +50m and +55m, perhaps +45m, whose minute the window begins in, the 300 and the last.
    assert!([303, 304].contains(&counted), "{counted}");
    let stats = trial.window("WINDOW 7d");
    assert_eq!(stats.count, counted);
}

#[test]
fn a_silence_of_the_retention_leaves_nothing_stale_behind() {
    let mut trial = Trial::new("RETENTION 1h TAIL 256");
    trial.add_many((0..356).map(|second| START + second * 1_000));
    trial.add_many((0..300).map(|second| START + 2 * HOUR + second * 1_000));
    assert_eq!(trial.window("WINDOW 1h").count, 300);
}

#[test]
fn an_event_of_a_sixty_fifth_exchange_is_known_again() {
    let mut trial = Trial::new("");
    let names: Vec<String> = (0..MAX_EXCHANGES + 2).map(|number| format!("venue{number}")).collect();
    let event = |name| Event { ts_ms: START, side: Side::Buy, price: 1.0, size: 9.0, exchange: Some(name), id_hash: 0 };
    for name in &names {
        assert!(trial.add_event(&event(name.as_bytes())).status.is_recorded(), "{name}");
    }
    for name in &names {
        assert_eq!(trial.add_event(&event(name.as_bytes())).status, Status::Duplicate, "{name}");
    }
    let mut reloaded = layout::decode(layout::LAYOUT, &layout::encode(&trial.series)).unwrap();
    reloaded.check();
    let clock = Clock { time: trial.time(), max_future_ms: MAX_FUTURE, signal_max_age_ms: MINUTE };
    assert_eq!(reloaded.add(&clock, &event(names[65].as_bytes())).status, Status::Duplicate);
}

#[test]
fn an_event_with_a_clock_ahead_does_not_silence_signals() {
    let mut trial = Trial::new("PERCENTILE 0");
    trial.add(START, 100.0);
    // One venue's clock is four minutes ahead.
    trial.add_late(START + 4 * MINUTE, 100.0);
    trial.now_ms = START + 1_000;
    let judged = trial.add_late(START + 1_000, 90.0);
    assert!(judged.signal.is_some() && !judged.stale_signal);
    trial.now_ms = START + 2 * MINUTE;
    let old = trial.add_late(START + 1_500, 90.0);
    assert!(old.signal.is_none() && old.stale_signal, "two minutes by the server's clock");
}

#[test]
fn a_clock_that_was_days_ahead_does_not_make_later_events_late() {
    let mut trial = Trial::new("TAIL 256");
    trial.add_many((0..300).map(|second| START + second * 1_000));
    trial.add_many((0..2).map(|second| START + 5 * DAY + second * 1_000));
    trial.now_ms = START + 10 * MINUTE;
    let judged = trial.add_late(START + 10 * MINUTE, 100.0);
    assert!(judged.status.is_recorded(), "{judged:?}");
    trial.series.check();
    // The events of the future are not in a window that ends now.
    trial.add_many((0..20).map(|second| START + 11 * MINUTE + second * 1_000));
    let stats = trial.window("WINDOW 2m");
    assert_eq!(stats.count, 21);
    assert_eq!(stats.last_ms, Some(START + 11 * MINUTE + 19_000));
}

#[test]
fn sums_at_the_bounds_of_a_file_stay_loadable_when_panes_are_joined() {
    let mut trial = Trial::new("RETENTION 1h TAIL 256 CLOCK EVENT");
    for (place, price) in [1e15, 1e-12, 1e15, 1e-12].into_iter().enumerate() {
        for number in 0..300 {
            let ts_ms = START + place as u64 * 10 * MINUTE + number;
            let size = if number % 2 == 0 { 1e15 } else { 1e-9 };
            let event = Event { ts_ms, side: Side::Sell, price, size, exchange: None, id_hash: 0 };
            trial.now_ms = ts_ms;
            trial.add_event(&event);
        }
    }
    let loads = |series: &Series| layout::decode(layout::LAYOUT, &layout::encode(series)).map(drop);
    assert_eq!(loads(&trial.series), Ok(()));
    trial.alter("RETENTION 31d");
    assert_eq!(loads(&trial.series), Ok(()));
    trial.add_many((0..300).map(|place| START + 10 * DAY + place * HOUR));
    assert_eq!(loads(&trial.series), Ok(()));
}
