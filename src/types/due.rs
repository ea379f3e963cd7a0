//! When a key's expiry has to be put off again.

use crate::ffi::reign;

/// From when on the expiry of a key has to be put off again. Not saved, and void once the server's role changed: while
/// another server decided, the expiry and the options behind it may have become others. The default is overdue.
#[derive(Debug, Clone, Copy, Default)]
pub struct Due {
    at_ms: u64,
    /// Under which change of the role it was found.
    reign: u32,
}

impl Due {
    /// Due from `at_ms` on, Unix ms.
    pub fn at(at_ms: u64) -> Self {
        Self { at_ms, reign: reign() }
    }

    /// Never due.
    pub fn never() -> Self {
        Self::at(u64::MAX)
    }

    /// Whether it is due.
    #[inline]
    pub fn is_due(self, now_ms: u64) -> bool {
        now_ms >= self.at_ms || self.reign != reign()
    }

    /// Whether it never will be.
    #[inline]
    pub fn is_never(self) -> bool {
        !self.is_due(u64::MAX - 1)
    }
}
