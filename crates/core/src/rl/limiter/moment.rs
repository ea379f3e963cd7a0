//! A point in time as the limits see it.

/// Microseconds in a millisecond.
pub const US_PER_MS: u64 = 1_000;

/// `ms` milliseconds in microseconds; more than 584,942 years are cut to that.
pub const fn us_from_ms(ms: u64) -> u64 {
    ms.saturating_mul(US_PER_MS)
}

/// Now, and how long ago the state was last brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Microseconds since the epoch.
    pub now_us: u64,
    /// Microseconds since the state's own clock.
    pub elapsed_us: u64,
}
