//! Events to test with: generated ones, heavy-tailed with repeated lot sizes, and the recorded captures by path.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::PathBuf;

use super::oracle::{Event, Side};

/// A market-like feed with a fixed seed.
pub struct Feed {
    random: fastrand::Rng,
    pub ts: u64,
    price: f64,
}

impl Feed {
    pub fn new(seed: u64, start_ms: u64) -> Self {
        Self { random: fastrand::Rng::with_seed(seed), ts: start_ms, price: 60_000.0 }
    }

    /// The next event, up to `step_ms` after the last.
    pub fn next(&mut self, step_ms: u64) -> Event {
        self.ts += self.random.u64(0..=step_ms);
        self.price *= 1.0 + (self.random.f64() - 0.5) * 0.02;
        let side = if self.random.bool() { Side::Sell } else { Side::Buy };
        // Three events in ten have one of a few lot sizes; the others reach over six decades.
        let size = if self.random.u32(0..10) < 3 {
            [100.0, 250.0, 1_000.0, 5_000.0][self.random.usize(0..4)]
        } else {
            10_f64.powf(self.random.f64() * self.random.f64() * 6.0 + 0.5)
        };
        let mut event = Event::new(self.ts, side, round(self.price, 2), round(size, 4));
        event.exchange = ["binance", "bybit", "okx", ""][self.random.usize(0..4)].to_owned();
        event
    }

    /// `count` events, up to `step_ms` apart; one in `late_one_in` comes up to `late_ms` late (0: none).
    pub fn take(&mut self, count: usize, step_ms: u64, late_one_in: u32, late_ms: u64) -> Vec<Event> {
        let mut events = Vec::with_capacity(count);
        for _ in 0..count {
            let mut event = self.next(step_ms);
            if late_one_in > 0 && self.random.u32(0..late_one_in) == 0 {
                event.ts = event.ts.saturating_sub(self.random.u64(1..=late_ms));
            }
            events.push(event);
        }
        events
    }
}

fn round(value: f64, decimals: i32) -> f64 {
    let scale = 10_f64.powi(decimals);
    (value * scale).round() / scale
}

/// The folder of recorded liquidations, when it is there.
pub fn captures_dir() -> Option<PathBuf> {
    let dir = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/liquidations"));
    dir.is_dir().then_some(dir)
}

/// A recorded capture's events by symbol, in the order of arrival; prices are average fills where recorded.
pub fn capture(file: &std::path::Path) -> BTreeMap<String, Vec<Event>> {
    let mut text = Vec::new();
    let packed = std::fs::File::open(file).expect("the capture is readable");
    flate2::read::GzDecoder::new(packed).read_to_end(&mut text).expect("the capture is gzip");
    let mut reader = csv::ReaderBuilder::new().has_headers(false).flexible(true).from_reader(text.as_slice());
    let mut symbols: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for record in reader.byte_records() {
        let record = record.expect("the capture is CSV");
        let field = |at: usize| String::from_utf8_lossy(&record[at]).into_owned();
        // Two captures begin with a line that is none.
        if record.len() < 12 {
            continue;
        }
        let number = |at: usize| field(at).parse::<f64>().ok();
        let side = if field(1) == "SELL" { Side::Sell } else { Side::Buy };
        let price = number(6).or(number(5)).expect("every row has a price");
        let size = number(9).expect("every row has a quantity") * price;
        let ts = field(10).parse().expect("every row has a time");
        let symbol = field(0).replace("Hello Arbitrage Trading Bot", "");
        let mut event = Event::new(ts, side, price, size);
        event.exchange = "binance".into();
        symbols.entry(symbol).or_default().push(event);
    }
    symbols
}
