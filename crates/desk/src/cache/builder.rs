//! How a class of values is cached: for how long it is fresh, stale, kept in memory, and how long a load may take.

use std::sync::Arc;
use std::time::Duration;

use super::flight::{Flights, Pauses};
use super::local::Local;
use super::totals::Counters;
use super::{Cache, Inner};
use crate::{Error, Link, Space};

/// The longest time a value may be fresh or stale: a year.
const LONGEST: Duration = Duration::from_secs(366 * 86_400);

/// The settings of a class of values; see [`Cache::builder`].
#[derive(Debug, Clone)]
#[must_use]
pub struct Builder {
    pub(super) space: Space,
    pub(super) fresh: Duration,
    pub(super) stale: Duration,
    local: Option<Duration>,
    capacity: u64,
    missing: Option<Duration>,
    pub(super) load_limit: Duration,
    pub(super) soft_limit: Duration,
    pub(super) version: u32,
    pub(super) compress_above: usize,
    tracked: bool,
}

impl Builder {
    pub(super) const fn new(space: Space) -> Self {
        Self {
            space,
            fresh: Duration::ZERO,
            stale: Duration::ZERO,
            local: None,
            capacity: 16 << 20,
            missing: None,
            load_limit: Duration::from_secs(5),
            soft_limit: Duration::ZERO,
            version: 1,
            compress_above: 1024,
            tracked: false,
        }
    }

    /// How long a value is served without question; required, 1 ms to 366 days.
    pub const fn fresh(mut self, time: Duration) -> Self {
        self.fresh = time;
        self
    }

    /// How long after that it is still served, marked as stale, while one process loads it anew or the source fails; 0
    /// (the default) to 366 days.
    pub const fn stale(mut self, time: Duration) -> Self {
        self.stale = time;
        self
    }

    /// How long this process may answer from its own memory without asking Redis, so also how late it may notice that
    /// another process put or forgot the value. Default: a quarter of `fresh`, at most 1 s; 0 keeps nothing.
    pub const fn local(mut self, time: Duration) -> Self {
        self.local = Some(time);
        self
    }

    /// Bytes of this process' memory for this class; default 16 MiB, 0 keeps nothing.
    pub const fn capacity(mut self, bytes: u64) -> Self {
        self.capacity = bytes;
        self
    }

    /// How long it is remembered that there is no such thing; default a quarter of `fresh`, at most `fresh`.
    pub const fn missing(mut self, time: Duration) -> Self {
        self.missing = Some(time);
        self
    }

    /// A load that takes longer is given up, and another process may try; default 5 s, at least 1 ms.
    pub const fn load_limit(mut self, time: Duration) -> Self {
        self.load_limit = time;
        self
    }

    /// How long a read waits for a refresh before it takes the stale value; default 0: it takes it at once.
    pub const fn soft_limit(mut self, time: Duration) -> Self {
        self.soft_limit = time;
        self
    }

    /// Part of the key: programs with another version neither read nor overwrite these values. Default 1.
    pub const fn version(mut self, version: u32) -> Self {
        self.version = version;
        self
    }

    /// Values of more bytes are packed with zstd, where the crate is built with the feature `zstd`; default 1 KiB.
    pub const fn compress_above(mut self, bytes: usize) -> Self {
        self.compress_above = bytes;
        self
    }

    /// Copies in memory die when Redis tells that their value changed, so `local` may be (and is, unless set) as long as
    /// `fresh`. Needs a link that was opened by address; while the server does not tell, nothing is kept in memory. The
    /// process that wrote a value hears of it too, and reads it from Redis once more.
    pub const fn tracked(mut self) -> Self {
        self.tracked = true;
        self
    }

    /// The cache.
    ///
    /// # Errors
    /// [`Error::Argument`] names the setting outside its range.
    pub fn build<T: Send + Sync + 'static>(self, link: &Link) -> Result<Cache<T>, Error> {
        let refuse = |text: &str| Err(Error::Argument(text.into()));
        if self.fresh < Duration::from_millis(1) || self.fresh > LONGEST {
            return refuse("fresh: must be 1 ms to 366 days");
        }
        if self.stale > LONGEST {
            return refuse("stale: must be at most 366 days");
        }
        if self.load_limit < Duration::from_millis(1) || self.load_limit > LONGEST {
            return refuse("load_limit: must be 1 ms to 366 days");
        }
        if self.tracked && link.client().is_none() {
            return refuse("tracked: needs a link that was opened by address");
        }
        let quarter = self.fresh / 4;
        let longest_local = if self.tracked { self.fresh } else { quarter.min(Duration::from_secs(1)) };
        let local = self.local.unwrap_or(longest_local).min(self.fresh);
        let missing = self.missing.unwrap_or(quarter).min(self.fresh);
        let inner = Arc::new(Inner {
            link: link.clone(),
            local: Local::new(self.capacity, local.max(Duration::from_millis(1))),
            local_time: local,
            missing_time: missing,
            flights: Arc::new(Flights::default()),
            pauses: Pauses::new(),
            counters: Counters::default(),
            tracking: self.tracked.then(super::tracking::Tracking::default),
            settings: self,
        });
        Ok(Cache { inner })
    }

    /// The longest a value lies in Redis.
    pub(super) fn stay(&self) -> Duration {
        self.fresh + self.stale
    }
}
