//! The series by its definition, slowly: every event is kept, every answer is computed from all of them. What lives
//! here is the written contract and nothing of the module's way to hold it.

/// One liquidation.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub ts: u64,
    pub side: Side,
    pub price: f64,
    pub size: f64,
    pub exchange: String,
    pub id: String,
}

impl Event {
    pub fn new(ts: u64, side: Side, price: f64, size: f64) -> Self {
        Self { ts, side, price, size, exchange: String::new(), id: String::new() }
    }

    /// The base quantity.
    pub fn quantity(&self) -> f64 {
        self.size / self.price
    }

    /// The arguments behind `LIQ.ADD key`.
    pub fn to_args(&self) -> String {
        let mut line = format!("{} {} {} {}", self.ts, self.side.name(), self.price, self.size);
        for (option, value) in [("EXCHANGE", &self.exchange), ("ID", &self.id)] {
            if !value.is_empty() {
                line += &format!(" {option} {value}");
            }
        }
        line
    }
}

/// The side of the forced order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    Buy,
    Sell,
}

impl Side {
    pub fn name(self) -> &'static str {
        match self {
            Self::Buy => "buy",
            Self::Sell => "sell",
        }
    }
}

/// The options that decide, with the contract's defaults.
#[derive(Debug, Clone)]
pub struct Options {
    pub retention: u64,
    pub window: u64,
    pub percentile: f64,
    pub min_events: usize,
    pub min_size: f64,
    pub vwap_window: u64,
    pub long_offset: f64,
    pub short_offset: f64,
    pub event_clock: bool,
    pub tail: usize,
    pub precision: u32,
    pub max_future: u64,
    pub signal_max_age: u64,
}

pub const SECOND: u64 = 1_000;
pub const MINUTE: u64 = 60 * SECOND;
pub const HOUR: u64 = 60 * MINUTE;
pub const DAY: u64 = 24 * HOUR;

impl Default for Options {
    fn default() -> Self {
        Self {
            retention: DAY,
            window: DAY,
            percentile: 80.0,
            min_events: 1,
            min_size: 0.0,
            vwap_window: HOUR,
            long_offset: 2.0,
            short_offset: 2.0,
            event_clock: false,
            tail: 4096,
            precision: 7,
            max_future: 5 * MINUTE,
            signal_max_age: MINUTE,
        }
    }
}

impl Options {
    /// The arguments behind `LIQ.CREATE key`.
    pub fn to_args(&self) -> String {
        format!(
            "RETENTION {} WINDOW {} PERCENTILE {} MINEVENTS {} MINSIZE {} VWAPWINDOW {} LONGOFFSET {} SHORTOFFSET {} \
             CLOCK {} TAIL {} PRECISION {}",
            self.retention,
            self.window,
            self.percentile,
            self.min_events,
            self.min_size,
            self.vwap_window,
            self.long_offset,
            self.short_offset,
            if self.event_clock { "EVENT" } else { "SERVER" },
            self.tail,
            self.precision
        )
    }

    /// The width of the coarse panes.
    pub fn pane(&self) -> u64 {
        let widths = [SECOND, 5 * SECOND, 15 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 3 * HOUR];
        *widths.iter().find(|width| **width * 288 >= self.retention).expect("31 days fit panes of 3 hours")
    }
}

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Status {
    Future,
    Late,
    Small,
    Duplicate,
    Filtered,
    Accepted,
}

impl Status {
    pub const ALL: [Self; 6] = [Self::Future, Self::Late, Self::Small, Self::Duplicate, Self::Filtered, Self::Accepted];

    pub fn name(self) -> &'static str {
        match self {
            Self::Future => "future",
            Self::Late => "late",
            Self::Small => "small",
            Self::Duplicate => "duplicate",
            Self::Filtered => "filtered",
            Self::Accepted => "accepted",
        }
    }
}

/// The reply of LIQ.ADD.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    pub status: Status,
    pub rank: Option<f64>,
    pub threshold: Option<f64>,
    pub vwap: Option<f64>,
    pub deviation: Option<f64>,
    pub signal: Option<Side>,
    pub stale: bool,
    /// While the window holds fewer than MINEVENTS nothing is compared with the threshold.
    pub unfiltered: bool,
}

impl Judgement {
    fn bare(status: Status) -> Self {
        Self {
            status,
            rank: None,
            threshold: None,
            vwap: None,
            deviation: None,
            signal: None,
            stale: false,
            unfiltered: false,
        }
    }
}

/// A series by definition.
#[derive(Debug, Clone, Default)]
pub struct Series {
    pub options: Options,
    /// Held events in time order; equal times in order of arrival.
    pub events: Vec<Event>,
    pub judgements: Vec<Judgement>,
}

impl Series {
    pub fn new(options: Options) -> Self {
        Self { options, ..Self::default() }
    }

    pub fn newest(&self) -> u64 {
        self.events.last().map_or(0, |event| event.ts)
    }

    /// Judges `event` and keeps it when it is to be kept. `clock` is the server's time, or what AT replaced it with.
    pub fn add(&mut self, event: &Event, clock: u64) -> Judgement {
        let judgement = self.judge(event, clock);
        if matches!(judgement.status, Status::Accepted | Status::Filtered) {
            let place = self.events.partition_point(|held| held.ts <= event.ts);
            self.events.insert(place, event.clone());
        }
        self.judgements.push(judgement.clone());
        judgement
    }

    fn judge(&self, event: &Event, clock: u64) -> Judgement {
        let options = &self.options;
        let now = if options.event_clock { self.newest().max(event.ts) } else { self.newest().max(clock) };
        if event.ts > clock.saturating_add(options.max_future) {
            return Judgement::bare(Status::Future);
        }
        if now >= options.retention && event.ts <= now - options.retention {
            return Judgement::bare(Status::Late);
        }
        let newest_tail = self.events.iter().rev().take(options.tail);
        let status = if event.size < options.min_size {
            Status::Small
        } else if newest_tail.clone().any(|held| held == event) {
            return Judgement::bare(Status::Duplicate);
        } else {
            Status::Accepted
        };

        let sizes = sizes(&self.window(now, options.window, None));
        let vwap = vwap(&self.window(now, options.vwap_window, None)).map(|figures| figures.vwap);
        let mut judgement = Judgement::bare(status);
        judgement.rank = rank(&sizes, event.size);
        judgement.threshold = (options.percentile > 0.0).then(|| percentile(&sizes, options.percentile)).flatten();
        judgement.unfiltered = sizes.len() < options.min_events;
        judgement.vwap = vwap;
        judgement.deviation = vwap.map(|vwap| (event.price - vwap) / vwap * 100.0);
        if status == Status::Accepted {
            let below = judgement.threshold.is_some_and(|threshold| event.size < threshold);
            if below && !judgement.unfiltered {
                judgement.status = Status::Filtered;
            } else {
                self.judge_signal(event, now, &mut judgement);
            }
        }
        judgement
    }

    fn judge_signal(&self, event: &Event, now: u64, judgement: &mut Judgement) {
        let options = &self.options;
        let Some(deviation) = judgement.deviation else { return };
        let signal = match event.side {
            Side::Sell if options.long_offset > 0.0 && deviation <= -options.long_offset => Some(Side::Buy),
            Side::Buy if options.short_offset > 0.0 && deviation >= options.short_offset => Some(Side::Sell),
            _ => None,
        };
        judgement.stale = signal.is_some() && now.saturating_sub(event.ts) > options.signal_max_age;
        judgement.signal = if judgement.stale { None } else { signal };
    }

    /// The events in (now − width, now], of one side when asked.
    pub fn window(&self, now: u64, width: u64, side: Option<Side>) -> Vec<&Event> {
        let inside = |event: &&Event| event.ts <= now && u128::from(event.ts) + u128::from(width) > u128::from(now);
        self.events.iter().filter(inside).filter(|event| side.is_none_or(|side| event.side == side)).collect()
    }

    /// How many events got this status.
    pub fn total(&self, status: Status) -> usize {
        self.judgements.iter().filter(|judgement| judgement.status == status).count()
    }
}

/// The sizes in ascending order.
pub fn sizes(events: &[&Event]) -> Vec<f64> {
    let mut sizes: Vec<f64> = events.iter().map(|event| event.size).collect();
    sizes.sort_by(f64::total_cmp);
    sizes
}

/// The nearest-rank percentile: the r-th smallest, r = max(1, ceil(P n / 10^8)) with P in millionths of a percent.
pub fn percentile(sorted: &[f64], percent: f64) -> Option<f64> {
    let millionths = (percent * 1e6).round() as u128;
    let rank = (millionths * sorted.len() as u128).div_ceil(100_000_000).max(1);
    sorted.get(rank as usize - 1).copied()
}

/// The share of sizes at or below `size`, in percent.
pub fn rank(sorted: &[f64], size: f64) -> Option<f64> {
    let below = sorted.partition_point(|held| *held <= size);
    (!sorted.is_empty()).then(|| 100.0 * below as f64 / sorted.len() as f64)
}

/// What LIQ.VWAP answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Vwap {
    pub vwap: f64,
    pub volume: f64,
    pub quantity: f64,
    pub stddev: f64,
}

/// Volume, quantity, volume-weighted mean and deviation of the price; `None` without events.
pub fn vwap(events: &[&Event]) -> Option<Vwap> {
    let volume = sum(events.iter().map(|event| event.size));
    let quantity = sum(events.iter().map(|event| event.quantity()));
    if events.is_empty() {
        return None;
    }
    let vwap = volume / quantity;
    let squares = sum(events.iter().map(|event| event.quantity() * (event.price - vwap).powi(2)));
    Some(Vwap { vwap, volume, quantity, stddev: (squares / quantity).max(0.0).sqrt() })
}

/// Mean and population standard deviation.
pub fn mean_and_stddev(values: &[f64]) -> Option<(f64, f64)> {
    let count = values.len() as f64;
    let mean = sum(values.iter().copied()) / count;
    let variance = sum(values.iter().map(|value| (value - mean).powi(2))) / count;
    (!values.is_empty()).then(|| (mean, variance.sqrt()))
}

/// A sum with the rounding errors carried along (Neumaier), so that the definition is not the less exact side.
pub fn sum(values: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut carry) = (0.0_f64, 0.0);
    for value in values {
        let next = sum + value;
        carry += if sum.abs() >= value.abs() { (sum - next) + value } else { (value - next) + sum };
        sum = next;
    }
    sum + carry
}

/// Whether two numbers agree to `tolerance`, relative to the larger, or to `scale` when that is larger still.
pub fn close(a: f64, b: f64, tolerance: f64, scale: f64) -> bool {
    (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(scale)
}
