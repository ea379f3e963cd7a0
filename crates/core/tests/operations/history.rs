//! A history of a series read from arbitrary bytes, on a primary and its replica: after every step the invariants hold,
//! and whatever is asked, the primary, the replica and a reload answer alike and hold the same bytes.

use liq_core::grammar::Args;
use liq_core::liq::format::{self as layout, decided};
use liq_core::liq::request::{Digest, Hist, Pctl, Range, Rank, Stats, Vwap};
use liq_core::liq::series::{BatchId, Clock, Event, Options, OptionsPatch, Resolution, Series, Side, Tally, Time};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How far ahead of the clock events may be.
const MAX_FUTURE: u64 = 5 * MINUTE;

/// Runs the history that `bytes` tell.
pub fn run(bytes: &[u8]) {
    let mut rest = Bytes(bytes);
    let options = Options { tail: 256, ..Options::default() };
    let mut history = History {
        primary: Series::new(options.clone()),
        replica: Series::new(options),
        clock_ms: 400 * DAY,
        last_ts_ms: 400 * DAY,
        seq: 0,
    };
    // A long history costs much and shows little more than a short one.
    for _ in 0..200 {
        let Some(step) = rest.next() else { break };
        history.step(step, &mut rest);
    }
    history.compare(&[]);
}

/// Arbitrary bytes, taken one by one; zeros behind their end.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn next(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    fn byte(&mut self) -> u64 {
        self.next().unwrap_or(0).into()
    }

    /// A duration in milliseconds: small ones as likely as large ones.
    fn duration(&mut self) -> u64 {
        let (unit, count) = (self.byte(), self.byte());
        count * [1, 40, 1_000, 7_001, MINUTE, 5 * MINUTE, HOUR, 9 * HOUR][unit as usize % 8]
    }
}

struct History {
    primary: Series,
    replica: Series,
    clock_ms: u64,
    last_ts_ms: u64,
    seq: u64,
}

impl History {
    fn step(&mut self, step: u8, rest: &mut Bytes<'_>) {
        match step % 16 {
            0..=4 => self.add_some(rest),
            5 => self.clock_ms += rest.duration(),
            6 => self.clock_ms = self.clock_ms.saturating_sub(rest.duration()).max(40 * DAY),
            7 => self.clock_ms += DAY * (rest.byte() % 40),
            8 | 9 => self.alter(rest),
            10 if rest.byte() == 0 => self.reset(),
            11 => self.primary = reloaded(&self.primary),
            12 => self.bring_to(rest.byte()),
            _ => self.ask(rest),
        }
        self.primary.check();
        self.replica.check();
    }

    fn time(&self, at_ms: Option<u64>) -> Time {
        Time::new(self.clock_ms, MAX_FUTURE).at(at_ms)
    }

    /// Adds events in one of the orders that hurt.
    fn add_some(&mut self, rest: &mut Bytes<'_>) {
        let (order, count, gap_ms) = (rest.byte(), 1 + rest.byte() * 2, rest.duration());
        let at_ms = (order & 64 != 0).then(|| self.clock_ms.saturating_sub(rest.duration()));
        let start_ms = match order % 4 {
            0 => self.clock_ms,
            1 => self.clock_ms.saturating_sub(rest.duration()),
            2 => self.last_ts_ms,
            _ => self.clock_ms + rest.duration(),
        };
        let clock = Clock { time: self.time(at_ms), max_future_ms: MAX_FUTURE, signal_max_age_ms: MINUTE };
        let seed = rest.byte();
        let mut payload = Vec::new();
        self.seq += 1;
        let batch = (order & 128 != 0).then_some(BatchId { producer: b"feed", seq: self.seq });
        decided::begin(&mut payload, clock.time, self.primary.resolution(), batch);
        let mut tally = Tally::default();
        let is_alone = batch.is_none() && count == 1;
        for number in 0..count {
            let place = match order / 4 % 4 {
                0 => number,
                1 => count - number,
                2 => number * 7_919 % count,
                _ => 0,
            };
            let ts_ms = start_ms + place * (gap_ms / count.max(1)).max(u64::from(order & 16 != 0));
            let mixed = (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15 ^ seed) >> 32;
            let names: [Option<&[u8]>; 3] = [None, Some(b"binance"), Some(b"okx")];
            let event = Event {
                ts_ms,
                side: if mixed & 1 == 0 { Side::Buy } else { Side::Sell },
                price: [100.0, 101.5, 1e-12, 1e15, 99.25][(mixed / 2 % if seed < 200 { 2 } else { 5 }) as usize],
                size: (mixed % 4096) as f64 * if seed % 16 == 7 { 1e11 } else { 12.5 } + 0.004,
                exchange: names[(mixed % 3) as usize],
                id_hash: if seed.is_multiple_of(2) { mixed + 1 } else { 0 },
            };
            let judgement = match is_alone {
                true => self.primary.add(&clock, &event),
                false => self.primary.add_in_batch(&clock, &event),
            };
            tally.count(&judgement);
            if judgement.status.is_recorded() {
                decided::push(&mut payload, &event);
                self.last_ts_ms = ts_ms;
            }
        }
        if !is_alone {
            self.primary.end_batch(batch);
        }
        decided::end(&mut payload, &tally);
        assert_eq!(self.replica.apply(&payload), Ok(()), "a replica takes what its primary decided");
    }

    fn alter(&mut self, rest: &mut Bytes<'_>) {
        let (option, value) = (rest.byte(), rest.byte());
        let pick = |values: &[u64]| values[value as usize % values.len()].to_string();
        let retentions = [MINUTE, 10 * MINUTE, HOUR, 4 * HOUR, 5 * HOUR, DAY, 7 * DAY, 31 * DAY];
        let args: Vec<String> = match option % 10 {
            0..=2 => {
                let retention = retentions[value as usize % 8];
                let window = (retention / (1 + value / 8)).max(1);
                [
                    "RETENTION",
                    &retention.to_string(),
                    "WINDOW",
                    &retention.to_string(),
                    "VWAPWINDOW",
                    &window.to_string(),
                ]
                .map(str::to_owned)
                .to_vec()
            }
            3 => vec!["WINDOW".into(), pick(&retentions)],
            4 => vec!["VWAPWINDOW".into(), pick(&retentions)],
            5 => vec!["TAIL".into(), pick(&[256, 257, 300, 1000])],
            6 => vec!["PRECISION".into(), pick(&[8, 7, 6, 5])],
            7 => vec!["PERCENTILE".into(), pick(&[0, 50, 80, 100])],
            8 => vec!["CLOCK".into(), if value % 2 == 0 { "SERVER" } else { "EVENT" }.into()],
            _ => vec!["MINSIZE".into(), pick(&[0, 1, 100])],
        };
        let args: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
        let patch = OptionsPatch::parse(Args::new(&args)).expect("the options are within their bounds");
        let before = layout::encode(&self.primary);
        let outcome = self.primary.alter(&patch);
        assert_eq!(self.replica.alter(&patch), outcome, "a replica refuses what its primary refuses");
        if outcome.is_err() {
            assert_eq!(layout::encode(&self.primary), before, "what is refused changes nothing");
        }
    }

    /// Memory runs short, or there is enough again: the primary decides what that means for the series.
    /// What a change of the memory mode, LIQ.TRIM, or a write in another mode does.
    fn bring_to(&mut self, what: u64) {
        let Some(resolution) = Resolution::from_index(what as u8 % 3) else { return };
        let (time, mut payload) = (self.time(None), Vec::new());
        if what & 64 == 0 {
            let detail = self.primary.change_resolution(resolution);
            decided::begin(&mut payload, time, detail, None);
            decided::end(&mut payload, &Tally::default());
        } else {
            let (before, is_due) = (layout::encode(&self.primary), self.primary.is_due(time, resolution));
            let detail = self.primary.bring_to(time, resolution);
            assert!(is_due || layout::encode(&self.primary) == before, "what is not due changes nothing");
            decided::brought(&mut payload, time, detail);
        }
        if what & 32 != 0 {
            self.primary.free_spare();
        }
        assert_eq!(self.replica.apply(&payload), Ok(()), "a replica gives up what its primary does");
    }

    fn reset(&mut self) {
        self.primary.reset();
        self.replica.reset();
    }

    fn ask(&mut self, rest: &mut Bytes<'_>) {
        let what = rest.byte();
        let window_ms = rest.duration().clamp(1, self.primary.options().retention_ms);
        let mut scope = vec!["WINDOW".to_owned(), window_ms.to_string()];
        if what & 1 != 0 {
            scope.extend(["SIDE".to_owned(), if what & 2 != 0 { "buy" } else { "sell" }.to_owned()]);
        }
        if what & 4 != 0 {
            let from_ms = if what & 8 != 0 { self.last_ts_ms } else { self.clock_ms };
            scope.extend(["AT".to_owned(), from_ms.saturating_sub(rest.duration()).to_string()]);
        }
        self.compare(&scope);
    }

    fn compare(&mut self, scope: &[String]) {
        let bytes = layout::encode(&self.primary);
        assert_eq!(layout::encode(&self.replica), bytes, "primary and replica hold the same bytes");
        let mut again = reloaded(&self.primary);
        assert_eq!(layout::encode(&again), bytes, "a reload holds the same bytes");
        let time = self.time(None);
        let answers = answers(&mut self.primary, time, scope);
        assert_eq!(self::answers(&mut again, time, scope), answers, "a reload answers alike");
        assert_eq!(self::answers(&mut self.replica, time, scope), answers, "a replica answers alike");
        assert_eq!(layout::encode(&self.primary), bytes, "reads change nothing that is saved");
    }
}

fn reloaded(series: &Series) -> Series {
    layout::decode(layout::LAYOUT, &layout::encode(series)).expect("what was saved can be loaded")
}

/// The answers to every read, as text.
fn answers(series: &mut Series, time: Time, scope: &[String]) -> String {
    fn args<'a>(first: &[&'a str], scope: &'a [String]) -> Vec<&'a [u8]> {
        first.iter().copied().chain(scope.iter().map(String::as_str)).map(str::as_bytes).collect()
    }
    let plain = args(&[], scope);
    let pctl = Pctl::parse(Args::new(&args(&["0", "50", "99.9", "100"], scope))).expect("sound");
    let rank = Rank::parse(Args::new(&args(&["1", "1000", "1e14"], scope))).expect("sound");
    let range = Range::parse(Args::new(&[b"-", b"+", b"COUNT", b"50", b"REV"])).expect("sound");
    let charts = ["1m", "5m", "1h", "3h"].map(|width| {
        let request = args(&["BUCKET", width], scope);
        format!("{:?}", series.stats(time, &Stats::parse(Args::new(&request)).expect("sound")))
    });
    format!(
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{charts:?}",
        series.percentiles(time, &pctl),
        series.ranks(time, &rank),
        series.vwap(time, &Vwap::parse(Args::new(&plain)).expect("sound")),
        series.stats(time, &Stats::parse(Args::new(&plain)).expect("sound")),
        series.stats(time, &Stats::parse(Args::new(&args(&["BY", "EXCHANGE"], scope))).expect("sound")),
        series.histogram(time, &Hist::parse(Args::new(&plain)).expect("sound")),
        series.digest(time, &Digest::parse(Args::new(&plain)).expect("sound")),
        series.range(&range),
    )
}
