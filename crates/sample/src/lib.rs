//! Liquidations as markets make them, generated: the same seed gives the same events.
//!
//! What lives here: prices that walk together and crash together, forced orders that come in cascades, and sizes with
//! a heavy tail and many equal round lots. What does not: any claim about a real market.

mod feed;
mod price;
mod size;

pub use feed::{Feed, Liquidation, market};

/// A perpetual contract to generate liquidations of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Contract {
    /// The exchange's name for it.
    pub symbol: &'static str,
    /// Price at the start, quote per base.
    pub price: f64,
    /// Decimals of the price on the exchange, at most 9.
    pub price_decimals: u8,
    /// Median size, quote currency.
    pub median_size: f64,
    /// Liquidations per second in a calm market.
    pub calm_rate: f64,
    /// How strongly the price follows the market as a whole.
    pub beta: f64,
}

/// A dozen contracts with the liquidity one finds on a large exchange.
pub const DOZEN: [Contract; 12] = [
    contract("BTCUSDT", 64_250.0, 1, 5_200.0, 0.30, 1.0),
    contract("ETHUSDT", 3_420.0, 2, 3_900.0, 0.28, 1.2),
    contract("SOLUSDT", 148.0, 3, 1_800.0, 0.18, 1.6),
    contract("XRPUSDT", 0.58, 4, 900.0, 0.12, 1.2),
    contract("DOGEUSDT", 0.124, 5, 700.0, 0.12, 1.7),
    contract("BNBUSDT", 585.0, 2, 1_100.0, 0.06, 0.9),
    contract("ADAUSDT", 0.44, 4, 420.0, 0.05, 1.3),
    contract("AVAXUSDT", 27.5, 3, 480.0, 0.05, 1.6),
    contract("LINKUSDT", 13.8, 3, 450.0, 0.04, 1.4),
    contract("SUIUSDT", 0.86, 4, 380.0, 0.06, 1.9),
    contract("1000PEPEUSDT", 0.009_1, 7, 350.0, 0.09, 2.1),
    contract("ORDIUSDT", 33.2, 3, 300.0, 0.03, 2.0),
];

const fn contract(
    symbol: &'static str,
    price: f64,
    price_decimals: u8,
    median_size: f64,
    calm_rate: f64,
    beta: f64,
) -> Contract {
    Contract { symbol, price, price_decimals, median_size, calm_rate, beta }
}
