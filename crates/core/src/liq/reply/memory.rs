//! The reply of `LIQ.MEMORY`.

use crate::memory::{Mode, State};
use crate::wire::{Bytes, map_reply};

map_reply! {
    /// How short memory is, and what it is judged by.
    #[derive(Debug, Clone, PartialEq)]
    pub struct MemoryInfo {
        /// The memory mode in force.
        mode: Mode = "mode",
        /// Bytes that the module has allocated.
        used: u64 = "used",
        /// `liq.memory-budget`, or without one the server's `maxmemory`, bytes; 0 for neither.
        budget: u64 = "budget",
        /// The share of it that is used, 0 … 1: by the module of its own budget, by the server of `maxmemory`. `None`
        /// without a budget.
        ratio: Option<f64> = "ratio",
        /// Series held.
        series: u64 = "series",
        /// Rate limiters held.
        limiters: u64 = "limiters",
        /// Markets held.
        markets: u64 = "markets",
        /// When the mode was entered, Unix milliseconds; `None` for no change since the module was loaded.
        since_ms: Option<u64> = "since",
        /// Keys that the server evicted since it started.
        evicted_keys: u64 = "evicted_keys",
        /// What endangers the data although nothing is wrong yet.
        warning: Option<Bytes> = "warning",
    }
}

impl MemoryInfo {
    /// What is known without the server, to be completed.
    pub const fn of(state: &State) -> Self {
        let State { mode, since_ms, used, budget, ratio } = *state;
        let ratio = match ratio {
            Some(thousandths) => Some(thousandths as f64 / 1000.0),
            None => None,
        };
        Self { mode, used, budget, ratio, series: 0, limiters: 0, markets: 0, since_ms, evicted_keys: 0, warning: None }
    }
}
