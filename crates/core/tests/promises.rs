//! The promises of a series against their definitions, written slowly: every answer is computed anew from the list of
//! all events ever recorded.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    missing_docs,
    reason = "tests stop at surprises"
)]

use liq_core::grammar::{Args, Percentile};
use liq_core::liq::format::{self as layout, decided};
use liq_core::liq::reply::{Stats, StatsReply};
use liq_core::liq::request::{self, Hist, Pctl, Rank, Vwap};
use liq_core::liq::series::{Clock, Event, Judgement, Options, OptionsPatch, Series, Side, Status, Time, hash_id};
use proptest::prelude::*;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Held {
    ts: u64,
    side: Side,
    price: f64,
    size: f64,
    id: u64,
}

/// The definition: all events recorded, in order of arrival.
#[derive(Debug, Default)]
struct Definition {
    held: Vec<Held>,
}

impl Definition {
    fn newest(&self) -> u64 {
        self.held.iter().map(|held| held.ts).max().unwrap_or(0)
    }

    /// Events of (from, to], oldest first.
    fn between(&self, from: i64, to: u64, side: Option<Side>) -> Vec<Held> {
        let wanted = |held: &&Held| held.ts as i64 > from && held.ts <= to && side.is_none_or(|side| side == held.side);
        let mut events: Vec<Held> = self.held.iter().filter(wanted).copied().collect();
        events.sort_by_key(|held| held.ts);
        events
    }

    /// The newest `tail` events of all that are not yet out of the retention.
    fn is_duplicate(&self, event: &Held, cutoff: i64, tail: usize) -> bool {
        let live = self.between(cutoff, u64::MAX, None);
        live[live.len().saturating_sub(tail)..].contains(event)
    }
}

fn sorted_sizes(events: &[Held]) -> Vec<f64> {
    let mut sizes: Vec<f64> = events.iter().map(|held| held.size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes
}

fn nearest_rank(sizes: &[f64], p: Percentile) -> f64 {
    let n = sizes.len() as u128;
    let rank = (u128::from(p.millionths()) * n).div_ceil(100_000_000).max(1);
    sizes[rank as usize - 1]
}

fn vwap(events: &[Held]) -> f64 {
    let quantity: f64 = events.iter().map(|held| held.size / held.price).sum();
    events.iter().map(|held| held.size).sum::<f64>() / quantity
}

fn close(a: f64, b: f64) -> bool {
    (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

/// Sizes of several shapes that hurt.
fn size() -> impl Strategy<Value = f64> {
    prop_oneof![
        Just(1000.0),
        (0_u32..20).prop_map(|lots| 250.0 * f64::from(lots + 1)),
        (-2.0_f64..20.0).prop_map(f64::exp),
        prop_oneof![Just(0.01), Just(1e9)],
        prop_oneof![Just(1e-9), Just(1e15)],
    ]
}

#[derive(Debug, Clone)]
enum Step {
    /// Some events, `gap` ms apart, `back` ms behind the clock.
    Add { gap: u64, back: u64, side: bool, price: f64, size: f64, id: u8 },
    /// The same event as the last one.
    Repeat,
    /// Time passes.
    Idle { ms: u64 },
    /// Everything is asked, live and after a reload.
    Ask { window_share: u64, side: Option<bool>, p: u32 },
}

fn step() -> impl Strategy<Value = Step> {
    let gap = prop_oneof![8 => 0_u64..200, 4 => 0_u64..30_000, 1 => 0_u64..2 * HOUR];
    let back = prop_oneof![12 => Just(0_u64), 2 => 0_u64..1_000, 1 => 0_u64..26 * HOUR];
    let add = (gap, back, any::<bool>(), 90.0_f64..110.0, size(), 0_u8..3)
        .prop_map(|(gap, back, side, price, size, id)| Step::Add { gap, back, side, price, size, id });
    let idle = prop_oneof![Just(0_u64), 0_u64..10 * MINUTE, 0_u64..30 * HOUR, Just(366 * 24 * HOUR)];
    let ask = (1_u64..=100, prop::option::of(any::<bool>()), 0_u32..=100_000_000)
        .prop_map(|(window_share, side, p)| Step::Ask { window_share, side, p });
    prop_oneof![40 => add, 2 => Just(Step::Repeat), 1 => idle.prop_map(|ms| Step::Idle { ms }), 3 => ask]
}

fn options() -> impl Strategy<Value = (Options, bool)> {
    let retention = prop_oneof![Just(MINUTE), Just(HOUR), Just(5 * HOUR), Just(24 * HOUR), Just(31 * 24 * HOUR)];
    let p = prop_oneof![Just(80_000_000_u32), Just(0), Just(100_000_000), 1_u32..100_000_000];
    (retention, 1_u64..=100, 1_u64..=100, p, 5_u8..=8, any::<bool>(), 0_u64..50).prop_map(
        |(retention, window, vwap_window, p, precision, event_clock, min_events)| {
            let patch = OptionsPatch {
                retention_ms: Some(retention),
                window_ms: Some((retention * window / 100).max(1)),
                vwap_window_ms: Some((retention * vwap_window / 100).max(1)),
                percentile: Percentile::from_millionths(p),
                precision: Some(precision),
                tail: Some(256),
                min_events: Some(min_events),
                min_size: Some(0.005),
                clock: Some(if event_clock {
                    liq_core::settings::ClockMode::Event
                } else {
                    liq_core::settings::ClockMode::Server
                }),
                ..OptionsPatch::default()
            };
            (Options::default().created(&patch).unwrap(), event_clock)
        },
    )
}

/// A primary, its replica and the definition, side by side.
struct Trial {
    primary: Series,
    replica: Series,
    definition: Definition,
    server_ms: u64,
    last: Option<Held>,
    max_future: u64,
}

impl Trial {
    fn clock(&self) -> Clock {
        Clock {
            time: Time::new(self.server_ms, self.max_future),
            max_future_ms: self.max_future,
            signal_max_age_ms: MINUTE,
        }
    }

    fn now(&self, own: Option<u64>) -> u64 {
        match self.primary.options().clock {
            liq_core::settings::ClockMode::Event => self.definition.newest().max(own.unwrap_or(0)),
            liq_core::settings::ClockMode::Server => self.definition.newest().max(self.server_ms),
        }
    }

    fn add(&mut self, held: Held) -> Result<(), TestCaseError> {
        let event = Event {
            ts_ms: held.ts,
            side: held.side,
            price: held.price,
            size: held.size,
            exchange: Some(b"binance"),
            id_hash: held.id,
        };
        let (clock, now) = (self.clock(), self.now(Some(held.ts)));
        let judgement = self.primary.add(&clock, &event);
        let retention = self.primary.options().retention_ms as i64;
        let expected_early = if held.ts > clock.time.server_ms + clock.max_future_ms {
            Some(Status::Future)
        } else if held.ts as i64 <= now as i64 - retention {
            Some(Status::Late)
        } else if held.size < self.primary.options().min_size {
            Some(Status::Small)
        } else if self.raw_is_certain(held.ts) && self.definition.is_duplicate(&held, i64::MIN, 256) {
            Some(Status::Duplicate)
        } else {
            None
        };
        match expected_early {
            Some(status) => prop_assert_eq!(judgement.status, status),
            // Whether an event on the edge of the raw tail is still there depends on the order of equal timestamps.
            None if judgement.status == Status::Duplicate && !self.raw_is_certain(held.ts) => {}
            None => self.check_judgement(&held, now, &judgement)?,
        }
        self.replicate(&event, &judgement)?;
        if judgement.status.is_recorded() {
            self.definition.held.push(held);
        }
        self.last = Some(held);
        Ok(())
    }

    /// Whether the definition knows that an event of `ts` would lie in the raw tail, or that there is no tail to speak of.
    fn raw_is_certain(&self, ts: u64) -> bool {
        self.definition.held.len() <= 256 || self.definition.between(ts as i64 - 1, u64::MAX, None).len() < 200
    }

    fn replicate(&mut self, event: &Event<'_>, judgement: &Judgement) -> Result<(), TestCaseError> {
        let mut payload = Vec::new();
        decided::begin(&mut payload, self.clock().time, self.primary.resolution(), None);
        if judgement.status.is_recorded() {
            decided::push(&mut payload, event);
        }
        let mut tally = liq_core::liq::series::Tally::default();
        tally.count(judgement);
        decided::end(&mut payload, &tally);
        prop_assert_eq!(self.replica.apply(&payload), Ok(()));
        Ok(())
    }

    fn check_judgement(&self, held: &Held, now: u64, judgement: &Judgement) -> Result<(), TestCaseError> {
        let options = self.primary.options();
        let window = options.filter_window_ms();
        // What may be counted beyond the window: up to a pane, once events have left the raw tail.
        let exact = self.definition.between(now as i64 - window as i64, u64::MAX, None);
        let spilled = exact.len() > 256 || self.definition.held.len() > 256;
        if !spilled {
            let sizes = sorted_sizes(&exact);
            let is_on = options.percentile.millionths() > 0 && sizes.len() as u64 >= options.min_events;
            let threshold = (!sizes.is_empty() && is_on).then(|| nearest_rank(&sizes, options.percentile));
            prop_assert_eq!(judgement.threshold, threshold);
            let rank = sizes.iter().filter(|size| **size <= held.size).count() as f64 * 100.0 / sizes.len() as f64;
            prop_assert_eq!(judgement.rank, (!sizes.is_empty()).then_some(rank));
            let passes = threshold.is_none_or(|threshold| held.size >= threshold);
            prop_assert_eq!(judgement.status == Status::Accepted, passes);
            let in_vwap = self.definition.between(now as i64 - options.vwap_window_ms as i64, u64::MAX, None);
            prop_assert_eq!(judgement.vwap.is_some(), !in_vwap.is_empty());
            if let Some(value) = judgement.vwap {
                prop_assert!(close(value, vwap(&in_vwap)), "{} {}", value, vwap(&in_vwap));
            }
        }
        // Promise 3, whatever d is: no event at or above the true percentile of any window it may have been judged by.
        if judgement.status == Status::Filtered {
            let candidates = self.candidates(now, window, None);
            let justified = candidates.iter().any(|events| {
                let sizes = sorted_sizes(events);
                !sizes.is_empty() && held.size < nearest_rank(&sizes, options.percentile)
            });
            prop_assert!(justified, "filtered {held:?} although it reaches every percentile it may be judged by");
        }
        Ok(())
    }

    /// The sets of events that a window may stand for: (now − W − d, now], 0 ≤ d < one pane.
    fn candidates(&self, now: u64, window: u64, side: Option<Side>) -> Vec<Vec<Held>> {
        let pane = self.primary.options().pane_ms() as i64;
        let cutoff = now as i64 - window as i64;
        let widest = self.definition.between(cutoff - pane, now, side);
        let mut starts: Vec<i64> = widest.iter().map(|held| held.ts as i64).filter(|ts| *ts <= cutoff).collect();
        starts.push(cutoff + 1);
        starts.dedup();
        starts.iter().map(|start| widest.iter().filter(|held| held.ts as i64 >= *start).copied().collect()).collect()
    }

    fn ask(&mut self, window_share: u64, side: Option<Side>, p: u32) -> Result<(), TestCaseError> {
        let window = (self.primary.options().retention_ms * window_share / 100).max(1);
        let (now, server_ms) = (self.now(None), self.server_ms);
        let mut scope = vec![b"WINDOW".to_vec(), window.to_string().into_bytes()];
        if let Some(side) = side {
            scope.extend([b"SIDE".to_vec(), side.name().into()]);
        }
        let p = Percentile::from_millionths(p).unwrap();
        let answers = answers(&mut self.primary, server_ms, &scope, p)?;
        let bytes = layout::encode(&self.primary);
        let mut reloaded = layout::decode(layout::LAYOUT, &bytes).unwrap();
        prop_assert_eq!(&layout::encode(&reloaded), &bytes);
        prop_assert_eq!(&layout::encode(&self.replica), &bytes);
        self.primary.check();
        prop_assert_eq!(&self::answers(&mut reloaded, server_ms, &scope, p)?, &answers);
        prop_assert_eq!(&self::answers(&mut self.replica, server_ms, &scope, p)?, &answers);
        // The cursors answer what an answer made for one moment does.
        let mut at = scope.clone();
        at.extend([b"AT".to_vec(), now.to_string().into_bytes()]);
        prop_assert_eq!(&self::answers(&mut self.primary, server_ms, &at, p)?, &answers);
        self.check_answers(now, window, side, p, &answers)
    }

    fn check_answers(
        &self,
        now: u64,
        window: u64,
        side: Option<Side>,
        p: Percentile,
        answers: &Answers,
    ) -> Result<(), TestCaseError> {
        let candidates = self.candidates(now, window, side);
        let stats = &answers.stats;
        // Not told by the size of one side: two cuts may hold as many events of it.
        let fits = |events: &&Vec<Held>| {
            events.len() as u64 == stats.count && extent(events) == (stats.first_ms, stats.last_ms)
        };
        let Some(events) = candidates.iter().find(fits) else {
            return Err(TestCaseError::fail(format!("no cut gives {stats:?}, {candidates:?}")));
        };
        if stats.exact == Some(true) || self.definition.held.len() <= 256 {
            prop_assert_eq!(events.len(), self.definition.between(now as i64 - window as i64, now, side).len());
        }
        if self.definition.held.len() <= 256 {
            prop_assert_eq!(stats.exact, Some(true));
        }
        let sizes = sorted_sizes(events);
        if sizes.is_empty() {
            prop_assert_eq!((answers.percentile, answers.rank, answers.vwap), (None, None, None));
            return Ok(());
        }
        prop_assert_eq!((stats.min, stats.max), (sizes.first().copied(), sizes.last().copied()));
        let exact = nearest_rank(&sizes, p);
        let error = (-f64::from(self.primary.options().precision) - 1.0).exp2();
        let found = answers.percentile.unwrap();
        let on_scale = (2f64.powi(-7)..2f64.powi(33)).contains(&exact);
        let near = (found - exact).abs() <= exact * error * (1.0 + 1e-12);
        prop_assert!(found == exact || stats.exact == Some(false) && (near || !on_scale), "{found} {exact}");
        let at_or_below = sizes.iter().filter(|size| **size <= 1000.0).count() as f64 * 100.0 / sizes.len() as f64;
        prop_assert!(answers.rank.unwrap() >= at_or_below);
        if stats.exact == Some(true) {
            prop_assert_eq!(answers.rank.unwrap(), at_or_below);
        }
        prop_assert!(close(answers.vwap.unwrap(), vwap(events)));
        prop_assert!(close(stats.volume, events.iter().map(|held| held.size).sum()));
        prop_assert_eq!(answers.counted, sizes.len() as u64);
        Ok(())
    }
}

fn extent(events: &[Held]) -> (Option<u64>, Option<u64>) {
    (events.first().map(|held| held.ts), events.last().map(|held| held.ts))
}

#[derive(Debug, Clone, PartialEq)]
struct Answers {
    percentile: Option<f64>,
    rank: Option<f64>,
    vwap: Option<f64>,
    stddev: Option<f64>,
    counted: u64,
    stats: Stats,
}

fn answers(series: &mut Series, server_ms: u64, scope: &[Vec<u8>], p: Percentile) -> Result<Answers, TestCaseError> {
    let with = |first: &[String]| -> Vec<Vec<u8>> {
        first.iter().map(|arg| arg.clone().into_bytes()).chain(scope.iter().cloned()).collect()
    };
    fn args(owned: &[Vec<u8>]) -> Vec<&[u8]> {
        owned.iter().map(Vec::as_slice).collect()
    }
    let pctl = with(&[p.to_string()]);
    let percentile =
        series.percentiles(Time::new(server_ms, 300_000), &Pctl::parse(Args::new(&args(&pctl))).unwrap()).unwrap()[0];
    let rank = with(&["1000".to_owned()]);
    let rank = series.ranks(Time::new(server_ms, 300_000), &Rank::parse(Args::new(&args(&rank))).unwrap()).unwrap()[0];
    let plain = with(&[]);
    let vwap = series.vwap(Time::new(server_ms, 300_000), &Vwap::parse(Args::new(&args(&plain))).unwrap()).unwrap();
    let rows =
        series.histogram(Time::new(server_ms, 300_000), &Hist::parse(Args::new(&args(&plain))).unwrap()).unwrap();
    let stats =
        series.stats(Time::new(server_ms, 300_000), &request::Stats::parse(Args::new(&args(&plain))).unwrap()).unwrap();
    let StatsReply::One(stats) = stats else { return Err(TestCaseError::fail("not one map")) };
    let counted = rows.iter().map(|row| row.count).sum();
    Ok(Answers { percentile, rank, vwap: vwap.vwap, stddev: vwap.stddev, counted, stats })
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 4000, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_follows_its_definition(
        (options, event_clock) in options(), start in prop_oneof![Just(0_u64), Just(1_737_900_000_000)],
        steps in prop::collection::vec(step(), 1..700),
    ) {
        let mut trial = Trial {
            primary: Series::new(options.clone()),
            replica: Series::new(options),
            definition: Definition::default(),
            server_ms: start,
            last: None,
            max_future: 1000,
        };
        for step in steps {
            match step {
                Step::Add { gap, back, side, price, size, id } => {
                    trial.server_ms += gap;
                    let ts = trial.server_ms.saturating_sub(back);
                    let side = if side { Side::Buy } else { Side::Sell };
                    let id = if id == 0 { 0 } else { hash_id(&[id]) };
                    trial.add(Held { ts, side, price, size, id })?;
                }
                Step::Repeat => {
                    if let Some(held) = trial.last {
                        trial.add(held)?;
                    }
                }
                Step::Idle { ms } => trial.server_ms += if event_clock { ms.min(HOUR) } else { ms },
                Step::Ask { window_share, side, p } => {
                    trial.ask(window_share, side.map(|buy| if buy { Side::Buy } else { Side::Sell }), p)?;
                }
            }
        }
        trial.ask(100, None, 80_000_000)?;
        trial.ask(1, None, 50_000_000)?;
    }
}
