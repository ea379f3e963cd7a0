//! Time as a limiter sees it: the clocks of the process, and the moment of one key.

/// Microseconds in a millisecond.
pub const US_PER_MS: u64 = 1_000;

/// No time is believed to be later: the year 148108.
pub const LATEST_US: u64 = (1 << 62) - 1;

/// `ms` milliseconds in microseconds; more than 584,942 years are cut to that.
pub const fn us_from_ms(ms: u64) -> u64 {
    ms.saturating_mul(US_PER_MS)
}

/// The clocks of a process, read together. The steady one is to be read first: what happens between both readings then
/// makes keys later, never earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    wall_us: u64,
    steady_us: u64,
}

impl Now {
    /// `wall_us` since the epoch, by a clock that may be set; `steady_us` since any time, by a clock that only elapses.
    /// Both are cut to 146,000 years.
    pub const fn new(wall_us: u64, steady_us: u64) -> Self {
        Self { wall_us: earlier(wall_us, LATEST_US), steady_us: earlier(steady_us, LATEST_US) }
    }

    /// Microseconds since the epoch by the clock that may be set.
    pub const fn wall_us(self) -> u64 {
        self.wall_us
    }

    /// What a key's time is ahead of the steady clock when it is `key_us` now.
    pub(super) const fn lead_us(self, key_us: u64) -> i64 {
        // Both are below 2^62.
        earlier(key_us, LATEST_US) as i64 - self.steady_us as i64
    }

    /// The time of a key with this lead; not before `least_us`, its last change.
    pub(super) const fn moment(self, lead_us: i64, least_us: u64) -> Moment {
        let key_us = earlier(self.steady_us.saturating_add_signed(lead_us), LATEST_US);
        let key_us = if key_us < least_us { least_us } else { key_us };
        Moment { now_us: key_us, elapsed_us: key_us - least_us, wall_us: self.wall_us }
    }
}

const fn earlier(a_us: u64, b_us: u64) -> u64 {
    if a_us < b_us { a_us } else { b_us }
}

/// Now for one key.
///
/// A key's own time is the wall clock's when a process made the key or took it over, unless the key had seen a later
/// one, and passes from then on as time elapses, whatever becomes of the wall clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Now by the key's own time, microseconds since the epoch.
    pub now_us: u64,
    /// Microseconds since the key's last change.
    pub elapsed_us: u64,
    /// Now by the wall clock, microseconds since the epoch: for aligned windows, and for what the server expires.
    pub wall_us: u64,
}

impl Moment {
    /// The same moment once the state was brought up to it.
    pub(super) const fn settled(self) -> Self {
        Self { elapsed_us: 0, ..self }
    }

    /// Now by the later of both clocks.
    pub(super) const fn later_us(self) -> u64 {
        if self.now_us < self.wall_us { self.wall_us } else { self.now_us }
    }
}
