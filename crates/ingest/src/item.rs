//! What is fed, whatever it is, and the key it belongs to: how that is named, and what makes it where it is missing.

use std::sync::Arc;

use liq_core::settings::ClockMode;
use redis::Cmd;

use crate::config::{Config, ConfigError};
use crate::event::Event;
use crate::market::{MarketItem, Told};
use crate::venue::Venue;

/// Something that is fed to one key.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A liquidation, for a series.
    Liquidation(Event),
    /// A trade, a quote or a candle, for a market.
    Market(MarketItem),
}

impl Item {
    /// When it was, Unix milliseconds.
    pub const fn ts_ms(&self) -> u64 {
        match self {
            Self::Liquidation(event) => event.ts_ms,
            Self::Market(item) => item.told.ts_ms(),
        }
    }

    /// Whether it is a trade of a market whose trades are not numbered, so that nothing but a word tells what is missing.
    pub const fn is_unnumbered_trade(&self) -> bool {
        matches!(self, Self::Market(MarketItem { told: Told::Trade(_), is_numbered: false, .. }))
    }

    /// Trades may be missing before it; said of trades that are not numbered.
    pub const fn follow_gap(&mut self) {
        if let Self::Market(MarketItem { told: Told::Trade(trade), is_numbered: false, .. }) = self {
            trade.follows_gap = true;
        }
    }

    /// Its symbol.
    pub const fn symbol(&self) -> &Arc<str> {
        match self {
            Self::Liquidation(event) => &event.symbol,
            Self::Market(item) => &item.symbol,
        }
    }
}

/// A key that is fed, by what its name is made of.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Home {
    /// A series of liquidations.
    Series {
        /// Canonical symbol.
        symbol: Arc<str>,
        /// Exchange, where keys differ by it; else empty.
        exchange: Arc<str>,
    },
    /// A market.
    Market {
        /// Its symbol.
        symbol: Arc<str>,
        /// Whose.
        venue: Venue,
        /// Whether it orders by ID.
        is_numbered: bool,
    },
}

impl Home {
    /// Where an item belongs.
    pub fn of(item: &Item, config: &Config) -> Self {
        match item {
            Item::Liquidation(event) => Self::of_event(event, config),
            Item::Market(MarketItem { symbol, venue, is_numbered, .. }) => {
                Self::Market { symbol: Arc::clone(symbol), venue: *venue, is_numbered: *is_numbered }
            }
        }
    }

    /// Where a liquidation belongs.
    pub fn of_event(event: &Event, config: &Config) -> Self {
        let exchange = if config.key.is_per_exchange() { Arc::clone(&event.exchange) } else { Arc::from("") };
        Self::Series { symbol: Arc::clone(&event.symbol), exchange }
    }

    /// The key.
    pub fn key(&self, config: &Config) -> Arc<str> {
        Arc::from(match self {
            Self::Series { symbol, exchange } => config.key.expand(symbol, exchange),
            Self::Market { symbol, venue, .. } => config.markets.key_of(symbol, *venue),
        })
    }

    /// The command that makes the key where it is missing, with the options that are configured.
    pub fn creation(&self, key: &str, config: &Config, clock: ClockMode) -> Result<Cmd, ConfigError> {
        let (command, options) = match self {
            Self::Series { symbol, exchange } => {
                ("LIQ.CREATE", config.series.options_of(symbol, exchange, clock)?.to_args())
            }
            Self::Market { symbol, venue, is_numbered } => {
                ("TICK.CREATE", config.markets.options_of(symbol, *venue, clock, *is_numbered)?.to_args())
            }
        };
        Ok(redis::cmd(command).arg(key).arg("NX").arg(options).to_owned())
    }
}
