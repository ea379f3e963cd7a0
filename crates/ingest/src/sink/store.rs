//! What waits for Redis: liquidations and trades on the spool, quotes and candles in memory; and the keys they go to.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use liq_spool::{Spool, SpoolError};

use super::fleeting::{Fleeting, Offer};
use super::rows::{entry_of, is_sound};
use super::{Arrived, now_us};
use crate::config::Config;
use crate::event::Event;
use crate::item::Home;
use crate::market::Told;

/// Trades that came so lately may be overtaken by a quote, microseconds: candles wait longer for them (`GRACE`).
const MAY_OVERTAKE_US: i64 = 500_000;

/// Everything that waits.
#[derive(Debug)]
pub struct Store {
    /// What lies on disk.
    pub spool: Spool,
    names: HashMap<Home, Arc<str>>,
    fleeting: Fleeting,
}

impl Store {
    /// Opens or begins the spool of a folder; no two processes can have one.
    pub fn open(folder: &Path, most_events: u64, grace: Duration) -> Result<Self, SpoolError> {
        let spool = Spool::open(folder, most_events, grace, is_sound)?;
        Ok(Self { spool, names: HashMap::new(), fleeting: Fleeting::default() })
    }

    /// The key of something that is fed.
    pub fn key_of(&mut self, config: &Config, home: &Home) -> Arc<str> {
        if let Some(key) = self.names.get(home) {
            return Arc::clone(key);
        }
        let key = home.key(config);
        self.names.insert(home.clone(), Arc::clone(&key));
        key
    }

    /// Takes liquidations and trades with their keys. `smallest` is from which size on a liquidation is kept longest while
    /// its series' threshold is not known.
    pub fn append(
        &mut self,
        events: &[(Arc<str>, Arrived)],
        is_per_exchange: bool,
        smallest: impl Fn(&Event) -> f64,
    ) -> Result<(), SpoolError> {
        let entries = events.iter().filter_map(|(key, arrived)| entry_of(key, arrived, is_per_exchange, &smallest));
        self.spool.append(entries.collect())
    }

    /// Takes what is held in memory only.
    pub fn take_fleeting(&mut self, key: Arc<str>, home: Home, told: Told) {
        self.fleeting.take(key, home, told);
    }

    /// What of it may go: that of markets whose trades have gone, but for those of a moment ago. A price that ran ahead
    /// of the trades before it would close their candle.
    pub fn offers(&mut self, passed: impl Fn(&str) -> bool) -> Vec<Offer> {
        let before_us = now_us() - MAY_OVERTAKE_US;
        let spool = &self.spool;
        self.fleeting.give(|key| !passed(key) && !spool.has_waiting_since(key, before_us))
    }

    /// Takes back what could not be delivered.
    pub fn put_back(&mut self, offers: Vec<Offer>) {
        self.fleeting.put_back(offers);
    }

    /// Whether something waits of a key that is not to be passed over.
    pub fn has_waiting(&self, passed: impl Fn(&str) -> bool) -> bool {
        self.fleeting.has_any(&passed) || self.spool.has_waiting(&passed)
    }
}
