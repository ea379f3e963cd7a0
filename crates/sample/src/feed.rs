//! The events themselves: one contract's endless feed, and the time-ordered feed of several.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, Poisson};

use crate::Contract;
use crate::price::{MarketWalk, PriceWalk};
use crate::size::Sizes;

/// No second of a cascade holds more than this many times the calm rate.
const STRONGEST_CASCADE: f64 = 40.0;
/// Return that one liquidation of the median size adds in a second, in a market of that size.
const IMPACT: f64 = 1.0e-6;

/// A forced order, as an exchange reports it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Liquidation {
    /// Unix milliseconds.
    pub ts_ms: u64,
    /// Side of the order: `sell` closes a long, `buy` a short.
    pub side: &'static str,
    /// Fill price, quote per base.
    pub price: f64,
    /// Notional, quote currency.
    pub size: f64,
}

/// The liquidations of one contract, in time order, without end.
///
/// Contracts with the same seed see the same market: they crash together.
#[derive(Debug, Clone)]
pub struct Feed {
    contract: Contract,
    market: MarketWalk,
    walk: PriceWalk,
    sizes: Sizes,
    random: ChaCha8Rng,
    second_start_ms: u64,
    /// This second's events, latest first.
    pending: Vec<Liquidation>,
}

impl Feed {
    /// A feed from `start_ms` on.
    pub fn new(contract: Contract, seed: u64, start_ms: u64) -> Self {
        let own =
            contract.symbol.bytes().fold(seed, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3));
        let stream = |number| {
            let mut random = ChaCha8Rng::seed_from_u64(own);
            random.set_stream(number);
            random
        };
        Self {
            contract,
            market: MarketWalk::new(ChaCha8Rng::seed_from_u64(seed)),
            walk: PriceWalk::new(stream(1), contract.price, contract.beta),
            sizes: Sizes::around(contract.median_size),
            random: stream(2),
            second_start_ms: start_ms,
            pending: Vec::new(),
        }
    }

    fn generate_second(&mut self) {
        let stress = self.walk.stress();
        let cascade = (1.0 + stress * stress / 2.0).min(STRONGEST_CASCADE);
        let expected = self.contract.calm_rate * cascade;
        let count = Poisson::new(expected).map_or(0.0, |poisson| poisson.sample(&mut self.random)) as usize;
        // A falling price forces longs out (sell orders), a rising one shorts.
        let sell_share = (0.55 - 0.2 * stress).clamp(0.03, 0.97);
        let mut pressure = 0.0;
        for _ in 0..count {
            let sells = self.random.random_bool(sell_share);
            let size = self.sizes.sample(&mut self.random);
            // Forced orders eat into the book: the larger, the worse their price.
            let slip = 2.0e-4 * (size / self.contract.median_size).sqrt().min(20.0) * self.random.random::<f64>();
            let direction = if sells { -1.0 } else { 1.0 };
            pressure += direction * (size / self.contract.median_size).min(50.0);
            self.pending.push(Liquidation {
                ts_ms: self.second_start_ms + self.random.random_range(0..1000),
                side: if sells { "sell" } else { "buy" },
                price: rounded(self.walk.price() * (1.0 + direction * slip), self.contract.price_decimals),
                size,
            });
        }
        self.pending.sort_by_key(|event| std::cmp::Reverse(event.ts_ms));
        self.second_start_ms += 1000;
        self.walk.step(self.market.step(), IMPACT * pressure);
    }
}

impl Iterator for Feed {
    type Item = Liquidation;

    fn next(&mut self) -> Option<Liquidation> {
        loop {
            if let Some(event) = self.pending.pop() {
                return Some(event);
            }
            self.generate_second();
        }
    }
}

/// All liquidations of `contracts` in `duration_ms` from `start_ms` on, in time order, each with its contract.
pub fn market(contracts: &[Contract], seed: u64, start_ms: u64, duration_ms: u64) -> Vec<(Contract, Liquidation)> {
    let end_ms = start_ms + duration_ms;
    let feed = |contract: &Contract| {
        let contract = *contract;
        Feed::new(contract, seed, start_ms).take_while(move |event| event.ts_ms < end_ms).map(move |e| (contract, e))
    };
    let mut events: Vec<_> = contracts.iter().flat_map(feed).collect();
    events.sort_by_key(|(_, event)| event.ts_ms);
    events
}

fn rounded(price: f64, decimals: u8) -> f64 {
    let scale = 10_f64.powi(i32::from(decimals));
    // At least one tick: a price of zero would be refused.
    (price * scale).round().max(1.0) / scale
}

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "a wrong index must fail the test")]
mod tests {
    use super::*;
    use crate::DOZEN;

    const START_MS: u64 = 1_767_225_600_000;

    fn hour() -> Vec<(Contract, Liquidation)> {
        market(&DOZEN, 1, START_MS, 3_600_000)
    }

    #[test]
    fn a_seed_always_gives_the_same_events() {
        assert_eq!(hour(), hour());
        assert_ne!(hour(), market(&DOZEN, 2, START_MS, 3_600_000));
    }

    #[test]
    fn an_hour_is_in_order_and_within_what_the_module_accepts() {
        let events = hour();
        assert!(events.is_sorted_by_key(|(_, event)| event.ts_ms));
        for (_, event) in &events {
            assert!((START_MS..START_MS + 3_600_000).contains(&event.ts_ms));
            assert!((1e-12..=1e15).contains(&event.price) && (1e-9..=1e15).contains(&event.size), "{event:?}");
        }
        for contract in DOZEN {
            assert!(events.iter().filter(|(of, _)| of.symbol == contract.symbol).count() > 50, "{}", contract.symbol);
        }
    }

    #[test]
    fn sizes_repeat_and_have_a_heavy_tail() {
        let mut sizes: Vec<f64> = Feed::new(DOZEN[0], 1, START_MS).take(50_000).map(|event| event.size).collect();
        sizes.sort_by(f64::total_cmp);
        let repeated = sizes.windows(2).filter(|pair| pair[0] == pair[1]).count();
        assert!(repeated > 10_000, "{repeated}");
        let (median, p999) = (sizes[25_000], sizes[49_950]);
        assert!(p999 > 100.0 * median, "{p999} {median}");
    }

    #[test]
    fn events_come_in_cascades() {
        let mut per_second = std::collections::HashMap::new();
        for event in Feed::new(DOZEN[0], 1, START_MS).take(50_000) {
            *per_second.entry(event.ts_ms / 1000).or_insert(0_u32) += 1;
        }
        assert!(per_second.values().any(|count| f64::from(*count) > 10.0 * DOZEN[0].calm_rate));
    }
}
