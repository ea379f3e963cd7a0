//! What a series answers while memory is short, and afterwards: every event is counted, and sizes are told apart as finely
//! as the coarsest pane of the window was recorded.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs, reason = "tests stop at surprises")]

use liq_core::grammar::Args;
use liq_core::liq::format::{self as layout, decided};
use liq_core::liq::reply::StatsReply;
use liq_core::liq::request::{Pctl, Stats};
use liq_core::liq::series::{Clock, Event, Options, Resolution, Series, Side, Tally, Time};
use liq_core::settings::ClockMode;
use liq_core::steps;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const START: u64 = 1_735_689_600_000;
/// One event every three seconds: an hour overflows the largest tail that is left while memory is short.
const GAP: u64 = 3_000;

struct Feed {
    series: Series,
    sizes: Vec<(u64, f64)>,
    now_ms: u64,
}

impl Feed {
    fn new() -> Self {
        let options = Options { clock: ClockMode::Event, ..Options::default() };
        Self { series: Series::new(options), sizes: Vec::new(), now_ms: START }
    }

    fn run(&mut self, span_ms: u64) {
        for _ in 0..span_ms / GAP {
            self.now_ms += GAP;
            let number = self.sizes.len() as u64;
            let spread = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1 << 24) as f64;
            let size = 10.0 * (9.0 * spread).exp();
            let event = Event { ts_ms: self.now_ms, side: Side::Sell, price: 100.0, size, exchange: None, id_hash: 0 };
            let clock = Clock { time: self.time(), max_future_ms: 0, signal_max_age_ms: 0 };
            self.series.add(&clock, &event);
            self.sizes.push((self.now_ms, size));
        }
        self.series.check();
    }

    fn time(&self) -> Time {
        Time::new(self.now_ms, 0)
    }

    /// The largest relative error of the percentiles of a window, and the count it answers.
    fn error(&mut self, window_ms: u64) -> (f64, u64) {
        // The pane that a window begins in counts whole; these windows begin at the first millisecond of one.
        let mut held: Vec<f64> =
            self.sizes.iter().filter(|(ts, _)| *ts >= self.now_ms - window_ms).map(|(_, size)| *size).collect();
        held.sort_by(f64::total_cmp);
        let window = window_ms.to_string();
        let asked: Vec<String> = (1..100).map(|p| p.to_string()).collect();
        let mut args: Vec<&[u8]> = asked.iter().map(|p| p.as_bytes()).collect();
        args.extend([&b"WINDOW"[..], window.as_bytes()]);
        let found = self.series.percentiles(self.time(), &Pctl::parse(Args::new(&args)).unwrap()).unwrap();
        let errors = found.iter().zip(1..).map(|(found, p)| {
            let exact = held[(p * held.len()).div_ceil(100) - 1];
            (found.unwrap() - exact).abs() / exact
        });
        let worst = errors.fold(0.0, f64::max);
        let args = [&b"WINDOW"[..], window.as_bytes()];
        let stats = Stats::parse(Args::new(&args)).unwrap();
        let StatsReply::One(stats) = self.series.stats(self.time(), &stats).unwrap() else { unreachable!() };
        (worst, stats.count)
    }
}

/// Takes steps until there is nothing more to give up; how many, and the most work of one.
fn settle(series: &mut Series, resolution: Resolution) -> (usize, u64) {
    let (mut taken, mut worst) = (0, 0);
    while series.has_more_than(resolution) {
        let before = steps::taken();
        series.change_resolution(resolution);
        (taken, worst) = (taken + 1, worst.max(steps::taken() - before));
    }
    series.check();
    (taken, worst)
}

/// Half the width of a bucket, relatively, at K mantissa bits.
fn promised(precision: i32) -> f64 {
    (-f64::from(precision) - 1.0).exp2()
}

#[test]
fn detail_goes_step_by_step_and_no_event_does() {
    let mut feed = Feed::new();
    feed.run(10 * HOUR);
    let bytes = |series: &Series| layout::encode(series).len();
    let mut held = bytes(&feed.series);
    for (resolution, tail, precision) in [(Resolution::Compact, 1024, 6), (Resolution::Aggregate, 256, 5)] {
        settle(&mut feed.series, resolution);
        assert_eq!((feed.series.tail_now(), feed.series.precision_now()), (tail, precision));
        let (error, count) = feed.error(10 * HOUR);
        assert_eq!(count, 12_000, "every event is counted");
        assert!(error <= promised(precision.into()), "{error} at {precision}");
        assert!(error > promised(i32::from(precision) + 2), "{error}: this would be finer than what is kept");
        assert!(bytes(&feed.series) < held, "a step frees memory");
        held = bytes(&feed.series);
    }
}

#[test]
fn what_is_recorded_afterwards_is_fine_again_and_what_is_gone_stays_gone() {
    let mut feed = Feed::new();
    feed.run(6 * HOUR);
    settle(&mut feed.series, Resolution::Aggregate);
    feed.run(HOUR);
    settle(&mut feed.series, Resolution::Full);
    feed.run(6 * HOUR);
    assert_eq!((feed.series.tail_now(), feed.series.precision_now()), (4096, 7));
    // The default tail holds the last three and a half hours: before that lie fine panes, and then the coarse ones.
    let (error, count) = feed.error(5 * HOUR);
    assert_eq!(count, 6_001);
    assert!(error <= promised(7), "{error}: the coarse panes lie before this window");
    let (error, count) = feed.error(8 * HOUR);
    assert_eq!(count, 9_601);
    assert!(error <= promised(5) && error > promised(7), "{error}: the window begins among coarse panes");
    // A day later they are gone, and a cursor that was kept up all the while knows.
    for _ in 0..24 {
        feed.run(HOUR);
        feed.error(8 * HOUR);
    }
    let (error, _) = feed.error(24 * HOUR);
    assert!(error <= promised(7), "{error}");
    let mut again = layout::decode(layout::LAYOUT, &layout::encode(&feed.series)).unwrap();
    again.check();
    std::mem::swap(&mut again, &mut feed.series);
    assert_eq!(feed.error(24 * HOUR).0, error, "a reload is as fine");
}

#[test]
fn four_bits_are_the_coarsest() {
    let options = Options { precision: 5, tail: 256, ..Options::default() };
    let mut series = Series::new(options);
    series.change_resolution(Resolution::Aggregate);
    assert_eq!((series.tail_now(), series.precision_now()), (256, 4));
    series.reset();
    assert_eq!(series.resolution(), Resolution::Aggregate, "a reset makes no room for detail");
}

fn memory(series: &Series) -> usize {
    let mut bytes = 0;
    series.measure(&mut |_, more| bytes += more);
    bytes
}

#[test]
fn what_no_window_reaches_goes_without_an_event_and_a_replica_is_told() {
    let (mut primary, mut payload) = (Series::new(Options::default()), Vec::new());
    for at_ms in (START..START + HOUR).step_by(100) {
        let event = Event { ts_ms: at_ms, side: Side::Buy, price: 100.0, size: 5.0, exchange: None, id_hash: 0 };
        let clock = Clock { time: Time::new(at_ms, 0), max_future_ms: 0, signal_max_age_ms: 0 };
        primary.add(&clock, &event);
    }
    let mut replica = layout::decode(layout::LAYOUT, &layout::encode(&primary)).unwrap();
    let soon = Time::new(START + HOUR - 1, 0);
    assert!(!primary.is_due(soon, Resolution::Full), "all of it is in reach");
    let (later, held) = (Time::new(START + 24 * HOUR + 30 * MINUTE, 0), memory(&primary));
    assert!(primary.is_due(later, Resolution::Full));
    let detail = primary.bring_to(later, Resolution::Full);
    primary.check();
    assert!(!primary.is_due(later, Resolution::Full));
    decided::brought(&mut payload, later, detail);
    replica.apply(&payload).unwrap();
    assert_eq!(layout::encode(&replica), layout::encode(&primary));
    primary.free_spare();
    primary.check();
    assert_eq!(layout::encode(&replica), layout::encode(&primary), "room that holds nothing is not saved");
    assert!(memory(&primary) * 10 < held * 9, "{} of {held}", memory(&primary));
    let args = [&b"WINDOW"[..], b"24h"];
    let asked = Stats::parse(Args::new(&args)).unwrap();
    let counts = [&mut primary, &mut replica].map(|series| match series.stats(later, &asked).unwrap() {
        StatsReply::One(stats) => stats.count,
        _ => unreachable!("one window was asked"),
    });
    assert_eq!(counts, [18_000, 18_000], "the half hour that is in reach is counted whole");
}

#[test]
fn no_step_takes_long_however_much_is_held() {
    if !cfg!(debug_assertions) {
        return;
    }
    let options = Options { tail: 65_536, clock: ClockMode::Event, ..Options::default() };
    let mut primary = Series::new(options);
    // A day of an event each half second, of sizes that fill a distribution.
    for number in 0..170_000_u64 {
        let time = Time::new(START + number * 500, 0);
        let spread = (number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as f64 / (1 << 24) as f64;
        let size = (10.0 * spread.max(1e-9).powf(-0.9)).min(1e11);
        let event = Event { ts_ms: time.server_ms, side: Side::Sell, price: 100.0, size, exchange: None, id_hash: 0 };
        primary.add_in_batch(&Clock { time, max_future_ms: 0, signal_max_age_ms: 0 }, &event);
    }
    let mut replica = layout::decode(layout::LAYOUT, &layout::encode(&primary)).unwrap();
    let (time, mut payload) = (Time::new(START + 85_000_000, 0), Vec::new());
    let (mut taken, mut worst) = (0, 0);
    while primary.has_more_than(Resolution::Aggregate) {
        let before = steps::taken();
        let detail = primary.bring_to(time, Resolution::Aggregate);
        (taken, worst) = (taken + 1, worst.max(steps::taken() - before));
        decided::brought(&mut payload, time, detail);
        replica.apply(&payload).unwrap();
        assert!(layout::encode(&replica) == layout::encode(&primary), "a replica takes the same step {taken}");
        // Others write meanwhile, and the filter's cursor is kept up.
        let event = Event {
            ts_ms: time.server_ms + taken,
            side: Side::Buy,
            price: 100.0,
            size: 7.0,
            exchange: None,
            id_hash: 0,
        };
        let clock = Clock { time: Time::new(event.ts_ms, 0), max_future_ms: 0, signal_max_age_ms: 0 };
        let mut tally = Tally::default();
        tally.count(&primary.add(&clock, &event));
        decided::begin(&mut payload, clock.time, primary.resolution(), None);
        decided::push(&mut payload, &event);
        decided::end(&mut payload, &tally);
        replica.apply(&payload).unwrap();
        if taken % 16 == 1 {
            primary.check();
            // Half way a file says where to go on.
            replica = layout::decode(layout::LAYOUT, &layout::encode(&primary)).unwrap();
            replica.check();
        }
    }
    primary.check();
    assert_eq!((primary.tail_now(), primary.precision_now()), (256, 5));
    eprintln!("{taken} steps, the longest of {worst}");
    assert!(taken > 64 && worst < 20_000, "{taken} steps, the longest of {worst}");
}
