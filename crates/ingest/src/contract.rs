//! What one contract is worth, and the notional of a quantity as each venue counts it.

use std::collections::HashMap;

use liq_core::grammar::Decimal;
use serde::{Deserialize, Serialize};

use crate::event::Reject;
use crate::symbol;
use crate::venue::Venue;

/// The worth of one contract.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Contract {
    /// So many units of the base currency.
    Base(f64),
    /// So many units of the quote currency.
    Quote(f64),
}

impl Contract {
    /// How much of the base currency `qty` contracts are, exactly; for inverse ones that is no decimal.
    pub fn base_units(self, qty: Decimal) -> Result<Decimal, Reject> {
        match self {
            Self::Base(1.0) => Ok(qty),
            Self::Base(units) => {
                let units = Decimal::from_double(units).map_err(|_| Reject::UnknownMultiplier)?;
                // A product has 18 digits behind the point.
                Decimal::rounded(units.product(qty), 18).ok_or(Reject::OutOfRange)
            }
            Self::Quote(_) => Err(Reject::InverseContract),
        }
    }

    /// Notional, in the quote currency, of `quantity` contracts at `price`.
    pub fn notional(self, quantity: f64, price: f64) -> f64 {
        match self {
            Self::Base(units) => quantity * units * price,
            Self::Quote(units) => quantity * units,
        }
    }
}

/// The contract sizes known: built in, from the configuration, and as asked from the venues.
#[derive(Debug, Default, Clone, PartialEq)]
pub struct Contracts {
    known: HashMap<(Venue, String), Contract>,
}

impl Contracts {
    /// Learns, or changes, one instrument's.
    pub fn set(&mut self, venue: Venue, instrument: impl Into<String>, contract: Contract) {
        self.known.insert((venue, instrument.into()), contract);
    }

    /// Learns all that others know, which wins over what was known.
    pub fn extend(&mut self, others: &Self) {
        self.known.extend(others.known.iter().map(|(name, contract)| (name.clone(), *contract)));
    }

    /// The instruments of a venue whose contracts were learned.
    pub fn names(&self, venue: Venue) -> impl Iterator<Item = &str> {
        self.known.keys().filter(move |(of, _)| *of == venue).map(|(_, name)| name.as_str())
    }

    /// How many were learned.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none was learned.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// The contract of an instrument, if it is known. Sources: the venues' contract specifications.
    pub fn find(&self, venue: Venue, instrument: &str) -> Option<Contract> {
        if !self.known.is_empty()
            && let Some(contract) = self.known.get(&(venue, instrument.to_owned()))
        {
            return Some(*contract);
        }
        match venue {
            Venue::BinanceUm | Venue::BinanceSpot | Venue::Aster | Venue::Bitfinex => Some(Contract::Base(1.0)),
            Venue::BinanceCm if instrument.starts_with("BTCUSD") => Some(Contract::Quote(100.0)),
            Venue::BinanceCm => Some(Contract::Quote(10.0)),
            Venue::Bybit if symbol::is_bybit_inverse(instrument) => Some(Contract::Quote(1.0)),
            Venue::Bybit => Some(Contract::Base(1.0)),
            Venue::Deribit if instrument.contains("_USD") => Some(Contract::Base(1.0)),
            Venue::Deribit => Some(Contract::Quote(1.0)),
            Venue::Okx => match instrument {
                "BTC-USDT-SWAP" => Some(Contract::Base(0.01)),
                "ETH-USDT-SWAP" => Some(Contract::Base(0.1)),
                "BTC-USD-SWAP" => Some(Contract::Quote(100.0)),
                // Spot: sized in the base currency.
                pair if pair.matches('-').count() == 1 => Some(Contract::Base(1.0)),
                _ => None,
            },
            Venue::Bitmex => (instrument == "XBTUSD").then_some(Contract::Quote(1.0)),
        }
    }

    /// Notional of `quantity`, in the venue's own unit, at `price`.
    pub fn notional(&self, venue: Venue, instrument: &str, quantity: f64, price: f64) -> Result<f64, Reject> {
        let contract = self.find(venue, instrument).ok_or(Reject::UnknownMultiplier)?;
        Ok(contract.notional(quantity, price))
    }
}
