//! Versions that cannot be mistaken for one another.

use std::sync::atomic::{AtomicU64, Ordering};

static LATEST: AtomicU64 = AtomicU64::new(0);

/// Names one state of something. No two states of the process have the same, so that what is remembered of a value that
/// was exchanged for another can never pass for knowledge of the new one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Version(u64);

impl Version {
    /// One that there was not before.
    pub fn fresh() -> Self {
        Self(LATEST.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// One that no state has.
    pub const NONE: Self = Self(0);
}
