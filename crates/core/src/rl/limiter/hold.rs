//! Until when a key is banned and whether it stays, in one word: a limiter with one limit then fills one cache line.

/// The topmost bit.
const KEPT: u64 = 1 << 63;

/// A ban's end and whether the key stays when nothing is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hold(u64);

impl Hold {
    /// The latest end there can be, microseconds since the epoch: the year 294247.
    const LATEST_US: u64 = KEPT - 1;

    pub const fn new(banned_until_us: u64, kept: bool) -> Self {
        let until_us = if banned_until_us > Self::LATEST_US { Self::LATEST_US } else { banned_until_us };
        Self(if kept { until_us | KEPT } else { until_us })
    }

    pub const fn banned_until_us(self) -> u64 {
        self.0 & Self::LATEST_US
    }

    pub const fn is_kept(self) -> bool {
        self.0 & KEPT != 0
    }

    pub const fn ban_until(&mut self, until_us: u64) {
        *self = Self::new(until_us, self.is_kept());
    }

    pub const fn keep(&mut self) {
        self.0 |= KEPT;
    }
}
