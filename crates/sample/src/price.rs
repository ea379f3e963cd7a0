//! How prices move: one market walk that all contracts follow, each with a walk of its own, and shocks that
//! liquidations make worse.

use rand::Rng;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

/// Standard deviation of a calm second's return: about 3 % in a day.
const CALM_VOLATILITY: f64 = 1.0e-4;
/// A shock starts about every 20 minutes.
const SHOCKS_PER_SECOND: f64 = 1.0 / 1200.0;
/// How much of a shock is left after each second.
const SHOCK_DECAY: f64 = 0.93;
/// Pull back to the starting price per second, so that long feeds stay in a believable range.
const REVERSION: f64 = 2.0e-5;

/// The market as a whole, second by second.
#[derive(Debug, Clone)]
pub(crate) struct MarketWalk {
    random: ChaCha8Rng,
    /// Return per second that the present shock still adds.
    shock: f64,
}

impl MarketWalk {
    pub(crate) const fn new(random: ChaCha8Rng) -> Self {
        Self { random, shock: 0.0 }
    }

    /// The next second's return.
    pub(crate) fn step(&mut self) -> f64 {
        self.shock *= SHOCK_DECAY;
        if self.random.random_bool(SHOCKS_PER_SECOND) {
            let strength = self.random.random_range(3.0e-4..1.5e-3);
            // Markets fall harder than they rise, and more rarely: on average a shock leads nowhere.
            let direction = if self.random.random_bool(0.4) { -1.0 } else { 2.0 / 3.0 };
            self.shock += direction * strength;
        }
        let noise: f64 = StandardNormal.sample(&mut self.random);
        self.shock + CALM_VOLATILITY * noise
    }
}

/// One contract's price, second by second.
#[derive(Debug, Clone)]
pub(crate) struct PriceWalk {
    random: ChaCha8Rng,
    start: f64,
    beta: f64,
    /// Logarithm of the price over the starting price.
    log_move: f64,
    /// Exponential average of recent returns: what forces positions out.
    trend: f64,
}

impl PriceWalk {
    pub(crate) const fn new(random: ChaCha8Rng, start: f64, beta: f64) -> Self {
        Self { random, start, beta, log_move: 0.0, trend: 0.0 }
    }

    /// Moves by one second of the market, and by what the second's forced orders add.
    pub(crate) fn step(&mut self, market_return: f64, forced_return: f64) {
        let noise: f64 = StandardNormal.sample(&mut self.random);
        let own = 0.6 * CALM_VOLATILITY * self.beta * noise;
        let step = self.beta * market_return + own + forced_return - REVERSION * self.log_move;
        self.log_move += step;
        self.trend = 0.9 * self.trend + 0.1 * step;
    }

    pub(crate) fn price(&self) -> f64 {
        self.start * self.log_move.exp()
    }

    /// Recent return per second in units of a calm second's: negative when the price falls.
    pub(crate) fn stress(&self) -> f64 {
        self.trend / CALM_VOLATILITY
    }
}
