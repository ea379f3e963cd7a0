//! The time of a key's last change with two marks, in one word: a limiter with one limit then fills one cache line.

use super::moment::LATEST_US;

/// The topmost bit: the key stays when nothing is used.
const KEPT: u64 = 1 << 63;
/// The bit below: the server was told by this process when the key expires.
const TIMED: u64 = 1 << 62;

/// When a key last changed, by its own time, whether it stays when nothing is used, and whether its expiry is known to
/// be set. The last is of this process alone: it is not saved.
#[derive(Debug, Clone, Copy)]
pub(super) struct Stamp(u64);

impl Stamp {
    pub const fn new(clock_us: u64, kept: bool) -> Self {
        let clock_us = if clock_us > LATEST_US { LATEST_US } else { clock_us };
        Self(if kept { clock_us | KEPT } else { clock_us })
    }

    pub const fn clock_us(self) -> u64 {
        self.0 & LATEST_US
    }

    pub const fn set_clock(&mut self, clock_us: u64) {
        let clock_us = if clock_us > LATEST_US { LATEST_US } else { clock_us };
        self.0 = self.0 & !LATEST_US | clock_us;
    }

    pub const fn is_kept(self) -> bool {
        self.0 & KEPT != 0
    }

    pub const fn keep(&mut self) {
        self.0 |= KEPT;
    }

    pub const fn is_timed(self) -> bool {
        self.0 & TIMED != 0
    }

    pub const fn set_timed(&mut self) {
        self.0 |= TIMED;
    }
}
