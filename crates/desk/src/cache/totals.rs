//! What a cache has counted since it was built, in this process.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts of one process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Totals {
    /// Reads answered from this process' memory.
    pub local: u64,
    /// Reads answered from Redis, fresh.
    pub redis: u64,
    /// Reads answered with a value past its freshness.
    pub stale: u64,
    /// Loads that were begun.
    pub loads: u64,
    /// Reads that waited for somebody's load: of this process or another one.
    pub waited: u64,
    /// Reads and loads that found there is no such thing.
    pub missing: u64,
    /// Loads that failed, panicked or were given up.
    pub failed: u64,
    /// Loaded values that Redis did not take, as they were forgotten or put during the load.
    pub refused: u64,
    /// Steps that went without Redis, as it erred or was away.
    pub redis_errors: u64,
    /// Values found that were of another version, or broken.
    pub undecodable: u64,
}

impl Totals {
    /// The part of reads that needed no load of their own, 0 to 1; 0 before the first.
    pub fn hit_ratio(&self) -> f64 {
        let hits = self.local + self.redis + self.stale;
        let reads = hits + self.waited + self.loads;
        if reads == 0 { 0.0 } else { hits as f64 / reads as f64 }
    }
}

macro_rules! counters {
    ($($name:ident),*) => {
        /// The same, while they are counted.
        #[derive(Default)]
        pub(crate) struct Counters { $(pub(crate) $name: Count),* }

        impl Counters {
            pub(crate) fn totals(&self) -> Totals {
                Totals { $($name: self.$name.0.load(Ordering::Relaxed)),* }
            }
        }
    };
}

counters!(local, redis, stale, loads, waited, missing, failed, refused, redis_errors, undecodable);

/// One count; nothing else is ordered by it.
#[derive(Default)]
pub(crate) struct Count(AtomicU64);

impl Count {
    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}
