//! How large liquidations are: log-normal in the middle, a Pareto tail, and round lots that many accounts share.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, LogNormal, Pareto};

/// Share of events that are a round lot: exact duplicates are what real feeds are full of.
const ROUND_LOTS: f64 = 0.3;
/// Share of events drawn from the tail.
const TAIL: f64 = 0.02;
/// Round lots as multiples of a lot, and how often each comes.
const LOTS: [(f64, u32); 8] = [(0.1, 8), (0.2, 7), (0.5, 10), (1.0, 14), (2.0, 8), (5.0, 6), (10.0, 3), (50.0, 1)];
/// No venue lets a single forced order be larger.
const LARGEST: f64 = 5.0e7;
/// Exchanges have a smallest order.
const SMALLEST: f64 = 5.0;

#[derive(Debug, Clone)]
pub(crate) struct Sizes {
    body: Option<LogNormal<f64>>,
    tail: Option<Pareto<f64>>,
    lot: f64,
}

impl Sizes {
    /// Sizes around `median`, quote currency.
    pub(crate) fn around(median: f64) -> Self {
        // The distributions refuse only parameters that are not finite or not positive; such a median gives lots alone.
        let body = LogNormal::new(median.ln(), 1.5).ok();
        let tail = Pareto::new(median * 10.0, 1.1).ok();
        // The lot is the power of ten below the median.
        Self { body, tail, lot: 10_f64.powf(median.log10().floor()) }
    }

    /// One size, in whole cents.
    pub(crate) fn sample(&self, random: &mut ChaCha8Rng) -> f64 {
        let kind: f64 = random.random();
        let drawn = match (&self.body, &self.tail) {
            (_, Some(tail)) if kind < TAIL => tail.sample(random),
            (Some(body), _) if kind >= TAIL + ROUND_LOTS => body.sample(random),
            _ => self.lot * multiple(random),
        };
        (drawn.clamp(SMALLEST, LARGEST) * 100.0).round() / 100.0
    }
}

fn multiple(random: &mut ChaCha8Rng) -> f64 {
    let total: u32 = LOTS.iter().map(|(_, weight)| weight).sum();
    let mut place = random.random_range(0..total);
    for (multiple, weight) in LOTS {
        match place.checked_sub(weight) {
            Some(rest) => place = rest,
            None => return multiple,
        }
    }
    1.0
}
