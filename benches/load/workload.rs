//! The streams of requests that are measured.

use std::fmt::Write as _;

use liq_core::liq::request::{NewEvent, encode_events};

use super::resp;
use super::series::{DAY_MS, START_MS, events};

/// An endless stream of requests, which goes on where the last round ended: time only moves forward.
pub struct Workload {
    pub name: &'static str,
    /// What the ratios should stay below, for the CPU, and above, for the throughput.
    pub wanted: &'static str,
    /// Events in each request.
    pub per_request: usize,
    next: AppendRequest,
}

/// Appends the next request to a buffer.
type AppendRequest = Box<dyn FnMut(&mut Vec<u8>)>;

impl Workload {
    pub fn new(
        name: &'static str,
        wanted: &'static str,
        per_request: usize,
        next: impl FnMut(&mut Vec<u8>) + 'static,
    ) -> Self {
        Self { name, wanted, per_request, next: Box::new(next) }
    }

    /// The same, counted by the rows that each request is answered with.
    pub fn by_row(mut self, rows: usize) -> Self {
        self.per_request = rows;
        self
    }

    /// The next `requests`, in pipelines of `depth`.
    pub fn pipelines(&mut self, requests: usize, depth: usize) -> Vec<(Vec<u8>, usize)> {
        let pipeline = |_| {
            let mut bytes = Vec::new();
            (0..depth).for_each(|_| (self.next)(&mut bytes));
            (bytes, depth)
        };
        (0..requests.div_ceil(depth)).map(pipeline).collect()
    }
}

/// `SET` of three bytes on 100,000 keys, as redis-benchmark sends it: what everything is compared with.
pub fn set() -> Workload {
    let mut key = one_of_100k("key");
    Workload::new("SET, 100k keys", "", 1, move |out| resp::request(out, &["SET", &key(), "VXK"]))
}

/// Names out of 100,000, `prefix:` and twelve digits, at random.
pub fn one_of_100k(prefix: &'static str) -> impl FnMut() -> String {
    let mut random = 1_u64;
    move || {
        // A linear congruential generator (Knuth's MMIX constants) is random enough to pick keys.
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{prefix}:{:012}", (random >> 33) % 100_000)
    }
}

/// One fixed command line, over keys `prefix:0` … in turn; `{}` stands for the key.
pub fn over_keys(name: &'static str, wanted: &'static str, prefix: &str, keys: usize, line: &str) -> Workload {
    let lines: Vec<String> = (0..keys).map(|key| line.replace("{}", &format!("{prefix}:{key}"))).collect();
    let mut turn = 0;
    Workload::new(name, wanted, 1, move |out| {
        resp::line(out, &lines[turn % lines.len()]);
        turn += 1;
    })
}

/// Where in time an adding workload is: behind the day that [`super::series::create`] filled, with events evenly
/// spaced, `per_day` for each of `keys` keys, which are served in turn, `batch` events at a time.
struct Clock {
    keys: u64,
    per_day: u64,
    batch: u64,
    turn: u64,
}

impl Clock {
    const fn new(keys: u64, per_day: u64, batch: u64) -> Self {
        Self { keys, per_day, batch, turn: 0 }
    }

    /// The next key and the times of its next events.
    fn next(&mut self) -> (u64, impl Iterator<Item = u64> + use<>) {
        let (key, per_day) = (self.turn % self.keys, self.per_day);
        let first = self.turn / self.keys * self.batch;
        self.turn += 1;
        (key, (first..first + self.batch).map(move |place| START_MS + DAY_MS + place * DAY_MS / per_day))
    }
}

/// Precomputed events, taken again and again: generating them must not take the load generator's time.
fn recycled() -> impl FnMut() -> NewEvent<'static> {
    let ring: Vec<_> = events(7).take(1 << 16).collect();
    let mut place = 0;
    move || {
        place = (place + 1) % ring.len();
        ring[place]
    }
}

/// One event for a key, `head` before the key and `tail` at the end.
fn one_by_one(
    head: &'static str,
    prefix: &'static str,
    mut clock: Clock,
    tail: &'static str,
) -> impl FnMut(&mut Vec<u8>) {
    let mut event = recycled();
    move |out| {
        let (key, times) = clock.next();
        for ts_ms in times {
            let NewEvent { side, price, size, .. } = event();
            resp::line(out, &format!("{head} {prefix}:{key} {ts_ms} {} {price} {size}{tail}", side.name()));
        }
    }
}

/// `LIQ.ADD` in time order over `keys` series that hold `per_day` events in 24 hours; `tail` holds further options.
pub fn add(
    name: &'static str,
    wanted: &'static str,
    prefix: &'static str,
    keys: u64,
    per_day: u64,
    tail: &'static str,
) -> Workload {
    Workload::new(name, wanted, 1, one_by_one("LIQ.ADD", prefix, Clock::new(keys, per_day, 1), tail))
}

/// A command of the module that does nothing but answer in the shape of `LIQ.ADD`.
pub fn no_operation(name: &'static str) -> Workload {
    Workload::new(name, "", 1, one_by_one("LIQ._NOOP", "none", Clock::new(10, 144_000, 1), ""))
}

/// `LIQ.MADD` of `batch` events for one of ten keys.
pub fn madd(name: &'static str, wanted: &'static str, prefix: &'static str, per_day: u64, batch: usize) -> Workload {
    let mut clock = Clock::new(10, per_day, batch as u64);
    let mut event = recycled();
    Workload::new(name, wanted, batch, move |out| {
        let (key, times) = clock.next();
        let mut line = format!("LIQ.MADD {prefix}:{key} EXCHANGE BINANCE EVENTS");
        for ts_ms in times {
            let NewEvent { side, price, size, .. } = event();
            write!(line, " {ts_ms} {} {price} {size}", side.name()).unwrap();
        }
        resp::line(out, &line);
    })
}

/// `LIQ.MADDPACK` of `batch` events for one of ten keys.
pub fn madd_pack(
    name: &'static str,
    wanted: &'static str,
    prefix: &'static str,
    per_day: u64,
    batch: usize,
) -> Workload {
    let mut clock = Clock::new(10, per_day, batch as u64);
    let mut event = recycled();
    Workload::new(name, wanted, batch, move |out| {
        let (key, times) = clock.next();
        let events: Vec<_> = times.map(|ts_ms| NewEvent { ts_ms: Some(ts_ms), ..event() }).collect();
        let key = format!("{prefix}:{key}");
        resp::request(out, &[b"LIQ.MADDPACK".as_slice(), key.as_bytes(), &encode_events(&events)]);
    })
}
